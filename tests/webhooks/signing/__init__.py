"""Tests of what `portal` does in webhooks, signing."""
