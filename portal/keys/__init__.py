"""API keys, with which the programs of an application authenticate.

Read first `models` (the record) and `tables` (the state of verification). `service` issues, blocks
and revokes keys, `decision` decides whether a key is valid, `limits` admits, counts and settles
calls, `verification` decides from memory and is current within milliseconds. `tokens` lists the
credentials that REST accepts. The other packages are `usage`, `listing`, `issuing`, `leaks`,
`revocation`, `rotation` and `posture`. `feature` wires all of them.

Tables: api_key, api_key_runtime and those in `tables`. SQL functions:
portal/migrations/functions/keys.

Other packages call `service`. The front server calls `verification.door`, and the REST edge calls
`tokens.rest_callers`.
"""
