"""How outgoing requests are signed, and the secrets that sign them."""
