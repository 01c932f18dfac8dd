"""The core of Holdfast: values and decisions. AWS is called in `organizations` only."""
