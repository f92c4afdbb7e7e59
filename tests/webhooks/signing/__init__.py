"""Tests of `portal.webhooks.signing`."""
