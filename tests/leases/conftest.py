"""Fixtures: a token address, connectors of an application, real keys, and the worker's engine."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal import secretstore
from portal.database.session import enter_tenant, session
from portal.leases.engine import Engine
from portal.leases.models import slot_of
from portal.secretstore import SecretNotFound, SecretStore, Side
from tests.cast import Api
from tests.connectors.conftest import sealed
from tests.databases import Database
from tests.identity.serving import served
from tests.leases.kit import SECRET, TokenAddress
from tests.secretstore.openbao import OpenBao
from tests.webhooks.conftest import settings

__all__ = ["sealed", "settings"]

Make = Callable[..., dict[str, Any]]
Issue = Callable[..., Api]
Work = Callable[[], None]
Lease = Callable[[str], Any]


@pytest.fixture
def provider() -> Iterator[TokenAddress]:
    tokens = TokenAddress()
    with served(lambda _: tokens) as address:
        tokens.address = f"{address}/token"
        yield tokens
        tokens.gate.set()


@pytest.fixture
def application(ada: Api) -> dict[str, Any]:
    return ada.create("applications", display_name="Runtime")


@pytest.fixture
def issue(app: Flask, ada: Api) -> Issue:
    """Return `issue(application)`: a caller with a real key, by default one that takes leases."""

    def key(application: dict[str, Any] | None, *scopes: str) -> Api:
        body = {"application_id": application and application["id"]}
        made = ada.create("api-keys", **body, scopes=list(scopes or ("connectors:use",)))
        return Api(app.test_client(), made["key"])

    return key


@pytest.fixture
def runtime(application: dict[str, Any], issue: Issue) -> Api:
    """Return the application's program, with a key that may take leases."""
    return issue(application)


@pytest.fixture
def with_token(ada: Api, provider: TokenAddress, application: dict[str, Any]) -> Make:
    """Return `with_token(client="crm")`, which makes a connector that signs in by client
    credentials."""

    def make(client: str = "crm", **body: Any) -> dict[str, Any]:
        config = {"baseUrl": provider.address, "tokenUrl": provider.address}
        given = {
            "provider": "http",
            "auth_type": "oauth2_client_credentials",
            "config": config,
            "credentials": {"client_id": client, "client_secret": SECRET},
            "application_id": application["id"],
            **body,
        }
        return ada.create("connectors", **given)

    return make


@pytest.fixture
def with_password(ada: Api, application: dict[str, Any]) -> Make:
    """Return `with_password()`, which makes a connector whose credentials are handed out."""

    def make(**body: Any) -> dict[str, Any]:
        given = {
            "provider": "http",
            "auth_type": "basic",
            "config": {"baseUrl": "https://api.example.com"},
            "credentials": {"username": "svc", "password": "one-password"},
            "application_id": application["id"],
            **body,
        }
        return ada.create("connectors", **given)

    return make


@pytest.fixture
def work(app: Flask, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Return `work()`, which lets a worker serve all that is due, with the role of the workers."""

    def run() -> None:
        with as_worker(request, monkeypatch):
            asyncio.run(Engine(app).run_due())

    return run


def as_worker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a context in which the portal opens its secrets as a worker does."""
    context = monkeypatch.context()
    if "in_vault" not in request.fixturenames and "vault" not in request.node.name:
        return context

    class Worker:
        def __enter__(self) -> None:
            patch = context.__enter__()
            bao: OpenBao = request.getfixturevalue("openbao")
            patch.setattr(secretstore, "_configured", bao.store_of(Side.WORKER))

        def __exit__(self, *error: Any) -> None:
            context.__exit__(*error)

    return Worker()


@pytest.fixture
def lease(runtime: Api) -> Lease:
    """Return `lease(id)`, which asks for a lease with the application's key."""
    return lambda connector_id: runtime.post(f"/connectors/{connector_id}/leases", {})


@pytest.fixture
def access(database: Database) -> Callable[[str, str], Any]:
    """Return `access("state", id)`, which returns a column of what a connector hands out."""

    def look(column: str, connector_id: str) -> Any:
        query = f"SELECT {column} FROM connector_access WHERE connector_id = %s"
        return database.sql(query, connector_id)

    return look


@pytest.fixture
def worker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Return a context in which the portal opens its secrets as a worker does."""
    return lambda: as_worker(request, monkeypatch)


@pytest.fixture
def in_slot(app: Flask, operators_store: Callable[[], SecretStore]) -> Callable[[str], Any]:
    """Return `in_slot(id)`, which reads what may be handed out; None if there is nothing."""

    def look(connector_id: str) -> Any:
        return _as_operator(
            app, lambda: dict(operators_store().get(slot_of(ACME, connector_id), reason="test"))
        )

    return look


@pytest.fixture
def slots(app: Flask, operators_store: Callable[[], SecretStore]) -> Callable[[str], list[str]]:
    """Return `slots(id)`, which lists the slots that a connector has in the store."""
    return lambda id: _as_operator(app, lambda: operators_store().slots(ACME, "connectors", id))


@pytest.fixture
def empty_slot(app: Flask, operators_store: Callable[[], SecretStore]) -> Callable[[str], None]:
    """Return `empty_slot(id)`, which empties the slot behind the portal's back."""
    return lambda id: _as_operator(app, lambda: operators_store().delete(slot_of(ACME, id)))


def _as_operator(app: Flask, work: Callable[[], Any]) -> Any:
    with app.app_context():
        enter_tenant(ACME)
        try:
            done = work()
            session.commit()
        except SecretNotFound:
            return None
        finally:
            session.remove()
        return done
