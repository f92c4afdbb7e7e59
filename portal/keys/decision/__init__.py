"""The decision whether a key is valid: pure functions over a snapshot of the key.

Read `format` (a raw key), `snapshot` (all that decides), `decision` (the checks in order) and
`verdict` (the result of counting a call). `clock` is PostgreSQL's time in this process, and
`lookup_connections` keeps the connections with which snapshots are read.
"""
