"""Publish events: the SQL statements, the group commit and the fast path on the event loop."""
