"""Tests of `portal.webhooks.verification`."""
