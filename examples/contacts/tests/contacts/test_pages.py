"""Test the pages of contacts without a real browser: add, change, delete, restore, find."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.cast import ADA, ED, VIC, Api, Pages

Browse = Callable[..., Pages]
NEW = {"name": "CRM on call", "email": "crm@acme.example", "team": "operations"}


@pytest.fixture
def path(ada: Api) -> str:
    """Return the address of a contact's page."""
    return f"/contacts/{ada.create('contacts', **NEW, tags=['tier-1'])['id']}"


def fill(pages: Pages, path: str, **typed: Any) -> Any:
    """Open a form, fill it in and send it with the hidden fields that a browser sends."""
    inputs = re.findall(r'<input[^>]*type="hidden"[^>]*>', pages.get(path).text)
    pairs = [re.search(r'name="([^"]*)".*?value="([^"]*)"', one) for one in inputs]
    hidden = {pair[1]: pair[2] for pair in pairs if pair and pair[1] != "csrf_token"}
    return pages.post(path, {**hidden, **typed})


def test_one_is_added_and_shown(browse: Browse, ada: Api) -> None:
    crm = ada.create("applications", display_name="CRM 360")["id"]
    ed = browse(ED)
    answer = fill(ed, "/contacts/new", **NEW, application_id=crm, tags="tier-1", notes="Nights too")
    assert answer.status_code == 303, answer.text
    page = ed.get(answer.location).text
    shown = (*NEW.values(), "CRM 360", "tier-1", "Nights too")
    assert [text for text in shown if text not in page] == []
    assert "created the contact" in ed.get(f"{answer.location}/history").text


def test_a_mistake_is_named_at_its_field_and_what_was_typed_stays(browse: Browse) -> None:
    answer = fill(browse(ED), "/contacts/new", **{**NEW, "email": "nobody"})
    assert answer.status_code == 422
    assert "Give an address such as ada@example.com." in answer.text
    assert 'value="nobody"' in answer.text


def test_one_is_changed_and_the_rest_stays(browse: Browse, ada: Api, path: str) -> None:
    answer = fill(browse(ED), f"{path}/edit", **{**NEW, "team": "security", "tags": "tier-1"})
    assert answer.status_code == 303, answer.text
    stored = ada.get(path).json or {}
    assert (stored["team"], stored["email"], stored["tags"]) == (
        "security",
        "crm@acme.example",
        ["tier-1"],
    )


def test_the_second_of_two_editors_is_told(browse: Browse, ada: Api, path: str) -> None:
    ed = browse(ED)
    late = ed.get(f"{path}/edit").text
    version = re.search(r'name="version"[^>]*value="(\d+)"', late)
    assert version
    ada.patch(path, {"name": "Renamed"})
    answer = ed.post(f"{path}/edit", {**NEW, "name": "Late", "version": version[1]})
    assert answer.status_code == 409
    assert (ada.get(path).json or {})["name"] == "Renamed"


def test_one_is_deleted_and_restored(browse: Browse, ada: Api, path: str) -> None:
    ed = browse(ED)
    assert ed.post(f"{path}/delete", {"version": "9"}).status_code == 409
    assert ed.post(f"{path}/delete", {"version": "1"}).status_code == 303
    assert "This contact is deleted" in ed.get(path).text
    assert path not in ed.get("/contacts").text
    assert path in ed.get("/contacts?include_deleted=true").text
    assert ed.post(f"{path}/restore").status_code == 303
    assert ada.get(path).status_code == 200


def test_deleting_asks_for_a_recent_sign_in(browse: Browse, ada: Api, path: str) -> None:
    answer = browse(ED, minutes_ago=11).post(f"{path}/delete", {"version": "1"})
    assert "/auth/login" in str(answer.location)
    assert ada.get(path).status_code == 200


def test_the_list_filters_sorts_and_finds(browse: Browse, ada: Api, path: str) -> None:
    ada.create("contacts", name="Fraud desk", team="security")
    pages = browse(VIC)
    filtered = pages.get("/contacts?team=security").text
    assert "Fraud desk" in filtered
    assert "CRM on call" not in filtered
    down = pages.get("/contacts?sort=-name").text
    assert down.index("Fraud desk") < down.index("CRM on call")
    assert path in pages.get("/search?q=crm+call").text


def test_a_view_of_the_list_is_a_tab(browse: Browse, ada: Api, path: str) -> None:
    ada.create("contacts", name="Fraud desk", team="security")
    view = {"list": "contacts", "name": "On call", "parameters": {"team": "operations"}}
    ada.create("views", **view, is_shared=True)
    shown = browse(VIC).get("/contacts").text
    assert "Fraud desk" in shown
    [address] = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(?:<[^>]*>)*On call', shown)
    opened = browse(VIC).get(address.replace("&amp;", "&")).text
    assert "CRM on call" in opened
    assert "Fraud desk" not in opened


def test_a_viewer_is_offered_nothing_to_change(browse: Browse, path: str) -> None:
    vic = browse(VIC)
    for place in ("/contacts", path):
        shown = vic.get(place).text
        assert "CRM on call" in shown
        assert not any(verb in shown for verb in ("Add contact", "Edit", "Delete contact"))


def test_the_rail_marks_where_one_is(browse: Browse, path: str) -> None:
    shown = browse(ADA).get(path).text
    assert re.search('<a href="/contacts"[^>]* aria-current="page">', shown)
