"""A key that follows another, and how far its callers have moved over."""
