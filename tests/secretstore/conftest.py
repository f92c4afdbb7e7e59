"""Start both stores on real servers, and provide what each needs around a test."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from portal.database.base import new_id
from portal.database.session import db, session, transaction
from portal.secretstore import SecretRef, SecretStore
from portal.secretstore.crypto import KeyRing
from portal.secretstore.embedded_store import EmbeddedStore
from tests.databases import Database
from tests.secretstore.openbao import OpenBao, OwnOpenBao, own_openbao

KEY = "the-store-key-of-the-tests-0123456789"

Work = Callable[[str], AbstractContextManager[None]]


@dataclass
class World:
    """A store, and `work(tenant_id)`, which runs one committed unit of work in that tenant."""

    name: str
    store: SecretStore
    work: Work


@pytest.fixture
def frame(database: Database) -> Iterator[Flask]:
    """Yield the smallest application that has our sessions, with the unprivileged role."""
    app = Flask("secretstore")
    app.config["SQLALCHEMY_DATABASE_URI"] = database.app_url
    db.init_app(app)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def work(frame: Flask) -> Work:
    """Return a context for one committed unit of work in a tenant. It leaves no session behind."""

    @contextmanager
    def in_tenant(tenant_id: str) -> Iterator[None]:
        with frame.app_context():
            try:
                with transaction(tenant_id):
                    yield
            finally:
                session.remove()

    return in_tenant


@pytest.fixture
def embedded() -> EmbeddedStore:
    return EmbeddedStore(KeyRing.derive([KEY]))


@pytest.fixture(scope="module")
def own_bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnOpenBao]:
    """Yield a server for this module alone, to seal and to configure. Leave it unsealed."""
    home: Path = tmp_path_factory.mktemp("bao")
    with own_openbao(home) as server:
        server.prepare()
        server.prepare(kind="service")
        yield server


@pytest.fixture(params=["embedded", "vault"])
def world(request: pytest.FixtureRequest) -> World:
    """Return one of the two stores. Each test runs with both."""
    if request.param == "embedded":
        store = request.getfixturevalue("embedded")
        return World("embedded", store, request.getfixturevalue("work"))
    server: OpenBao = request.getfixturevalue("openbao")
    return World("vault", server.store("earlier"), lambda tenant_id: nullcontext())


@pytest.fixture
def ref() -> SecretRef:
    """Return the reference of a secret that was never used before."""
    return SecretRef(new_id("tnt"), "connectors", new_id("cnn"), "credentials")
