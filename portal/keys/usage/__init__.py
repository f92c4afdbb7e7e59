"""The use of keys: figures, explanations of refusals, weaknesses and notices.

Read `figures`, `explain` (why a call was refused), `insight` (both, for admins), `concerns`
(weaknesses) and `expiry_notices`, which the worker runs, then `health` with its two files of SQL.
"""
