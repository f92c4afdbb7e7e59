"""Publish events: the SQL statements, the group commit and the fast path on the event loop.

Read `publication` (the statements, with `claim.sql` and `store.sql`), `key_material` (API keys in
the data), `group_commit` (many requests in one transaction) and `door` (the fast path).
"""
