"""A new key in a real browser: shown once; reload, Back and the storage of the page do not have
it."""

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import expect

from portal.core.key_shape import SHAPE
from portal.identity.sessions.cookies import Cookies
from portal.keys.decision.format import generate
from tests.cast import ADA, Api, Pages
from tests.identity.serving import served
from tests.looks import faults
from tests.thorough import IS_PROOF, LOOKS, some

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route


@dataclass
class Window:
    """Ada's browser window, and the errors that the browser reported."""

    page: "Page"
    address: str
    complaints: list[str]
    asked: list[str]  # every URL that was fetched

    def open(self, path: str) -> "Page":
        self.page.goto(self.address + path)
        return self.page

    def issue(self, name: str) -> str:
        """Issue a key with the form, and return the raw key that the page shows."""
        page = self.open("/keys/new")
        page.get_by_label("Name").fill(name)
        page.locator('input[value="connectors:read"]').check()
        page.get_by_role("button", name="Issue key").click()
        text = page.locator("[data-secret]").inner_text()
        assert re.fullmatch(SHAPE, text)
        return text


@pytest.fixture
def window(app: Flask, browse: Callable[..., Pages], browser: "Browser") -> Iterator[Window]:
    cookie = browse(ADA).client.get_cookie(Cookies.of(app.extensions["portal"]).session)
    assert cookie
    with served(lambda _: app) as address:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        context.set_default_timeout(30_000)
        host = urlsplit(address).hostname
        context.add_cookies(
            [{"name": cookie.key, "value": cookie.value, "domain": str(host), "path": "/"}]
        )
        page = context.new_page()
        made = Window(page, address, [], [])
        page.on("pageerror", lambda error: made.complaints.append(str(error)))
        page.on("console", lambda m: made.complaints.append(m.text) if m.type == "error" else None)
        page.on("request", lambda request: made.asked.append(request.url))
        yield made
        context.close()


def test_a_key_is_issued_copied_and_never_seen_again(window: Window, ada: Api, app: Flask) -> None:
    raw = window.issue("Nightly export")
    page = window.page
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == raw
    assert page.get_by_label("I have stored this key").is_checked()
    assert Api(app.test_client(), raw).get("/connectors").status_code == 200

    page.get_by_role("link", name="Done").click()
    page.wait_for_url("**/keys/key_*")
    assert raw not in page.content()
    page.go_back()
    assert raw not in page.content()
    assert raw[12:40] not in page.content()
    stored = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])"
    )
    assert raw[12:40] not in stored
    assert raw[12:40] not in str(window.page.context.cookies())
    assert not [url for url in window.asked if raw[12:40] in url or "csrf" in url]
    assert len(ada.get("/api-keys").json["items"]) == 1
    assert window.complaints == []


def test_reloading_the_reveal_makes_no_second_key(window: Window, ada: Api) -> None:
    raw = window.issue("Once")
    page = window.page
    page.get_by_label("I have stored this key").check()
    page.reload()
    page.get_by_role("heading", name="Once").wait_for()
    assert raw[12:40] not in page.content()
    assert len(ada.get("/api-keys").json["items"]) == 1


def test_leaving_without_storing_the_key_is_asked_about(window: Window) -> None:
    window.issue("Careless")
    page = window.page
    asked: list[str] = []

    def answer(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", answer)
    page.get_by_role("link", name="Done").click(no_wait_after=True)
    page.wait_for_timeout(1)  # so that the event of the browser arrives
    assert asked == ["beforeunload"]
    assert page.locator("[data-secret]").is_visible()
    page.get_by_label("I have stored this key").check()


def test_the_sentence_follows_what_is_chosen(window: Window, ada: Api) -> None:
    ada.create("applications", display_name="CRM 360")
    page = window.open("/keys/new")
    page.get_by_text("This key can do nothing yet").wait_for()
    page.get_by_label("Application", exact=True).select_option(label="CRM 360")
    page.locator('input[value="connectors:read"]').check()
    page.get_by_label("Expires", exact=True).select_option("never")
    page.get_by_text("This key can read connectors of CRM 360, and never expires.").wait_for()
    page.get_by_label("Expires", exact=True).select_option("custom")
    page.get_by_label("Expires on").fill("2030-12-24T10:00")
    page.get_by_text("Limits, budget, networks and tags").click()
    page.get_by_label("Requests per minute").fill("1200")
    page.get_by_label("Budget, US dollars").fill("50")
    page.get_by_label("Budget resets").select_option("month")
    page.get_by_text(
        "of CRM 360, until 24 Dec 2030. At most 1,200 requests per minute and $50 a"
    ).wait_for()
    assert not page.get_by_label("Issued to user").is_visible()
    page.get_by_label("Kind").select_option("user")
    assert page.get_by_label("Issued to user").is_visible()
    assert window.complaints == []


def test_a_tick_is_kept_that_is_quicker_than_the_answer(window: Window, ada: Api) -> None:
    ada.create("applications", display_name="CRM 360", allowed_scopes=["keys:read"])
    page = window.open("/keys/new")
    page.locator('input[value="connectors:read"]').check()
    held: list[Route] = []

    def hold_the_scopes(route: "Route") -> None:
        if "key-scopes" in route.request.headers["hx-target"]:
            held.append(route)
        else:
            route.continue_()

    page.route("**/keys/new?*", hold_the_scopes)
    page.get_by_label("Application", exact=True).select_option(label="CRM 360")
    with page.expect_response("**/keys/new?*"):
        page.locator('input[value="keys:read"]').check()
    # The sentence is asked for again: what was drawn anew may have been missing from it.
    with page.expect_request(lambda one: "sentence" in one.headers.get("hx-target", "")):
        held[0].continue_()
    page.locator('input[value="connectors:read"]:disabled').wait_for()
    assert not page.locator('input[value="connectors:read"]').is_checked()
    page.locator('input[value="keys:read"]:checked').wait_for()


def test_revoking_asks_first_and_names_the_consequence(window: Window, ada: Api) -> None:
    key = ada.create("api-keys", name="Nightly export")
    page = window.open(f"/keys/{key['id']}")
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_text("It was never used.").wait_for()
    page.get_by_label("The time, in UTC").fill("2030-01-01T10:00")
    assert page.get_by_role("radio", name="At a time").is_checked()
    page.get_by_role("radio", name="Now").check()
    page.get_by_role("button", name="Revoke key").click()
    page.get_by_text("The time, in UTC: A time is given.").wait_for()
    assert ada.get(f"/api-keys/{key['id']}").json["status"] == "active"
    assert page.get_by_label("The time, in UTC").input_value() == "2030-01-01T10:00"
    page.get_by_label("The time, in UTC").fill("")
    page.get_by_label("Reason").fill("leaked")
    page.get_by_role("button", name="Revoke key").click()
    page.get_by_text("Its next request is refused").wait_for()
    assert ada.get(f"/api-keys/{key['id']}").json["status"] == "revoked"
    assert [said for said in window.complaints if "422" not in said] == []


def test_the_scopes_follow_the_application(window: Window, ada: Api) -> None:
    ada.create("applications", display_name="CRM 360", allowed_scopes=["keys:read"])
    page = window.open("/keys/new")
    page.locator('input[value="webhooks:read"]').check()
    page.locator('input[value="keys:read"]').check()
    page.get_by_label("Application", exact=True).select_option(label="CRM 360")
    page.locator('input[value="webhooks:read"]:disabled').wait_for()
    assert not page.locator('input[value="webhooks:read"]').is_checked()
    assert page.locator('input[value="keys:read"]').is_checked()
    page.get_by_text("This key can read API keys of CRM 360").wait_for()
    assert window.complaints == []


def test_the_leak_desk_finds_keys_and_sends_none(window: Window, ada: Api, tmp_path: Path) -> None:
    issued = ada.create("api-keys", name="Nightly export")
    raw = issued["key"]
    broken = raw[:-1] + ("x" if raw[-1] != "x" else "y")
    page = window.open("/keys/leaks")
    text = page.get_by_label("Text, log or source")
    look = page.get_by_role("button", name="Look for keys")
    text.fill(f"nothing here but {broken}")
    look.click()
    page.get_by_text("1 looked like keys, but their checksums are wrong").wait_for()
    text.fill(f"export CPOD_API_KEY={raw}; and once more {raw} and {broken}")
    look.click()
    page.get_by_text("Of 1 key, 1 is yours").wait_for()
    page.get_by_role("link", name="Nightly export").wait_for()
    leaked, packed, long = (tmp_path / name for name in ("service.log", "old.gz", "long.log"))
    leaked.write_text(f"GET /deals 401 Bearer {raw}\n")
    packed.write_bytes(gzip.compress(raw.encode()))
    strangers = [generate("zzzz", "service").text for _ in range(60)]
    long.write_text("." * (1024 * 1024 - 20) + raw + "\n" + "\n".join(strangers))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    window.open("/keys/leaks")
    page.get_by_label("or files").set_input_files([leaked, packed, long])
    page.get_by_text("Of 61 keys, 1 is yours").wait_for()
    page.get_by_text("service.log: 1 key.").wait_for()
    page.get_by_text("old.gz: it could not be read as text").wait_for()
    page.get_by_text("long.log: 61 keys.").wait_for()
    page.locator("[data-leaks]").evaluate("form => { form.dataset.most = 50; }")
    page.get_by_label("Text, log or source").fill("\n".join(strangers))
    held: list[Route] = []
    page.route("**/keys/leaks", lambda route: held.append(route), times=1)
    page.get_by_role("button", name="Look for keys").click()
    page.get_by_text("10 more keys found, and not yet asked about.").wait_for()
    page.get_by_role("button", name="Ask about them").click()  # before the first answer is here
    held.pop().continue_()
    page.get_by_text("Of 10 keys, 0 are yours").wait_for()
    assert [body for body in sent if issued["key_fingerprint"] in body]
    assert not [told for told in [*window.asked, *sent] if raw[12:40] in told]
    assert raw[12:40] not in page.content()
    assert window.complaints == []


def test_a_key_in_a_search_is_sent_as_its_fingerprint_and_found(window: Window, ada: Api) -> None:
    raw = ada.create("api-keys", name="Nightly export")["key"]
    ada.create("api-keys", name="Another")
    page = window.open("/keys")
    page.get_by_label("Search keys").fill(f"Bearer {raw}")
    page.get_by_role("link", name="Another").wait_for(state="detached")
    assert page.get_by_role("link", name="Nightly export").is_visible()
    page.keyboard.press("Control+k")
    page.get_by_label("Search everything").fill(raw)
    page.locator("#palette").get_by_role("option", name="Nightly export").first.wait_for()
    page.get_by_label("Search everything").press("Enter")
    page.locator("main").get_by_role("heading", name="Nightly export").wait_for()
    page = window.open("/keys/explain")
    page.get_by_label("Key id").fill(raw)
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("Nothing was consumed").wait_for()
    assert not [url for url in window.asked if raw[12:40] in url]
    assert window.complaints == []


@pytest.mark.proof
@pytest.mark.parametrize("width", some([390, 1280], 2))
def test_long_words_make_no_page_wider_than_its_window(
    window: Window, ada: Api, width: int
) -> None:
    key = ada.create("api-keys", name="n" * 100, blocked=True)
    ada.post(f"/api-keys/{key['id']}/revoke", {"reason": "r" * 200})
    page = window.page
    page.set_viewport_size({"width": width, "height": 860})
    found = f"/keys/leaks?fingerprint={key['key_fingerprint']}"
    for path in (f"/keys/{key['id']}", f"/keys/{key['id']}/history", "/keys/posture", found):
        window.open(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), path
        words = page.locator(".linked > li > :first-child").all()
        assert all((box := one.bounding_box()) and box["width"] > 180 for one in words), path


def test_a_list_is_sorted_on_a_phone(window: Window, ada: Api) -> None:
    for name in ("Beta", "Alpha"):
        ada.create("api-keys", name=name)
    window.page.set_viewport_size({"width": 390, "height": 860})
    page = window.open("/keys")
    page.locator("thead").get_by_role("link", name="Name").click()
    page.wait_for_url("**sort=name*")
    assert page.locator("tbody th a").all_inner_texts() == ["Alpha", "Beta"]
    assert not page.locator("thead th", has_text="Scopes").is_visible()
    assert faults(page) == {}


def test_a_one_time_link_opens_by_a_click_and_leaves_no_trace(
    window: Window, browser: "Browser", ada: Api
) -> None:
    page = window.open("/keys/new")
    page.get_by_label("Name").fill("For Globex")
    page.get_by_label("Deliver the key").select_option(value="link")
    page.get_by_text("Whoever opens the link first sees it once").wait_for()
    page.get_by_role("button", name="Issue key").click()
    link = page.locator("[data-secret]").inner_text()
    assert not page.get_by_role("button", name="Download .env").is_visible()
    page.get_by_label("I have stored this link").check()

    context = browser.new_context()
    context.set_default_timeout(30_000)
    asked: list[str] = []
    visitor = context.new_page()
    visitor.on("request", lambda request: asked.append(request.url))
    secret = link.partition("#")[2]
    visitor.goto(f"{window.address}/keys/link#{secret}")
    visitor.get_by_role("button", name="Show the key").click()
    raw = visitor.locator("[data-secret]").inner_text()
    assert re.fullmatch(SHAPE, raw)
    assert secret not in visitor.url
    visitor.get_by_label("I have stored this key").check()
    visitor.get_by_role("link", name="Done").click()
    visitor.get_by_role("heading", name="The key was shown").wait_for()
    visitor.go_back()
    assert raw[12:40] not in visitor.content()
    visitor.goto(f"{window.address}/keys/link#{secret}")
    visitor.get_by_role("button", name="Show the key").click()
    visitor.get_by_text("This link opens nothing").wait_for()
    assert not visitor.get_by_text("An API key is waiting").is_visible()
    assert not [url for url in asked if secret in url or raw[12:40] in url]
    context.close()


@pytest.mark.proof
@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_every_page_of_keys_is_accessible(window: Window, ada: Api, theme: str, width: int) -> None:
    crm = ada.create("applications", display_name="CRM 360")
    key = ada.create(
        "api-keys",
        name="Nightly export",
        application_id=crm["id"],
        scopes=["connectors:read", "webhooks:read", "applications:read"],
        blocked=True,
        tags=["etl"],
    )
    page = window.page
    page.set_viewport_size({"width": width, "height": 860})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    one = f"/keys/{key['id']}"
    # In `make test`, the test of every page sees them without an application.
    scenes = ("/keys", "/keys/new", one, f"{one}/edit", f"{one}/history") if IS_PROOF else (one,)
    for path in scenes:
        window.open(path)
        assert faults(page) == {}, path
    window.issue("Shown")
    page.get_by_label("I have stored this key").check()
    assert faults(page) == {}
    assert window.complaints == []


def test_a_key_is_edited(window: Window, ada: Api) -> None:
    issued = ada.create("api-keys", name="Nightly", rpm_limit=10, max_budget_usd=5)
    page = window.open(f"/keys/{issued['id']}")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name").wait_for()
    assert faults(page) == {}
    page.get_by_label("Requests per minute").fill("30")
    page.get_by_label("Budget resets").select_option("month")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The key is saved")).to_be_visible()
    now = ada.get(f"/api-keys/{issued['id']}").json or {}
    assert (now["rpm_limit"], now["budget_period"], now["max_budget_usd"]) == (30, "month", 5)
    assert window.complaints == []


def test_who_must_sign_in_again_finds_the_form_as_it_was(window: Window, ada: Api) -> None:
    page = window.open("/keys/new")
    page.get_by_label("Name").fill("Nightly export")
    page.locator('input[value="connectors:read"]').check()
    # As after a sign-in: the form was sent, and the browser returns to its page.
    page.evaluate(
        """() => { const form = document.querySelector("form[data-again]");
        form.addEventListener("submit", (event) => event.preventDefault(), { once: true });
        form.requestSubmit(); }"""
    )
    page.goto(f"{window.address}/applications#signed-in-again")
    page.wait_for_url(f"{window.address}/keys/new")
    expect(page.get_by_label("Name")).to_have_value("Nightly export")
    expect(page.locator('input[value="connectors:read"]')).to_be_checked()
    expect(page.locator('input[value="connectors:write"]')).not_to_be_checked()
    page.get_by_role("button", name="Issue key").click()
    page.locator("[data-secret]").wait_for()
    page.goto(f"{window.address}/keys/new#signed-in-again")
    expect(page.get_by_label("Name")).not_to_have_value("Nightly export")


def test_an_open_page_says_that_its_key_was_revoked_elsewhere(window: Window, ada: Api) -> None:
    issued = ada.create("api-keys", name="Nightly")
    page = window.open(f"/keys/{issued['id']}")
    head, older = page.locator("#key-head"), page.locator("#older")
    expect(head).to_contain_text("Never used")
    look = "document.querySelector('#key-head').dispatchEvent(new CustomEvent('live'))"
    with page.expect_response(lambda one: one.request.method == "GET"):
        page.evaluate(look)
    expect(older).to_be_hidden()
    ada.post(f"/api-keys/{issued['id']}/revoke")
    page.evaluate(look)
    expect(head.locator("h1")).to_contain_text("revoked")
    expect(head.get_by_role("link", name="Issue successor")).to_be_visible()
    expect(head.get_by_role("link", name="Rotate")).to_have_count(0)
    expect(older).to_be_visible()
    older.get_by_role("link").click()
    expect(page.get_by_text("This key is revoked")).to_be_visible()
    expect(older).to_be_hidden()
    assert not window.complaints
