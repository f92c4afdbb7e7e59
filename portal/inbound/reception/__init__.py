"""A request that comes in: kept, deduplicated, published."""
