"""What the tests of keys share."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cast import ADA, Pages
from tests.databases import Database


@pytest.fixture
def page(browse: Callable[..., Pages]) -> Pages:
    """Ada's browser."""
    return browse(ADA)


@pytest.fixture
def sql(database: Database) -> Callable[..., Any]:
    """`sql("UPDATE … = %s", value)`: as superuser, as nobody in the portal could."""
    return database.sql
