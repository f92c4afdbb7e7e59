"""Limits as an operator sets them."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from portal.cli import main
from portal.identity.provider.people import ACME
from tests.databases import Database


@pytest.fixture
def set_quota(database: Database, tenants: tuple[str, str]) -> Callable[..., Result]:
    """`set_quota("--api-keys", "5")`: `portal tenant quota` for Acme."""

    def run(*words: str, tenant: str = ACME) -> Result:
        settings = {
            "PORTAL_DATABASE_URL": database.app_url,
            "PORTAL_MIGRATION_DATABASE_URL": database.owner_url,
        }
        return CliRunner().invoke(main, ["tenant", "quota", tenant, *words], env=settings)

    return run
