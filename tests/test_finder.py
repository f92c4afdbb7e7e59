"""The search over everything."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.cast import ADA, GUS, Api, Pages


@pytest.fixture
def crm(ada: Api) -> str:
    """The id of an application named CRM 360."""
    return str(ada.create("applications", display_name="CRM 360", slug="crm-360")["id"])


def test_it_finds_by_the_beginning_of_a_word(browse: Callable[..., Pages], crm: str) -> None:
    page = browse(ADA).get("/search?q=cr")
    assert page.status_code == 200
    assert f"/applications/{crm}" in page.text
    assert "CRM 360" in page.text


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
