"""Sign outgoing requests, and make the secrets for that.

Read `standard_webhooks` (v1 and v1a), `signature_schemes` (all formats) and `receiver_code`, which
shows the programs in `code/` that verify our deliveries.
"""
