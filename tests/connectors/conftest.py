"""Connectors with their secrets in either store."""

from collections.abc import Callable

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal import secretstore
from portal.database.session import enter_tenant, session
from portal.secretstore import SecretRef, StoreSealed
from tests.secretstore.openbao import OpenBao

Reveal = Callable[[str], dict[str, str] | None]


def ref_of(connector_id: str) -> SecretRef:
    """Return where the credentials of one of Acme's connectors are."""
    return SecretRef(ACME, "connectors", connector_id, "credentials")


@pytest.fixture(params=["embedded", "vault"])
def either_store(
    request: pytest.FixtureRequest, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Return the portal keeps its secrets in its own tables, then in a real OpenBao."""
    if request.param == "vault":
        server = request.getfixturevalue("bao")
        openbao = OpenBao(server["address"], server["token"])
        openbao.prepare()
        monkeypatch.setattr(secretstore, "_configured", openbao.store())
    return str(request.param)


@pytest.fixture
def reveal(app: Flask) -> Reveal:
    """Return what the secret store really holds for a connector of Acme; None for nothing
    readable."""

    def look(connector_id: str) -> dict[str, str] | None:
        with app.app_context():
            enter_tenant(ACME)
            try:
                return dict(secretstore.store().get(ref_of(connector_id), reason="test"))
            except secretstore.SecretNotFound:
                return None
            finally:
                session.remove()

    return look


class SealedStore:
    """A store that is there and locked: every verb is refused, health says so."""

    def __getattr__(self, verb: str) -> Callable[..., None]:
        def refuse(*args: object, **kwargs: object) -> None:
            raise StoreSealed

        return refuse

    def health(self) -> secretstore.StoreHealth:
        return secretstore.StoreHealth(secretstore.StoreState.SEALED, "Locked.")


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """`sealed()` locks the secret store from now on."""
    return lambda: monkeypatch.setattr(secretstore, "_configured", SealedStore())
