"""Sign outgoing requests, and make the secrets for that."""
