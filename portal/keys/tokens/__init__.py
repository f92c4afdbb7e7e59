"""The portal's own access tokens, and who calls REST by which credential."""
