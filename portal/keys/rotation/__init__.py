"""The rotation of a key to a successor, and how far its callers have moved to it.

Read `rotation` (rotate a key, or make a child key), `progress` (finish, extend or take back),
`operations` (REST) and `pages`.
"""
