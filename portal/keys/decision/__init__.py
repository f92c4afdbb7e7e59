"""The decision whether a key is valid: pure functions over a snapshot of the key."""
