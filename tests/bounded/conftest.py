"""Fixtures that the tests of hostile tenants share with those of webhooks and quotas."""

from tests.quotas.conftest import set_quota
from tests.webhooks.conftest import settings

__all__ = ["set_quota", "settings"]
