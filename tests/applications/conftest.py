"""Fixtures for the tests of applications."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.cast import Api

Do = Callable[..., TestResponse]


@pytest.fixture
def crm(ada: Api) -> dict[str, Any]:
    return ada.create("applications", display_name="CRM 360", slug="crm")


@pytest.fixture
def do(ada: Api, crm: dict[str, Any]) -> Do:
    """Return `do("suspend")`, which changes the CRM's state as Ada, with a reason."""

    def verb(name: str, reason: str | None = "A key leaked.", by: Api = ada) -> TestResponse:
        body = {} if reason is None else {"reason": reason}
        return by.post(f"/applications/{crm['id']}/{name}", body)

    return verb
