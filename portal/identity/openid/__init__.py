"""The OpenID Connect relying party, and access tokens of the identity provider."""
