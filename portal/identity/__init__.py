"""Identify the caller: people and tenants, OpenID Connect sign-in, sessions, bearer tokens.

Read `models`, `openid` (the relying party, access tokens, claims), `sign_in` (the routes for
signing in and out) with `sign_in_limits`, `people` (maps claims to a person of a tenant),
`sessions`, `user_agents`, then `resource`, `pages`, `scope_grid`, `housekeeping`, `feature`.

Tables: tenant, person, web_session, seen_logout_token, sign_in_pace. The features above it call
`people`, `openid.claims`, `scope_grid` and `sessions.login`. `portal.keys` and
`portal.applications` also verify tokens with `openid`, the explorer keeps acts with `sessions`, and
`portal.ops` reads `models` and re-encrypts ID tokens.
"""
