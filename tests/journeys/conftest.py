"""Define the stage of the journeys: a portal with its own identity provider, and its worker."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from portal_devtools.identity_provider import ProviderClient, create_provider
from portal_devtools.identity_provider.signing_key import issue_token

from portal import create_app, secretstore
from portal.database.session import db
from portal.secretstore import SecretStore
from tests.cast import CLIENT_ID, CLIENT_SECRET, Api
from tests.configs import config_of
from tests.databases import Database
from tests.identity.serving import served
from tests.journeys.hands import WAYS, Mouse
from tests.thorough import IS_PROOF
from tests.webhooks.conftest import receiver
from tests.webhooks.kit import said, working

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["receiver"]

EXPECTED = "Failed to load resource: the server responded with a status of"


@dataclass
class Stage:
    """A portal at its own address, and the settings that a process beside it needs."""

    app: Flask
    address: str
    settings: dict[str, str]

    def rest(self, email: str) -> Api:
        """Return a caller of REST with a token of the provider."""
        data_dir = Path(self.settings["PORTAL_DATA_DIR"])
        issuer = self.settings["PORTAL_OIDC_ISSUER"]
        return Api(self.app.test_client(), issue_token(data_dir, issuer, email))

    def count_calls(self) -> None:
        """Write the calls with keys to the database, as a serving process does by itself."""
        with self.app.app_context():
            self.app.extensions["keys"].flush()


@pytest.fixture(scope="module")
def _portal(
    _settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stage, SecretStore]]:
    """Yield a served portal with an identity provider of its own, and its secret store."""
    data_dir = tmp_path_factory.mktemp("journeys")
    with contextlib.ExitStack() as stack:
        made: list[Stage] = []

        def portal(address: str) -> Flask:
            client = ProviderClient.portal(address, CLIENT_ID, CLIENT_SECRET)
            client = replace(client, backchannel_logout_uri=None)
            issuer = stack.enter_context(
                served(lambda url: create_provider(url, [client], data_dir=data_dir))
            )
            own = {
                "PORTAL_BASE_URL": address,
                "PORTAL_OIDC_ISSUER": issuer,
                "PORTAL_DATA_DIR": str(data_dir),
            }
            app = create_app(config_of(_settings | own))
            made.append(Stage(app, address, {**os.environ, **_settings, **own}))
            return app

        with served(portal, host="localhost"):
            yield made[0], secretstore.store()
        with made[0].app.app_context():
            db.engine.dispose()


@pytest.fixture
def stage(
    _portal: tuple[Stage, SecretStore],
    database: Database,
    tenants: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    """Return a portal whose tenants have nothing yet."""
    stage, store = _portal
    # A process has one store: that of the application that was created last.
    monkeypatch.setattr(secretstore, "_configured", store)
    return stage


@pytest.fixture
def worker(stage: Stage) -> Iterator[None]:
    """Run a worker of this portal in a process of its own."""
    with working(stage.settings) as process:
        said(process, "delivery ready")
        yield


def ways(*names: str, first: str) -> Any:
    """Tell a story in these ways in a proof, and only in the first one in `make test`."""
    chosen = names if IS_PROOF else (first,)
    return pytest.mark.parametrize("way", chosen)


Enter = Callable[..., Mouse]


@pytest.fixture
def enter(browser: "Browser", stage: Stage, way: str) -> Iterator[Enter]:
    """Yield `enter("Ada Almeida")`: sign in through the provider, and return this person's hands.

    What the browser complained about fails the test.
    """
    complaints: list[str] = []
    contexts = []
    everyone = []

    def hear(kind: str, text: str) -> None:
        if kind in ("error", "warning") and not text.startswith(EXPECTED):
            complaints.append(text)

    def come(name: str) -> Mouse:
        kind = WAYS[way]
        context = browser.new_context(base_url=stage.address, java_script_enabled=kind.script)
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: hear(message.type, message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        person = kind(page)
        everyone.append(person)
        person.open("/")
        person.activate(page.get_by_role("button", name=name))
        page.wait_for_url(f"{stage.address}/")
        return person

    yield come
    for person in everyone:
        print(person.page.url, person.page.locator("body").aria_snapshot())  # noqa: T201  shown with a failure
    for context in contexts:
        context.close()
    assert complaints == []
