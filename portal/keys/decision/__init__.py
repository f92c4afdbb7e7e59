"""Whether a key opens: pure functions over a snapshot of the key."""
