"""Test the whole loop over real HTTP: an event is published, sent by a worker, received by the
inbox."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from portal import create_app
from portal.core.config import Config
from portal.database.session import db
from tests.cast import ADA, Api, Provider
from tests.databases import Database
from tests.delivery.test_engine import publish, until
from tests.identity.serving import served
from tests.lab.test_browser import tab_of_ada
from tests.webhooks.kit import said, working

PATIENCE = 60_000


@pytest.fixture
def portal(
    make_config: Callable[..., Config], database: Database, tenants: tuple[str, str]
) -> Iterator[tuple[Flask, str]]:
    """Yield a portal that is served at its own address, and that address, so that its inbox can be
    called."""
    made: list[Flask] = []

    def make(address: str) -> Flask:
        made.append(create_app(make_config(PORTAL_BASE_URL=address)))
        return made[0]

    with served(make) as address:
        yield made[0], address
    with made[0].app_context():
        db.engine.dispose()


@pytest.fixture
def worker(portal: tuple[Flask, str], settings: dict[str, str]) -> Iterator[None]:
    """Run a worker of this portal in a process of its own."""
    with working(settings | {"PORTAL_BASE_URL": portal[1]}) as process:
        said(process, "delivery ready")
        yield


@pytest.fixture
def page(portal: tuple[Flask, str], browser: Browser) -> Iterator[Page]:
    with tab_of_ada(browser, *portal) as tab:
        tab.set_default_timeout(PATIENCE)
        yield tab


@pytest.fixture
def rest(portal: tuple[Flask, str], token_provider: Provider) -> Api:
    return Api(portal[0].test_client(), token_provider.token(ADA))


def webhooks(rest: Api) -> dict[str, dict[str, Any]]:
    """Return the inbox and the webhook that sends to it, by direction."""
    return {one["direction"]: one for one in (rest.get("/webhooks").json or {})["items"]}


def states(rest: Api) -> list[tuple[str, int]]:
    """Return the states of the deliveries to the inbox, each with the status of the response."""
    sender = webhooks(rest)["outbound"]
    items = (rest.get(f"/webhooks/{sender['id']}/deliveries").json or {})["items"]
    return [(one["state"], one["status"]) for one in items if one["event_type"] == "rfp.created"]


def test_an_event_goes_round_and_the_inbox_shows_that_its_signature_is_right(
    page: Page, rest: Api, worker: None
) -> None:
    page.goto("/inbox")
    page.get_by_role("button", name="Send to the inbox").click()
    expect(page.get_by_text("Every event goes to the inbox now.")).to_be_visible()
    [event] = publish(rest, {"type": "rfp.created", "data": {"number": 7}, "subject": "rfp_7"})

    row = page.locator("#received-rows tr", has_text="rfp.created")
    expect(row).to_contain_text("Signature verified", ignore_case=True, timeout=PATIENCE)
    expect(row).to_contain_text("accepted")
    row.get_by_role("link").click()
    request = page.locator("main")
    expect(request).to_contain_text('"number": 7')
    expect(request).to_contain_text(event["id"])
    expect(request).to_contain_text(webhooks(rest)["outbound"]["secret_fingerprint"])
    until(lambda: states(rest) == [("delivered", 200)])
