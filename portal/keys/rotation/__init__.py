"""The rotation of a key to a successor, and how far its callers have moved to it."""
