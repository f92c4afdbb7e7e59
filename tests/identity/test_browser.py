"""Signing in and out in a real browser, with portal and provider on two sites."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from flask import Flask
from playwright.sync_api import expect
from portal_devtools.identity_provider import ProviderClient, create_provider

from portal import create_app
from portal.core.config import Config, libpq_url
from portal.core.key_shape import SHAPE
from portal.database.session import db
from portal.identity.sessions.login import recent_sign_in_required
from tests.cast import CLIENT_ID, CLIENT_SECRET
from tests.databases import Database
from tests.identity.serving import served
from tests.looks import faults
from tests.thorough import LOOKS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@dataclass
class Site:
    """The portal's and the provider's address."""

    portal: str
    provider: str


@pytest.fixture
def site(
    make_config: Callable[..., Config],
    database: Database,
    tenants: tuple[str, str],
    tmp_path: Path,
) -> Iterator[Site]:
    """Yield a portal at localhost and a provider at 127.0.0.1: cross-site for SameSite."""
    with contextlib.ExitStack() as stack:
        providers: list[str] = []

        def portal(address: str) -> Flask:
            client = ProviderClient.portal(address, CLIENT_ID, CLIENT_SECRET)
            # Notify the portal under the other name, because its server listens on IPv4 only.
            back_channel = (client.backchannel_logout_uri or "").replace("localhost", "127.0.0.1")
            client = replace(client, backchannel_logout_uri=back_channel)
            provider = served(lambda url: create_provider(url, [client], data_dir=tmp_path))
            providers.append(stack.enter_context(provider))
            app = create_app(make_config(PORTAL_BASE_URL=address, PORTAL_OIDC_ISSUER=providers[0]))
            view = recent_sign_in_required(lambda: "done")
            app.add_url_rule("/dangerous", "dangerous", view, methods=["POST"])
            stack.callback(_put_away, app)
            return app

        with served(portal, host="localhost") as address:
            yield Site(address, providers[0])


def _put_away(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def page(browser: "Browser", site: Site) -> Iterator["Page"]:
    """Yield a page, which is closed before the portal is, so that it asks for nothing then."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: _hear(message, complaints))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def _hear(message: Any, complaints: list[str]) -> None:
    expected = "Failed to load resource: the server responded with a status of"
    if message.type in ("error", "warning") and not message.text.startswith(expected):
        complaints.append(message.text)


def choose(page: "Page", name: str) -> None:
    with page.expect_navigation():  # wait until the next page is complete, including its styles
        page.get_by_role("button", name=name).click()


def test_in_step_up_and_out(page: "Page", site: Site, database: Database) -> None:
    page.goto(f"{site.portal}/account/sessions")
    assert page.url.startswith(site.provider)
    choose(page, "Ada Almeida")
    page.wait_for_url(f"{site.portal}/account/sessions")
    expect(page.get_by_role("row", name="this one")).to_be_visible()

    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute("UPDATE web_session SET auth_time = now() - interval '1 hour'")
    page.evaluate(
        """() => { const form = document.querySelector('form[action="/auth/logout"]');
        form.action = '/dangerous'; form.submit(); }"""
    )
    page.wait_for_url(f"{site.provider}/**")
    choose(page, "Ada Almeida")
    page.wait_for_url(f"{site.portal}/auth/go-on")
    expect(page.get_by_text("done")).to_be_visible()

    page.goto(f"{site.portal}/account/sessions")
    page.get_by_role("button", name="Sign out").first.click()
    page.wait_for_url(f"{site.portal}/auth/logged-out**")
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    expect(page.get_by_text("did not confirm")).to_be_hidden()
    page.goto(f"{site.portal}/account/sessions")
    assert page.url.startswith(site.provider)


def test_a_form_that_needs_a_new_sign_in_is_done_after_it(
    page: "Page", site: Site, database: Database
) -> None:
    page.goto(f"{site.portal}/keys/new")
    choose(page, "Ada Almeida")
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute("UPDATE web_session SET auth_time = now() - interval '1 hour'")
    page.goto(f"{site.portal}/keys/new")
    page.get_by_label("Name").fill("Nightly export")
    page.locator('input[value="connectors:read"]').check()
    page.get_by_role("button", name="Issue key").click()
    page.wait_for_url(f"{site.provider}/**")
    choose(page, "Ada Almeida")
    secret = page.locator("[data-secret]")
    expect(secret).to_be_visible()
    assert re.fullmatch(SHAPE, secret.inner_text())
    page.reload()
    expect(secret).to_be_hidden()
    page.goto(f"{site.portal}/keys")
    expect(page.get_by_role("link", name="Nightly export")).to_have_count(1)


def test_signing_out_at_the_provider_signs_out_here(page: "Page", site: Site) -> None:
    page.goto(site.portal)
    choose(page, "Vic Lindqvist")
    page.wait_for_url(f"{site.portal}/")
    page.goto(site.provider)
    choose(page, "Sign Vic out everywhere")
    page.goto(f"{site.portal}/account/sessions")
    assert page.url.startswith(site.provider)


def test_it_all_works_without_javascript(browser: "Browser", site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.portal}/people")
    choose(page, "Ada Almeida")
    page.wait_for_url(f"{site.portal}/people")
    page.goto(f"{site.portal}/account/sessions")
    page.get_by_role("cell").get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{site.portal}/auth/logged-out**")
    context.close()


@pytest.mark.proof
@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_every_page_is_accessible(browser: "Browser", site: Site, theme: Any, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 860}, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    found: dict[str, Any] = {}

    def look(name: str) -> None:
        page.mouse.move(0, 0)
        page.evaluate("Promise.all(document.getAnimations().map(a => a.finished))")
        if wrong := faults(page):
            found[name] = wrong

    page.goto(site.portal)
    look("choose")
    choose(page, "Nora Nilsen")
    look("no access")
    page.goto(f"{site.provider}/")
    look("provider signed in")
    choose(page, "Sign Nora out everywhere")
    look("provider")
    page.goto(f"{site.portal}/auth/callback?state=none&code=none")
    look("failed")
    page.goto(f"{site.portal}/auth/logged-out?state=other")
    look("signed out, unconfirmed")
    page.goto(f"{site.portal}/people")
    choose(page, "Ada Almeida")
    look("people")
    page.get_by_role("button", name="End sessions").first.click()
    look("people dialog")
    page.goto(f"{site.portal}/account/sessions")
    look("sessions")
    page.goto(f"{site.portal}/auth/login?again=1")
    look("choose again")
    context.close()
    assert found == {}
