"""Who is asking: sign-in through OpenID Connect, sessions, people, tenants, bearer tokens."""
