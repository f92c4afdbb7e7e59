"""Fixtures for checks: a provider that answers as the test says, and a worker that checks."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask, Response, request

from portal import secretstore
from portal.connections.engine import Engine
from portal.secretstore import Side
from portal.secretstore.vault import VaultStore
from tests.cast import Api
from tests.connectors.conftest import reveal, sealed
from tests.identity.serving import served
from tests.secretstore.openbao import OpenBao

__all__ = ["reveal", "sealed"]

RunChecks = Callable[[], None]
USER, PASSWORD = "svc-portal", "correct horse battery staple"


@dataclass
class Service:
    """A REST service that knows one user. The test sets how it answers.

    `calls` counts what carries credentials; without them, it is `is_open` or answers 401.
    """

    address: str = ""
    status: int = 200
    password: str = PASSWORD
    headers: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    is_open: bool = False
    while_waiting: Callable[[], None] = lambda: None

    def app(self) -> Flask:
        app = Flask("service")
        app.add_url_rule("/", view_func=self._answer)
        return app

    def _answer(self) -> Response:
        if "Authorization" not in request.headers:
            return Response("hello" if self.is_open else "who?", 200 if self.is_open else 401)
        self.calls += 1
        self.while_waiting()
        if self.is_open:
            return Response("hello", 200)
        known = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {known}":
            return Response("who?", 401)
        return Response("hello", self.status, self.headers)


@pytest.fixture
def service() -> Iterator[Service]:
    """Yield a REST service on this machine that asks for a user name and a password."""
    one = Service()
    with served(lambda _: one.app()) as address:
        one.address = address
        yield one


@pytest.fixture
def run_checks(app: Flask, request: pytest.FixtureRequest) -> RunChecks:
    """Return `run_checks()`, which runs all checks that are due, with a worker's rights."""

    def run() -> None:
        store = secretstore.store()
        with pytest.MonkeyPatch.context() as patch:
            if isinstance(store, VaultStore):
                openbao: OpenBao = request.getfixturevalue("openbao")
                patch.setattr(secretstore, "_configured", openbao.store_of(Side.WORKER))
            asyncio.run(Engine(app).run_due())

    return run


@pytest.fixture
def connector(ada: Api, service: Service) -> Callable[..., dict[str, Any]]:
    """Return a function that creates a connector to the service, with its password."""

    def make(**body: Any) -> dict[str, Any]:
        given = {
            "provider": "http",
            "auth_type": "basic",
            "config": {"baseUrl": service.address},
            "credentials": {"username": USER, "password": PASSWORD},
            **body,
        }
        return ada.create("connectors", **given)

    return make
