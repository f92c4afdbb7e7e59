"""Fixtures for connectors, with their secrets in either store."""

from collections.abc import Callable

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal import secretstore
from portal.database.session import enter_tenant, session
from portal.secretstore import SecretRef, SecretStore, StoreSealed

Reveal = Callable[[str], dict[str, str] | None]


def ref_of(connector_id: str) -> SecretRef:
    """Return the location of the credentials of one of Acme's connectors."""
    return SecretRef(ACME, "connectors", connector_id, "credentials")


@pytest.fixture
def reveal(app: Flask, operators_store: Callable[[], SecretStore]) -> Reveal:
    """Return `reveal(id)`, which reads a connector's stored secrets; None if unreadable."""

    def look(connector_id: str) -> dict[str, str] | None:
        with app.app_context():
            enter_tenant(ACME)
            try:
                return dict(operators_store().get(ref_of(connector_id), reason="test"))
            except secretstore.SecretNotFound:
                return None
            finally:
                session.remove()

    return look


class SealedStore:
    """A sealed secret store: it refuses every operation and reports that it is sealed."""

    def __getattr__(self, verb: str) -> Callable[..., None]:
        def refuse(*args: object, **kwargs: object) -> None:
            raise StoreSealed

        return refuse

    def health(self) -> secretstore.StoreHealth:
        return secretstore.StoreHealth(secretstore.StoreState.SEALED, "Locked.")

    recent_health = health


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return `sealed()`, which seals the secret store from now on."""
    return lambda: monkeypatch.setattr(secretstore, "_configured", SealedStore())
