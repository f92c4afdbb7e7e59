"""Fixtures for the secret store of the tests' application: either kind, and changes behind it."""

from collections.abc import Callable

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal import secretstore
from portal.database.session import enter_tenant, session
from portal.secretstore import SecretStore, Side
from portal.secretstore.vault import VaultStore
from tests.secretstore.openbao import OpenBao

Behind = Callable[[Callable[[SecretStore], object]], None]


@pytest.fixture(scope="session")
def openbao(bao: dict[str, str]) -> OpenBao:
    """Return the run's shared server with the portal's role. Use your own ids."""
    server = OpenBao(bao["address"], bao["token"])
    server.prepare()
    return server


@pytest.fixture
def in_vault(app: Flask, openbao: OpenBao, monkeypatch: pytest.MonkeyPatch) -> OpenBao:
    """Let the portal store its secrets in a real OpenBao, with the role of a web process."""
    monkeypatch.setattr(secretstore, "_configured", openbao.store_of(Side.WEB))
    return openbao


@pytest.fixture(params=["embedded", "vault"])
def either_store(request: pytest.FixtureRequest, app: Flask) -> str:
    """Let the portal store its secrets in its own tables, then in a real OpenBao."""
    if request.param == "vault":
        request.getfixturevalue("in_vault")
    return str(request.param)


@pytest.fixture
def operators_store(request: pytest.FixtureRequest) -> Callable[[], SecretStore]:
    """Return a function: the portal's store, as somebody who may do everything with it."""

    def find() -> SecretStore:
        store = secretstore.store()
        if isinstance(store, VaultStore):
            openbao: OpenBao = request.getfixturevalue("openbao")
            return openbao.store("earlier")
        return store

    return find


@pytest.fixture
def behind(app: Flask, operators_store: Callable[[], SecretStore]) -> Behind:
    """Return `behind(change)`, which changes Acme's secrets behind the back of the records."""

    def change(work: Callable[[SecretStore], object]) -> None:
        with app.app_context():
            enter_tenant(ACME)
            work(operators_store())
            session.commit()
            session.remove()

    return change
