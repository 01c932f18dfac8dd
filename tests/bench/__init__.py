"""The benchmark: what Holdfast costs in calls, seconds, transitions and bytes. `make bench` runs it."""
