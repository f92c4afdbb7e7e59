"""Fixtures that set limits as an operator does."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal.ops.cli import main
from tests.databases import Database


@pytest.fixture
def set_quota(database: Database, tenants: tuple[str, str]) -> Callable[..., Result]:
    """Return `set_quota("--api-keys", "5")`, which runs `portal tenant quota` for Acme."""

    def run(*words: str, tenant: str = ACME) -> Result:
        settings = {
            "PORTAL_DATABASE_URL": database.app_url,
            "PORTAL_MIGRATION_DATABASE_URL": database.owner_url,
        }
        result = CliRunner().invoke(main, ["tenant", "quota", tenant, *words], env=settings)
        assert "setting" not in result.output, result.output  # a wrong setting
        return result

    return run


@pytest.fixture(autouse=True)
def _nothing_of_the_test_before(app: Flask) -> Iterator[None]:
    """Forget loans and totals, which a process keeps for seconds, before and after each test."""
    known = [app.extensions[name] for name in ("portal.rates", "portal.room")]
    for one in known:
        one.forget()
    yield
    for one in known:
        one.forget()
