"""Fixtures, imported from the tests of webhooks."""

from tests.webhooks.conftest import make, receiver

__all__ = ["make", "receiver"]
