"""The verification of keys: from memory where possible, and current within milliseconds.

Read `verifier` (the engine of one process), `verify` (the question and its answer), `cache`
(snapshots by hash), `change_listener` (hears of changes),
`heartbeat` (says so to other processes), `denials` (traces of refusals),
`use_counts`, `unknown_keys` (limits guesses), then the ways in: `door` (before Flask),
`introspection` and `own_rest` (calls of the portal's own REST API).
"""
