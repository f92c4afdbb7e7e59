"""Fixtures, imported from the tests of webhooks."""

from tests.webhooks.conftest import make, receiver, settings, two, watched, watcher

__all__ = ["make", "receiver", "settings", "two", "watched", "watcher"]
