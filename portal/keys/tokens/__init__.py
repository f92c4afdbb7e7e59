"""The portal's own access tokens, and the credentials that REST accepts.

Read `rest_callers` (what REST accepts), `own_tokens` (a token made from a key), `signing_keys`,
`oauth` (the endpoints), `metadata` (how programs find them), `whoami` (`GET /me`), `described`
(the endpoints in the OpenAPI document) and `askers` (who asked for something that is done later).
"""
