"""Act on all stored secrets: wrap them with another key, or move them to another store.

Read `key_rotation` and `store_moves`. Only `portal.ops` imports them.
"""
