"""Fixtures that the tests of hostile tenants share with those of webhooks."""

from tests.webhooks.conftest import settings

__all__ = ["settings"]
