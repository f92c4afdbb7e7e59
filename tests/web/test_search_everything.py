"""Test the search over everything."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from flask import Flask
from playwright.sync_api import expect

from portal.identity.sessions.cookies import Cookies
from tests.cast import ADA, GUS, Api, Pages
from tests.identity import serving
from tests.resources import RESOURCES
from tests.statements import statements

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """Yield the address of the served portal, for a browser."""
    with serving.served(lambda _: app) as address:
        yield address


@pytest.fixture
def crm(ada: Api) -> str:
    """Return the id of an application named CRM 360."""
    return str(ada.create("applications", display_name="CRM 360", slug="crm-360")["id"])


def test_it_finds_by_the_beginning_of_a_word(browse: Callable[..., Pages], crm: str) -> None:
    page = browse(ADA).get("/search?q=cr")
    assert page.status_code == 200
    assert f"/applications/{crm}" in page.text
    assert "CRM 360" in page.text


@pytest.mark.parametrize("words", ["crm", "crm 360 exports", "a"])
def test_searching_everything_is_a_statement_for_each_resource_and_one_more(
    browse: Callable[..., Pages], crm: str, ada: Api, words: str
) -> None:
    for resource in RESOURCES:
        ada.create(resource.name)
    pages = browse(ADA)
    with statements() as sent:
        assert pages.get(f"/search?q={words}").status_code == 200
    assert len(sent) <= len(RESOURCES) + 1, sent


def test_a_key_that_does_not_work_is_not_shown_as_active(
    browse: Callable[..., Pages], ada: Api
) -> None:
    key = ada.create("api-keys", name="Nightly")
    assert ada.post(f"/api-keys/{key['id']}/block", {"reason": "odd"}).status_code == 200
    page = browse(ADA).get("/search?q=nightly").text
    assert "Nightly" in page
    assert "blocked" in page
    assert ">active<" not in page.partition("Nightly")[2]


def test_a_whole_id_leads_straight_to_its_record(browse: Callable[..., Pages], crm: str) -> None:
    answer = browse(ADA).get(f"/search?q={crm}")
    assert answer.status_code == 303
    assert answer.location == f"/applications/{crm}"


def test_an_events_id_leads_to_its_page(browse: Callable[..., Pages], ada: Api) -> None:
    published = ada.post("/events", {"type": "rfp.created"}).json or {}
    event_id = published["events"][0]["id"]
    assert browse(ADA).get(f"/search?q={event_id}").location == f"/events/{event_id}"


def test_a_stranger_finds_nothing(browse: Callable[..., Pages], crm: str) -> None:
    page = browse(GUS).get("/search?q=crm")
    assert page.status_code == 200
    assert crm not in page.text
    assert "Nothing found" in page.text


@pytest.mark.parametrize("words", ["", " ", "\x00", "%", "' OR 1=1", "<script>", "x" * 5000, "🔑"])
def test_any_words_are_only_words(browse: Callable[..., Pages], words: str) -> None:
    page = browse(ADA).get(f"/search?q={quote(words)}")
    assert page.status_code == 200
    assert "<script>" not in page.text


def test_the_box_is_on_every_page(browse: Callable[..., Pages]) -> None:
    assert 'action="/search"' in browse(ADA).get("/").text


PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def test_the_palette_has_what_is_found(browse: Callable[..., Pages], crm: str) -> None:
    found = browse(ADA).get("/search?q=cr", headers=PARTIAL).text
    assert "<html" not in found
    assert f'href="/applications/{crm}"' in found
    assert "1 found" in found


def test_the_palette_offers_the_record_of_an_id_and_stays(
    browse: Callable[..., Pages], crm: str
) -> None:
    answer = browse(ADA).get(f"/search?q={crm}", headers=PARTIAL)
    assert answer.status_code == 200
    assert f'href="/applications/{crm}"' in answer.text


@pytest.mark.parametrize(("words", "said"), [("nothinglikethis", "Nothing found"), ("", "")])
def test_the_palette_says_when_there_is_nothing(
    browse: Callable[..., Pages], words: str, said: str
) -> None:
    found = browse(ADA).get(f"/search?q={words}", headers=PARTIAL).text
    assert said in found
    assert "href" not in found
    if not words:
        assert '<div class="palette" id="palette"></div>' in found


def test_the_palette_is_walked_by_keys(
    app: Flask, browse: Callable[..., Pages], browser: "Browser", served: str, crm: str
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    cookie = Cookies.of(app.extensions["portal"]).session
    value = browse(ADA).client.get_cookie(cookie)
    context.add_cookies([{"name": cookie, "value": value.value, "url": served}])
    page = context.new_page()
    page.goto(f"{served}/connectors")
    page.keyboard.press("Control+k")
    page.keyboard.type("crm")
    found = page.get_by_role("link", name="CRM 360")
    expect(found).to_be_visible()
    page.keyboard.press("Escape")
    expect(found).to_have_count(0)
    page.keyboard.type(" 360")
    expect(found).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(found).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/applications/{crm}$"))
    context.close()
