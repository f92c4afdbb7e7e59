"""Fixtures of all tests of keys."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cast import ADA, Pages
from tests.databases import Database


@pytest.fixture
def page(browse: Callable[..., Pages]) -> Pages:
    """Return Ada's browser."""
    return browse(ADA)


@pytest.fixture
def sql(database: Database) -> Callable[..., Any]:
    """Return `sql("UPDATE … = %s", value)`, which runs as superuser.

    It can do what no role of the portal may.
    """
    return database.sql
