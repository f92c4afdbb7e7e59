"""Who is asking: people and tenants, sign-in through OpenID Connect, sessions, bearer tokens.

Read `models`, `openid` (the relying party, access tokens, claims), `sign_in` (the routes of signing
in and out), `people` (from claims to a person of a tenant) and `sessions`.

Tables: tenant, person, web_session, seen_logout_token, sign_in_pace.
"""
