"""The verbs that every record shares, lists, search, validation and idempotency."""
