"""The slow path's core: what starts a run, what it finds, what it restores, and what is told."""
