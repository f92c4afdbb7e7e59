"""Fixtures of the tests of saved views."""

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from portal.core.config import libpq_url
from tests.cast import Api
from tests.databases import Database


@pytest.fixture
def key_with(ada: Api) -> Callable[..., Api]:
    """Return a function that issues a key with some scopes, and calls with it."""

    def issued(*scopes: str) -> Api:
        return replace(ada, token=ada.create("api-keys", scopes=list(scopes))["key"])

    return issued


@pytest.fixture
def run(_database: Database) -> Callable[[str], None]:
    """Return a function that runs a statement as a superuser."""

    def executed(statement: str) -> None:
        with psycopg.connect(libpq_url(_database.superuser_url), autocommit=True) as connection:
            connection.execute(statement)

    return executed
