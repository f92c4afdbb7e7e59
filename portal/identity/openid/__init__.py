"""The OpenID Connect relying party, and the verification of the provider's access tokens."""
