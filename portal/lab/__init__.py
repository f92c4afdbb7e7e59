"""Tries webhooks out: one signed test request, an event through the queue, a rehearsed failure.

Read `test_deliveries`, `trials`, `rehearsal`. It stands above delivery and inbound and nobody calls
it. It has no tables of its own: a test is a row of delivery_attempt.
"""
