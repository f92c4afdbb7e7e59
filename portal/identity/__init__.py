"""Identify the caller: people and tenants, OpenID Connect sign-in, sessions, bearer tokens.

Read `models`, `openid` (the relying party, access tokens, claims), `sign_in` (the routes for
signing in and out), `people` (maps claims to a person of a tenant) and `sessions`. Tables: tenant,
person, web_session, seen_logout_token, sign_in_pace.
"""
