"""The OpenID Connect relying party, and the verification of the provider's access tokens.

Read `issuer` (the provider's metadata and keys), `http_client` (requests to it), `relying_party`
(a person's sign-in), `access_tokens` (a program's token) and `claims` (tenant, role, scopes).
"""
