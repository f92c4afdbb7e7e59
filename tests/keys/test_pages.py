"""Pages of keys: list them, issue one and show it once, block and revoke."""

import html
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from portal.core.key_shape import SHAPE
from portal.records import verbs
from tests.cast import ADA, ED, GUS, VIC, Api, Pages
from tests.statements import statements

Browse = Callable[..., Pages]


@pytest.fixture
def page(browse: Browse) -> Pages:
    return browse(ADA)


FOR_SENTENCE = {
    "HX-Request": "true",
    "HX-Request-Type": "partial",
    "HX-Target": "div#sentence",
}


def form_of(page: Pages, path: str = "/keys/new") -> dict[str, str]:
    """Return the fields that the browser sends with the form, with a name."""
    text = page.get(path).text
    found = re.search(r'name="idempotency_key"[^>]*value="([^"]+)"', text)
    assert found, text
    return {"idempotency_key": found[1], "name": "Nightly", "kind": "service", "lifetime": "90"}


def raw_key(text: str) -> str:
    found = re.findall(SHAPE, text)
    assert len(set(found)) == 1, text
    return str(found[0])


# ---------------------------------------------------------------- issuing


def test_the_post_itself_shows_the_key(page: Pages, ada: Api, app: Flask):
    crm = ada.create("applications", display_name="CRM 360")
    typed = {
        "name": "Nightly export",
        "application_id": crm["id"],
        "scopes": ["applications:read", "keys:read"],
        "rpm_limit": "600",
        "max_budget_usd": "12.50",
        "tags": "etl, night",
    }
    answer = page.post("/keys/new", form_of(page) | typed)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers
    raw = raw_key(answer.text)
    holder = Api(app.test_client(), raw)
    assert [a["id"] for a in holder.get("/applications").json["items"]] == [crm["id"]]
    [key] = holder.get("/api-keys").json["items"]
    assert (key["name"], key["rpm_limit"], key["max_budget_usd"]) == ("Nightly export", 600, 12.5)
    assert key["tags"] == ["etl", "night"]
    assert key["expires_at"] > key["created_at"]
    for path in ("/keys", f"/keys/{key['id']}", f"/keys/{key['id']}/history", "/", "/keys/new"):
        shown = page.get(path)
        assert shown.status_code == 200, path
        assert raw not in shown.text
        assert raw[12:40] not in shown.text


def test_the_key_is_in_no_cookie(page: Pages):
    answer = page.post("/keys/new", form_of(page))
    raw = raw_key(answer.text)
    cookies = " ".join(answer.headers.getlist("Set-Cookie"))
    assert raw not in cookies
    jar = page.client._cookies
    assert all(raw[12:40] not in str(cookie.value) for cookie in (jar or {}).values())


def test_the_key_is_in_no_log(
    page: Pages,
    ada: Api,
    app: Flask,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    keys = [
        raw_key(page.post("/keys/new", form_of(page)).text),
        ada.post("/api-keys", {"name": "By program"}).json["key"],
    ]
    for raw in keys:
        assert Api(app.test_client(), raw).get("/applications").status_code == 403
        assert Api(app.test_client(), raw[:-1]).get("/applications").status_code == 401
    said = caplog.text + "".join(capfd.readouterr())
    assert "/keys/new" in said
    for raw in keys:
        assert raw[12:40] not in said


def test_no_page_of_keys_asks_the_database_often(page: Pages, ada: Api):
    crm = ada.create("applications", display_name="CRM 360")
    for _ in range(3):
        key = ada.create("api-keys", application_id=crm["id"])
    page.csrf_token()
    own = f"/keys/{key['id']}"
    paths = (
        "/keys",
        "/keys?q=key",
        "/keys?show=idle",
        "/keys?sort=-spend_usd",
        "/keys/new",
        own,
        f"{own}/stop",
        f"{own}/rotate",
        f"{own}/rotation",
        f"{own}/history",
        "/keys/posture",
        "/keys/leaks?fingerprint=" + "0" * 64,
        "/keys/bulk?show=idle",
        f"/keys/panic?application_id={crm['id']}",
        f"/keys/explain?key_id={key['id']}&ask=1",
    )
    for path in paths:
        with statements() as sent:
            assert page.get(path).status_code == 200
        assert len(sent) <= 6, (path, sent)


def test_a_second_submit_shows_no_key_and_makes_none(page: Pages, ada: Api):
    sent = form_of(page) | {"name": "Once"}
    first = page.post("/keys/new", sent)
    again = page.post("/keys/new", sent)
    assert again.status_code == 409
    assert "already issued" in again.text
    assert not re.search(SHAPE, again.text)
    changed = page.post("/keys/new", sent | {"name": "Twice"})
    assert changed.status_code == 422
    assert "was sent before with other values" in changed.text
    assert not re.search(SHAPE, changed.text)
    [key] = ada.get("/api-keys").json["items"]
    assert f"/keys/{key['id']}" in again.text
    assert key["last4"] == raw_key(first.text)[-4:]


def test_every_form_has_a_key_of_its_own(page: Pages):
    assert form_of(page)["idempotency_key"] != form_of(page)["idempotency_key"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"rpm_limit": "many"}, "whole number"),
        ({"rpm_limit": "0"}, "at least 1"),
        ({"max_budget_usd": "-1"}, "at least 0"),
        ({"lifetime": "custom"}, "date and time"),
        ({"lifetime": "custom", "expires_at": "2020-01-01T00:00"}, "in the future"),
        ({"application_id": "app_01K0000000000000000000NONE"}, "no application"),
        ({"scopes": ["keys:everything"]}, "no scope"),
        ({"kind": "robot"}, "Choose one of"),
        ({"tags": "?"}, "not allowed"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_at_the_field(page: Pages, ada: Api, typed, words):
    answer = page.post("/keys/new", form_of(page) | {"name": "Kept"} | typed)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Kept"' in answer.text
    assert ada.get("/api-keys").json["items"] == []


def test_a_corrected_form_still_issues_its_key(page: Pages, ada: Api):
    sent = form_of(page)
    assert page.post("/keys/new", sent | {"rpm_limit": "0"}).status_code == 422
    assert page.post("/keys/new", sent | {"rpm_limit": "1"}).status_code == 200
    assert len(ada.get("/api-keys").json["items"]) == 1


def test_what_belongs_to_another_kind_is_not_sent(page: Pages, ada: Api):
    typed = {"kind": "service", "allowed_models": "gpt-5", "issued_to_user_id": "per_1"}
    assert page.post("/keys/new", form_of(page) | typed).status_code == 200
    [key] = ada.get("/api-keys").json["items"]
    assert (key["allowed_models"], key["issued_to_user_id"]) == ([], None)


def test_a_key_is_issued_to_one_of_the_tenants_people(page: Pages, browse: Browse, ada: Api):
    vic = browse(VIC).person_id
    assert f'value="{vic}"' in page.get("/keys/new").text
    typed = {"kind": "user", "issued_to_user_id": vic}
    assert page.post("/keys/new", form_of(page) | typed).status_code == 200
    assert page.post("/keys/new", form_of(page) | {"kind": "user"}).status_code == 200
    own, given = ada.get("/api-keys").json["items"]
    assert (own["issued_to_user_id"], given["issued_to_user_id"]) == (page.person_id, vic)
    shown = page.get(f"/keys/{given['id']}").text
    assert "Ada Almeida" in shown
    assert vic not in shown


def test_a_key_for_ever_is_possible(page: Pages, ada: Api):
    assert page.post("/keys/new", form_of(page) | {"lifetime": "never"}).status_code == 200
    assert ada.get("/api-keys").json["items"][0]["expires_at"] is None


def test_the_sentence_before_the_button(page: Pages, ada: Api):
    crm = ada.create("applications", display_name="CRM 360")
    asked = {
        "application_id": crm["id"],
        "scopes": ["connectors:read", "webhooks:write"],
        "lifetime": "never",
        "name": "Nightly <b>export</b>",
    }
    answer = page.get("/keys/new", query_string=asked, headers=FOR_SENTENCE)
    assert "<html" not in answer.text
    said = html.unescape(re.sub("<[^>]+>", "", answer.text))
    assert said.startswith(
        "Nightly <b>export</b> can read connectors and create and change webhooks of CRM 360, and"
        " never expires. You see it once."
    )


@pytest.mark.parametrize("path", ["/keys/new", "/keys/{id}/child"])
def test_an_empty_form_issues_no_key(page: Pages, ada: Api, path: str):
    parent = ada.create("api-keys", name="Parent", scopes=["keys:read"])
    sent = form_of(page) | {"name": "  ", "scopes": ["keys:read"], "lifetime_seconds": "3600"}
    answer = page.post(path.format(id=parent["id"]), sent)
    assert answer.status_code == 422
    assert 'id="name-error"' in answer.text
    assert "Enter a name." in answer.text
    assert re.search(r'value="keys:read" checked', answer.text), "what was ticked is kept"
    assert len(ada.get("/api-keys").json["items"]) == 1
    assert ada.post("/api-keys", {}).status_code == 201, "a program may leave it out"


def test_a_successor_begins_as_its_predecessor(page: Pages, ada: Api):
    old = ada.create("api-keys", name="Nightly", scopes=["keys:read"], rpm_limit=5)
    path = f"/keys/new?follows={old['id']}"
    assert 'value="Nightly"' in page.get(path).text
    sent = form_of(page, path) | {"name": "Nightly", "rotated_from_key_id": old["id"]}
    assert page.post("/keys/new", sent).status_code == 200
    new = ada.get("/api-keys").json["items"][0]
    assert new["rotated_from_key_id"] == old["id"]


# ---------------------------------------------------------------- who may


def test_who_may_not_issue_is_told_so(browse: Browse, ada: Api):
    key = ada.create("api-keys")
    for email in (ED, VIC):
        page = browse(email)
        assert page.get("/keys").status_code == 200
        assert "Issue key" not in page.get("/keys").text
        assert "/stop" not in page.get(f"/keys/{key['id']}").text
        assert page.get("/keys/new").status_code == 403
        for verb in ("revoke", "block", "unblock"):
            assert page.post(f"/keys/{key['id']}/{verb}").status_code == 403


def test_a_stranger_finds_nothing(browse: Browse, ada: Api):
    key = ada.create("api-keys", name="Secret project")
    gus = browse(GUS)
    assert "Secret project" not in gus.get("/keys").text
    for path in (f"/keys/{key['id']}", f"/keys/{key['id']}/history"):
        assert gus.get(path).status_code == 404
    assert gus.get(f"/keys/new?follows={key['id']}").status_code == 404
    for verb in ("revoke", "block", "unblock"):
        assert gus.post(f"/keys/{key['id']}/{verb}").status_code == 404


def test_an_old_sign_in_must_be_renewed_first(browse: Browse, ada: Api):
    key = ada.create("api-keys")
    page = browse(ADA, minutes_ago=11)
    assert page.get("/keys/new").status_code == 200, "to look asks for nothing"
    for answer in (
        page.post("/keys/new", {"idempotency_key": "x"}),
        page.post(f"/keys/{key['id']}/revoke"),
        page.post(f"/keys/{key['id']}/unblock"),
    ):
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/auth/login?again=1")
    assert page.post(f"/keys/{key['id']}/block").headers["Location"] == f"/keys/{key['id']}"
    assert len(ada.get("/api-keys").json["items"]) == 1


# ---------------------------------------------------------------- stopping


def test_revoking_on_the_page_stops_the_key(page: Pages, ada: Api, app: Flask):
    issued = ada.create("api-keys", scopes=["keys:read"])
    holder = Api(app.test_client(), issued["key"])
    assert holder.get("/api-keys").status_code == 200
    path = f"/keys/{issued['id']}"
    assert "It was never used." in page.get(path).text
    answer = page.post(f"{path}/revoke", {"reason": "leaked in a log"})
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert holder.get("/api-keys").status_code == 401
    shown = page.get(path).text
    assert "leaked in a log" in shown
    assert "/stop" not in shown
    assert "revoked the key" in page.get(f"{path}/history").text


def test_blocking_and_unblocking_on_the_page(page: Pages, ada: Api):
    issued = ada.create("api-keys")
    path = f"/keys/{issued['id']}"
    page.post(f"{path}/block", {"reason": "odd traffic"})
    assert "odd traffic" in page.get(path).text
    assert ada.get(f"/api-keys/{issued['id']}").json["blocked"] is True
    page.post(f"{path}/unblock")
    assert ada.get(f"/api-keys/{issued['id']}").json["blocked"] is False


def test_an_unblocked_key_whose_application_is_suspended_is_not_said_to_work(page: Pages, ada: Api):
    crm = ada.create("applications", display_name="CRM")
    issued = ada.create("api-keys", application_id=crm["id"])
    said = []
    for _ in range(2):
        ada.post(f"/api-keys/{issued['id']}/block")
        said.append(page.post(f"/keys/{issued['id']}/unblock", follow_redirects=True).text)
        ada.post(f"/applications/{crm['id']}/suspend", {"reason": "Audit"})
    assert ["The key works again." in text for text in said] == [True, False]
    assert "Its application is still suspended." in said[1]


def test_a_reason_that_is_too_long_changes_nothing(page: Pages, ada: Api):
    issued = ada.create("api-keys")
    answer = page.post(f"/keys/{issued['id']}/revoke", {"reason": "x" * 201})
    assert answer.status_code == 422
    assert ada.get(f"/api-keys/{issued['id']}").json["status"] == "active"


# ---------------------------------------------------------------- finding


def test_the_list_shows_and_narrows(page: Pages, ada: Api):
    crm = ada.create("applications", display_name="CRM 360")
    first = ada.create("api-keys", name="Nightly export", application_id=crm["id"])
    second = ada.create("api-keys", name="Assistant", kind="virtual_llm", blocked=True)
    everything = page.get("/keys").text
    for key in (first, second):
        assert key["name"] in everything
        assert f"{key['key_prefix']}…{key['last4']}" in everything
        assert key["key_fingerprint"] not in everything
    assert "CRM 360" in everything
    for question, found, hidden in (
        (f"application_id={crm['id']}", first, second),
        ("kind=virtual_llm", second, first),
        ("blocked=true", second, first),
        ("q=night", first, second),
    ):
        text = page.get(f"/keys?{question}").text
        assert found["name"] in text, question
        assert hidden["name"] not in text, question
    assert "No API key yet" not in page.get("/keys?status=revoked").text


@pytest.mark.parametrize("path", ["/keys?q={}", "/search?q={}", "/keys/explain?ask=1&key_id={}"])
def test_a_key_in_an_address_is_found_by_its_fingerprint_and_not_repeated(
    page: Pages, ada: Api, path: str
):
    issued = ada.create("api-keys", name="Nightly export")
    answer = page.get(path.format(issued["key"]))
    assert answer.status_code == 303
    assert answer.location == path.format(issued["key_fingerprint"])
    shown = page.get(answer.location, follow_redirects=True)
    assert "Nightly export" in shown.text
    pages = (answer, *shown.history, shown)
    assert not [one for one in pages if issued["key"] in f"{one.headers}{one.text}"]


def test_a_key_in_an_address_leads_nowhere_else(page: Pages, ada: Api):
    raw = ada.create("api-keys")["key"]
    for path in ("//elsewhere.example/", "/%2F/elsewhere.example", "/\\elsewhere.example"):
        answer = page.get(f"{path}?q={raw}", base_url="http://localhost")
        assert not (answer.location or "").startswith(("//", "http://elsewhere", "/\\"))


def test_an_empty_list_says_what_to_do(page: Pages):
    text = page.get("/keys").text
    assert "No API key yet" in text
    assert 'href="/keys/new"' in text


def test_an_applications_page_shows_its_keys(page: Pages, ada: Api):
    crm = ada.create("applications", display_name="CRM 360")
    key = ada.create("api-keys", name="Nightly export", application_id=crm["id"])
    text = page.get(f"/applications/{crm['id']}").text
    assert f"/keys/{key['id']}" in text
    assert f"/keys/new?application_id={crm['id']}" in text
    form = page.get(f"/keys/new?application_id={crm['id']}").text
    assert re.search(rf'<option selected value="{crm["id"]}">', form)


def test_a_chosen_application_is_always_among_the_choices(
    page: Pages, ada: Api, monkeypatch: pytest.MonkeyPatch
):
    ada.create("applications", display_name="AAA")
    last = ada.create("applications", display_name="ZZZ")
    monkeypatch.setattr(verbs, "OFFERED", 1)
    for path in ("/keys/new?", "/keys?filter=application_id&"):
        assert last["id"] not in page.get(path).text
        text = page.get(f"{path}application_id={last['id']}").text
        options = re.findall(r"<(?:option|input type=\"checkbox\") [^>]*>", text)
        chosen = [o for o in options if re.search("selected|checked", o)]
        assert [o for o in chosen if last["id"] in o], path


def test_the_overview_warns_of_keys_that_expire_soon(page: Pages, ada: Api):
    assert "Issue an API key" in page.get("/").text
    ada.create("api-keys", name="Far away", expires_at="2099-01-01T00:00:00Z")
    assert "Works until it expires" not in page.get("/").text
    soon = page.post("/keys/new", form_of(page) | {"name": "Near", "lifetime": "7"})
    assert soon.status_code == 200
    overview: Any = page.get("/").text
    assert "Near" in overview
    assert "Works until it expires" in overview


def test_everybody_is_told_of_a_key_that_ends_within_a_day(page: Pages, ada: Api):
    near = (datetime.now(UTC) + timedelta(hours=20)).isoformat()
    later = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    ada.create("api-keys", name="Near", expires_at=near)
    ada.create("api-keys", name="Later", expires_at=later)
    told = page.get("/notices").text
    assert "Near" in told
    assert "This key ends within a day. Rotate it now." in told
    assert "Later" not in told
