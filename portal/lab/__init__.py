"""Test webhooks: one signed test request, an event through the queue, a simulated failure.

Read `test_deliveries`, `trials`, `rehearsal`. This package uses delivery and inbound, and no other
feature uses it. It has no tables of its own: a test is a row of delivery_attempt.
"""
