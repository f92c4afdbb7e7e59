"""Verify the signatures of senders, and diagnose why one fails.

Read `message` (a received request), `provider_schemes` (how providers sign, as data) and
`signature_check`. It uses `canonical`, `documents`, `json_web_tokens`, `sns` and `codes`. Then read
`inbound_secrets`, `challenges` and `signature_doctor` (why a signature fails).
"""
