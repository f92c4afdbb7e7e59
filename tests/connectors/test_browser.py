"""Connectors in a real browser: accessible, within the strict policy, and without a script."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from playwright.sync_api import expect

from portal.identity.sessions.cookies import Cookies
from tests.cast import ADA, Api, Pages
from tests.identity import serving
from tests.looks import faults
from tests.web.conftest import Reader

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Serve the tests' application and yield its address."""
    with serving.served(lambda _: app) as address:
        yield address


@pytest.fixture
def window(
    app: Flask, browser: "Browser", address: str, browse: Callable[..., Pages]
) -> Iterator[Callable[..., "BrowserContext"]]:
    """Yield `window(viewport=…)`, which opens a browser in which Ada is signed in."""
    name = Cookies.of(app.extensions["portal"]).session
    cookie = browse(ADA).client.get_cookie(name)
    assert cookie is not None
    opened = []

    def make(**options: Any) -> "BrowserContext":
        context = browser.new_context(**options)
        context.set_default_timeout(10_000)
        context.add_cookies([{"name": name, "value": cookie.value, "url": address}])
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.mark.parametrize("script", [True, False])
def test_a_connector_is_set_up_step_by_step(
    window: Callable[..., "BrowserContext"], address: str, ada: Api, script: bool
) -> None:
    reader = Reader(window(java_script_enabled=script).new_page(), address)
    page = reader.open("/connectors")
    page.get_by_role("link", name="Add connector").first.click()
    page.get_by_role("link", name="Splunk Enterprise").click()
    expect(page.locator("#credentials-bearer-0")).to_be_visible()
    expect(page.locator("#credentials-basic-1")).to_be_hidden()
    page.get_by_label("User name and password").check()
    expect(page.locator("#credentials-bearer-0")).to_be_hidden()
    page.locator("#credentials-basic-0").fill("svc-cpod")
    page.locator("#credentials-basic-1").fill("nobody may see this")
    page.locator("#config-host").fill("https://splunk.acme.example/en-US")
    page.locator("#name").fill("Security log")
    page.get_by_role("button", name="Add connector").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    if script:
        assert faults(page) == {}
    expect(page.locator("#credentials-basic-1")).to_have_value("")
    page.locator("#config-host").fill("splunk.acme.example")
    page.locator("#credentials-basic-1").fill("nobody may see this")
    page.locator("#credentials-basic-0").fill("svc-cpod")
    page.get_by_role("button", name="Add connector").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Security log")
    assert "nobody may see this" not in page.content()
    made = (ada.get("/connectors").json or {})["items"][0]
    assert made["credential_fields"] == ["password", "username"]
    assert made["config"]["host"] == "splunk.acme.example"
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("button", name="Enable")).to_be_visible()
    assert reader.complaints == []
