"""API keys: how programs of an application prove who they are.

Read `models` (the record) and `tables` (the state of verification), `service` (issue, block,
revoke), `decision` (does a key open), `limits` (calls admitted, counted, settled), `verification`
(the same from memory, current within milliseconds). `tokens` says who may call REST. Then what
stands around: `usage`, `listing`, `issuing`, `leaks`, `revocation`, `rotation`, `posture`.
`feature` wires all of it.

Tables: api_key, api_key_runtime and those in `tables`. SQL functions:
portal/migrations/functions/keys.

Others call `service`; the front calls `verification.door`, the REST edge `tokens.rest_callers`.
"""
