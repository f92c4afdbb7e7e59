"""How signatures of providers are checked, and why one fails."""
