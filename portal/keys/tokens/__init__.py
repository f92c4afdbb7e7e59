"""The portal's own access tokens, and the credentials that REST accepts."""
