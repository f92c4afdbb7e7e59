"""Fixtures for the secret store of the tests' application: either kind, and changes behind it."""

from collections.abc import Callable

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal import secretstore
from portal.database.session import enter_tenant, session
from portal.secretstore import SecretStore
from tests.secretstore.openbao import OpenBao

Behind = Callable[[Callable[[SecretStore], object]], None]


@pytest.fixture
def in_vault(app: Flask, bao: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> OpenBao:
    """Let the portal store its secrets in a real OpenBao."""
    openbao = OpenBao(bao["address"], bao["token"])
    openbao.prepare()
    monkeypatch.setattr(secretstore, "_configured", openbao.store())
    return openbao


@pytest.fixture(params=["embedded", "vault"])
def either_store(request: pytest.FixtureRequest, app: Flask) -> str:
    """Let the portal store its secrets in its own tables, then in a real OpenBao."""
    if request.param == "vault":
        request.getfixturevalue("in_vault")
    return str(request.param)


@pytest.fixture
def behind(app: Flask) -> Behind:
    """Return `behind(change)`, which changes Acme's secrets behind the back of the records."""

    def change(work: Callable[[SecretStore], object]) -> None:
        with app.app_context():
            enter_tenant(ACME)
            work(secretstore.store())
            session.commit()
            session.remove()

    return change
