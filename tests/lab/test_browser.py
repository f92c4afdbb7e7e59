"""Test the test panel in a real browser, under the portal's own content security policy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.cast import ADA, Api, sign_in
from tests.identity.serving import served
from tests.looks import faults
from tests.thorough import IS_PROOF, LOOKS
from tests.webhooks.conftest import Make, Receiver

EXPECTED = "Failed to load resource: the server responded with a status of 422"


@contextmanager
def tab_of_ada(browser: Browser, app: Flask, address: str) -> Iterator[Page]:
    """Yield a browser tab of a served portal in which Ada is signed in. An unexpected error in the
    console fails the test."""
    complaints: list[str] = []
    context = browser.new_context(base_url=address)
    client = sign_in(app, ADA).client
    cookies = [
        {"name": cookie.key, "value": cookie.value, "url": address}
        for cookie in client._cookies.values()
    ]
    context.add_cookies(cookies)  # type: ignore[arg-type]
    tab = context.new_page()
    tab.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    context.close()
    assert [text for text in complaints if not text.startswith(EXPECTED)] == []


@pytest.fixture
def page(app: Flask, tenants: tuple[str, str], browser: Browser) -> Iterator[Page]:
    with served(lambda _: app) as address, tab_of_ada(browser, app, address) as tab:
        yield tab


def test_from_the_form_to_signature_verified(page: Page, receiver: Receiver) -> None:
    page.goto("/webhooks/new")
    page.get_by_label("Name required", exact=True).fill("CRM events")
    page.get_by_label("Target URL").fill(receiver.hook("crm"))
    page.get_by_label("Events", exact=True).fill("rfp.*")
    page.get_by_role("button", name="Add webhook").click()
    secret = page.locator("#revealed").inner_text()
    assert secret.startswith("whsec_")
    receiver.learn("crm", secret)
    page.get_by_label("I have stored this signing secret").check()
    page.get_by_role("link", name="To the webhook").click()

    page.get_by_role("button", name="Send test").click()
    result = page.locator("#attempt")
    expect(result).to_contain_text("The receiver answered 200.")
    assert receiver.mail("crm")[0]["verified"] is True
    address = page.url
    result.get_by_role("link", name="Signature").click()
    expect(result).to_contain_text("Under the signature stands exactly this text")
    assert page.url == address, "in the panel the tabs leave the address alone"

    result.get_by_role("link", name="Permalink").click()
    expect(page.locator("h1")).to_contain_text("CRM events")
    page.locator("#attempt").get_by_role("link", name="Request").click()
    expect(page.locator("#attempt")).to_contain_text("webhook-signature")
    assert page.url.endswith("?tab=request"), "on its own page they are in it"


def test_the_panel_sends_again_after_a_mistake(page: Page, make: Make, receiver: Receiver) -> None:
    made = make(receiver.hook("crm"))
    page.goto(f"/webhooks/{made['id']}")
    page.get_by_label("Data").fill("{")
    page.get_by_role("button", name="Send test").click()
    expect(page.locator("#test")).to_contain_text("not valid JSON")
    page.get_by_label("Data").fill('{"ok": true}')
    page.get_by_role("button", name="Send test").click()
    expect(page.locator("#attempt")).to_contain_text("The receiver answered 200.")
    assert [mail["body"].endswith('"data":{"ok":true}}') for mail in receiver.mail("crm")] == [True]


def scenes(webhook: dict[str, Any]) -> list[str]:
    path = f"/webhooks/{webhook['id']}"
    below = [f"{path}/{name}" for name in ("edit", "attempts", "history")]
    return ["/webhooks", "/webhooks/new", path, *below]


@pytest.mark.proof
@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_every_page_is_accessible_and_fits(
    page: Page, make: Make, receiver: Receiver, theme: Any, width: int
) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 860})
    made = make(receiver.hook("a-rather-long-name-of-a-hook", "?status=404"), tags=["crm"])
    page.goto(f"/webhooks/{made['id']}")
    page.get_by_role("button", name="Send test").click()
    expect(page.locator("#attempt")).to_contain_text("answered 404")
    look_at(page)
    for name in ("Request", "Signature"):
        page.locator("#attempt").get_by_role("link", name=name).click()
        expect(page.locator("#attempt [aria-current]")).to_have_text(name)
        look_at(page)
    for path in scenes(made) if IS_PROOF else []:  # else seen by the test of every page
        page.goto(path)
        look_at(page)
    page.goto(f"/webhooks/{made['id']}")
    page.get_by_role("button", name="Delete webhook").first.click()
    expect(page.locator("dialog[open]")).to_contain_text("Delete webhook CRM events?")
    look_at(page)


def look_at(page: Page) -> None:
    """Check that axe finds no violation, and that nothing is wider than the window."""
    assert faults(page) == {}, page.url


def test_the_log_tells_of_new_deliveries_and_shows_them_when_asked(
    page: Page, ada: Api, make: Make
) -> None:
    make("https://hooks.example/a")
    ada.post("/events", {"type": "rfp.created", "subject": "first"})
    page.goto("/deliveries")
    rows = page.locator("#delivery-rows tbody tr")
    expect(rows).to_have_count(1)
    ada.post("/events", [{"type": "rfp.created"}, {"type": "rfp.created"}])
    news = page.get_by_role("link", name="2 new deliveries")
    expect(news).to_be_visible(timeout=10_000)
    expect(rows).to_have_count(1)
    news.click()
    expect(rows).to_have_count(3)


def test_a_filter_is_tried_without_leaving_the_form(page: Page, ada: Api, make: Make) -> None:
    webhook = make("https://hooks.example/a")
    ada.post("/events", [{"type": "rfp.created", "data": {"n": n}} for n in range(3)])
    page.goto(f"/webhooks/{webhook['id']}/edit")
    page.get_by_text("Filter, signature, retries and other settings").click()
    page.locator("#filter").fill('{"n": [1]}')
    page.get_by_role("button", name="Try on the last 200 events").click()
    expect(page.locator("#trial")).to_contain_text("1 of the last 3 events: 0 new, 2 lost")
    expect(page.locator("#filter")).to_have_value('{"n": [1]}')
