"""The portal with a foreign provider: npm oidc-provider, over the network."""

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask

from portal import create_app
from portal.core.config import Config
from portal.database.session import db
from portal.identity.openid.access_tokens import TokenVerifier
from portal.identity.openid.issuer import Issuer
from tests.databases import Database
from tests.identity.serving import served
from tests.keeper import free_port
from tests.machine import NODE
from tests.npm_packages import installed

SOURCE = Path(__file__).parent / "foreign_idp"
REPORTER = ("reporter", "the secret of a reporting program")


@contextlib.contextmanager
def running(portal: str, tenant: str) -> Iterator[str]:
    """Run the provider for the portal at that address; yield its issuer."""
    port = free_port()
    process = subprocess.Popen(
        [NODE, "idp.mjs"],
        cwd=installed(SOURCE, "idp.mjs"),
        env={
            "PATH": os.environ["PATH"],
            "NODE_NO_WARNINGS": "1",
            "IDP_PORT": str(port),
            "RP_BASE": portal,
            "TENANT": tenant,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        lines = iter(process.stdout.readline, "")
        assert any(line.strip() == "ready" for line in lines), "the provider did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=10)


@dataclass
class World:
    """A portal and a foreign provider over the network, and a browser between them."""

    portal: str
    issuer: str

    def __post_init__(self) -> None:
        self.browser = self.new_browser()

    def new_browser(self) -> requests.Session:
        browser = requests.Session()
        browser.trust_env = False
        browser.headers["Sec-Fetch-Site"] = "same-origin"
        return browser

    def open(self, path: str) -> requests.Response:
        return self.browser.get(self.portal + path, timeout=10)

    def press(self, path: str, page: requests.Response) -> requests.Response:
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert token
        return self.browser.post(self.portal + path, data={"csrf_token": token[1]}, timeout=10)

    def sign_in(
        self, login: str, password: str, path: str = "/account/sessions"
    ) -> requests.Response:
        """Open a page, sign in at the provider, and return the portal's response."""
        page = self.open(path)
        assert page.url.startswith(self.issuer), page.url
        form = {"login": login, "password": password}
        return self.browser.post(page.url, data=form, timeout=10)


@pytest.fixture
def world(
    make_config: Callable[..., Config], database: Database, tenants: tuple[str, str]
) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        issuers: list[str] = []

        def portal(address: str) -> Flask:
            issuers.append(stack.enter_context(running(address, tenants[0])))
            app = create_app(
                make_config(
                    PORTAL_BASE_URL=address,
                    PORTAL_OIDC_ISSUER=issuers[0],
                    PORTAL_OIDC_ROLE_MAP="tenant_admin=admin",
                )
            )
            stack.callback(_put_away, app)
            return app

        with served(portal) as address:
            yield World(address, issuers[0])


def _put_away(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


def test_in_and_out(world: World) -> None:
    page = world.sign_in("alice", "alice-pw")
    assert page.url == f"{world.portal}/account/sessions"
    assert "Alice Acme" in page.text

    elsewhere = World(world.portal, world.issuer)
    assert "Alice Acme" in elsewhere.sign_in("alice", "alice-pw").text

    asked = world.press("/auth/logout", page)
    assert asked.url.startswith(world.issuer)
    secret = re.search(r'name="xsrf" value="([^"]+)"', asked.text)
    action = re.search(r'action="([^"]+)"', asked.text)
    assert secret
    assert action
    out = world.browser.post(action[1], data={"xsrf": secret[1], "logout": "yes"}, timeout=10)
    assert urlsplit(out.url).path == "/auth/logged-out"
    assert "You are signed out" in out.text
    assert "did not confirm" not in out.text
    assert world.open("/account/sessions").url.startswith(world.issuer)
    assert "Alice Acme" in elsewhere.open("/account/sessions").text, "another session of hers"


def test_the_provider_ends_the_session(world: World) -> None:
    """Check that signing out at the provider reaches the portal by the back channel alone."""
    page = world.sign_in("alice", "alice-pw")
    at_provider = world.new_browser()
    at_provider.cookies.update(
        {cookie.name: cookie.value for cookie in world.browser.cookies if cookie.name[0] == "_"}
    )
    asked = at_provider.get(f"{world.issuer}/session/end", timeout=10)
    secret = re.search(r'name="xsrf" value="([^"]+)"', asked.text)
    assert secret
    at_provider.post(
        f"{world.issuer}/session/end/confirm",
        data={"xsrf": secret[1], "logout": "yes"},
        timeout=10,
    )
    assert world.open("/account/sessions").url.startswith(world.issuer)
    assert page.status_code == 200


def test_a_step_up_asks_for_the_password_again(world: World) -> None:
    world.sign_in("alice", "alice-pw")
    asked = world.open("/auth/login?again=1&next=/account/sessions")
    assert asked.url.startswith(f"{world.issuer}/login/")
    form = {"login": "alice", "password": "alice-pw"}
    page = world.browser.post(asked.url, data=form, timeout=10)
    assert "Press the button again" in page.text


def test_who_has_no_role_or_a_wrong_password_stays_out(world: World) -> None:
    assert "has no role" in world.sign_in("bob", "bob-pw").text
    other = World(world.portal, world.issuer)
    assert "You were not signed in" in other.sign_in("alice", "wrong").text


def test_a_programs_access_token(world: World, tenants: tuple[str, str]) -> None:
    form = {
        "grant_type": "client_credentials",
        "resource": "urn:cpod:integration",
        "scope": "applications:read",
    }
    answer = requests.post(f"{world.issuer}/token", data=form, auth=REPORTER, timeout=10)
    token = TokenVerifier(Issuer(world.issuer), "urn:cpod:integration").verify(
        answer.json()["access_token"]
    )
    assert (token.client_id, token.tenant) == ("reporter", tenants[0])
    assert token.is_of_a_program
    assert token.scopes == {"applications:read"}
