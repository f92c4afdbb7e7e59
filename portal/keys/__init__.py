"""API keys, with which the programs of an application authenticate.

Read first `models` (the record) and `tables` (the state of verification). `service` issues, blocks
and revokes keys, `decision` decides whether a key is valid, `limits` admits, counts and settles
calls, `verification` decides from memory and is current within milliseconds. `tokens` lists the
credentials that REST accepts. Then read `editing`, `issuing`, `rotation`, `revocation`, `leaks`,
`posture`, `usage` and `listing`, then `schemas`, `resource`, `operations`, `page_kit`, `pages`,
`summaries` (for other pages), `library_check` and `housekeeping`. `feature` wires all of them.

Tables: api_key, api_key_runtime and those in `tables`. SQL functions:
portal/migrations/functions/keys.

The front calls `verification`. `create_app` and the explorer use `tokens.rest_callers`.
`portal.bulk` calls `service`, `resource`, `schemas`, `editing.forms` and `listing.filters`;
`portal.saved_views` reads `listing.table`; `portal.connections` and `portal.leases` read `models`.
`portal.ops` reads `tokens.signing_keys` and `verification.change_listener`.
"""
