"""Suspending, retiring and reopening an application: scopes, reasons, and refused shortcuts."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.applications.conftest import Do
from tests.cast import ADA, ED, Api, Pages

App = dict[str, Any]
SUSPENDED = {"suspend": "suspended", "retire": "retired"}


def shown(ada: Api, crm: App) -> App:
    return dict(ada.get(f"/applications/{crm['id']}").json or {})


def history(ada: Api, crm: App) -> list[App]:
    return list((ada.get(f"/applications/{crm['id']}/history").json or {})["items"])


@pytest.mark.parametrize("verb", SUSPENDED)
def test_an_admin_stops_an_application_and_the_history_says_why(
    ada: Api, crm: App, do: Do, verb: str
) -> None:
    answer = do(verb, "A key leaked.")
    assert answer.status_code == 200, answer.text
    assert (answer.json["status"], answer.json["status_reason"]) == (
        SUSPENDED[verb],
        "A key leaked.",
    )
    newest = history(ada, crm)[0]
    assert newest["action"] == f"application.{SUSPENDED[verb]}"
    assert newest["changes"]["status"] == ["active", SUSPENDED[verb]]
    assert newest["changes"]["status_reason"] == [None, "A key leaked."]
    assert newest["actor_name"] == "Ada Almeida"


def test_it_reopens_in_the_status_that_it_had(ada: Api, crm: App, do: Do) -> None:
    ada.patch(f"/applications/{crm['id']}", {"status": "deprecated"})
    do("suspend")
    do("retire")
    assert do("reopen", "It is clean.").json["status"] == "deprecated"
    assert history(ada, crm)[0]["changes"]["status_reason"] == ["A key leaked.", "It is clean."]


def test_the_history_says_why_also_when_the_reason_is_the_one_before(
    ada: Api, browse: Callable[..., Pages], crm: App, do: Do
) -> None:
    for verb in ("suspend", "reopen", "suspend", "retire"):
        assert do(verb, "The same.").status_code == 200
    newest, *others, _ = history(ada, crm)
    assert [one["changes"]["status_reason"][1] for one in (newest, *others)] == ["The same."] * 4
    assert newest["changes"]["status_reason"][0] == "The same."
    page = browse(ADA).get(f"/applications/{crm['id']}/history").text
    assert page.count("The same.</ins>") == 4
    assert "The same.</del>" not in page


@pytest.mark.parametrize("reason", [None, "", "   ", "x" * 501, "bell\a"])
@pytest.mark.parametrize("verb", ["suspend", "retire", "reopen"])
def test_there_is_a_reason_that_can_be_read(do: Do, verb: str, reason: str | None) -> None:
    answer = do(verb, reason)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["reason"]


@pytest.mark.parametrize(
    ("first", "then"), [("suspend", "suspend"), ("retire", "retire"), ("retire", "suspend")]
)
def test_what_is_stopped_is_not_stopped_again(do: Do, first: str, then: str) -> None:
    do(first)
    answer = do(then)
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")


def test_what_is_not_stopped_is_not_reopened(do: Do) -> None:
    assert do("reopen").status_code == 409


@pytest.mark.parametrize("verb", ["suspend", "retire", "reopen"])
def test_an_editor_may_not(ada: Api, ed: Api, crm: App, do: Do, verb: str) -> None:
    if verb == "reopen":
        do("suspend")
    answer = do(verb, by=ed)
    assert answer.status_code == 403
    assert f'scope="applications:{verb}"' in answer.headers["WWW-Authenticate"]
    assert shown(ada, crm)["status"] == ("suspended" if verb == "reopen" else "active")


def test_a_key_may_only_when_an_admin_says_so(app: Flask, ada: Api, crm: App, do: Do) -> None:
    writer = Api(app.test_client(), ada.create("api-keys", scopes=["applications:write"])["key"])
    keeper = Api(app.test_client(), ada.create("api-keys", scopes=["applications:suspend"])["key"])
    assert do("suspend", by=writer).status_code == 403
    assert do("suspend", by=keeper).status_code == 200


def test_a_stranger_sees_nothing_to_stop(gus: Api, do: Do) -> None:
    assert do("suspend", by=gus).status_code == 404


# ---------------------------------------------------------------- no other way in or out


@pytest.mark.parametrize(("verb", "status"), SUSPENDED.items())
def test_a_patch_stops_nothing_and_names_the_verb(
    ada: Api, ed: Api, crm: App, verb: str, status: str
) -> None:
    for caller in (ada, ed):
        answer = caller.patch(f"/applications/{crm['id']}", {"status": status})
        assert answer.status_code == 409
        assert f"/applications/{crm['id']}/{verb}" in answer.json["errors"][0]["message"]
    assert shown(ada, crm)["status"] == "active"


@pytest.mark.parametrize("verb", SUSPENDED)
@pytest.mark.parametrize("status", ["active", "draft", "deprecated"])
def test_a_patch_revives_nothing_and_names_the_verb(
    ada: Api, ed: Api, crm: App, do: Do, verb: str, status: str
) -> None:
    do(verb)
    for caller in (ada, ed):
        answer = caller.patch(f"/applications/{crm['id']}", {"status": status})
        assert answer.status_code == 409
        assert f"/applications/{crm['id']}/reopen" in answer.json["errors"][0]["message"]
    assert shown(ada, crm)["status"] == SUSPENDED[verb]


def test_a_patch_does_not_turn_one_stop_into_the_other(ada: Api, crm: App, do: Do) -> None:
    do("suspend")
    answer = ada.patch(f"/applications/{crm['id']}", {"status": "retired"})
    assert (answer.status_code, "/retire" in answer.text) == (409, True)


def test_all_else_of_a_stopped_application_can_be_changed(ed: Api, crm: App, do: Do) -> None:
    do("suspend")
    same = {"status": "suspended", "status_reason": "Made up.", "description": "On hold."}
    answer = ed.patch(f"/applications/{crm['id']}", same)
    assert answer.status_code == 200, answer.text
    assert answer.json["description"] == "On hold."
    assert answer.json["status_reason"] == "A key leaked."


@pytest.mark.parametrize("status", ["suspended", "retired"])
def test_none_is_registered_stopped(ada: Api, status: str) -> None:
    answer = ada.post("/applications", {"status": status})
    assert answer.status_code == 409
    assert [error["field"] for error in answer.json["errors"]] == ["status"]


# ---------------------------------------------------------------- a library has no keys


def test_one_with_live_keys_is_made_no_library(ada: Api, ed: Api, crm: App) -> None:
    path = f"/applications/{crm['id']}"
    key = ada.create("api-keys", name="Nightly export", application_id=crm["id"])
    answer = ed.patch(path, {"kind": "library"})
    assert answer.status_code == 409
    assert [error["field"] for error in answer.json["errors"]] == ["kind"]
    assert f"Nightly export ({key['key_prefix']}…)" in answer.json["errors"][0]["message"]
    assert shown(ada, crm)["kind"] == "app"
    ada.post(f"/api-keys/{key['id']}/revoke")
    assert ed.patch(path, {"kind": "library"}).json["kind"] == "library"


# ---------------------------------------------------------------- pages


def test_the_page_stops_and_reopens_with_a_reason(
    ada: Api, crm: App, browse: Callable[..., Pages]
) -> None:
    page, path = browse(ADA), f"/applications/{crm['id']}"
    assert "refused within a second" in page.get(f"{path}/suspend").text
    assert page.post(f"{path}/suspend", {"reason": ""}).status_code == 422
    assert page.post(f"{path}/suspend", {"reason": "A key leaked."}).status_code == 303
    now = page.get(path).text
    assert "This application is suspended" in now
    assert "A key leaked." in now
    for sentence in ("with these keys", "Nothing is sent", "Whoever runs these connectors"):
        assert sentence in now
    assert "Issue a key" not in now
    assert page.post(f"{path}/reopen", {"reason": "It is clean."}).status_code == 303
    assert shown(ada, crm)["status"] == "active"


@pytest.mark.parametrize("verb", ["suspend", "retire", "reopen"])
def test_the_page_asks_to_sign_in_again_first(
    ada: Api, crm: App, browse: Callable[..., Pages], verb: str
) -> None:
    answer = browse(ADA, minutes_ago=11).post(
        f"/applications/{crm['id']}/{verb}", {"reason": "A key leaked."}
    )
    assert (answer.status_code, "/auth/login" in answer.location) == (303, True)
    assert shown(ada, crm)["status"] == "active"


@pytest.mark.parametrize("verb", ["suspend", "retire", "reopen"])
def test_the_page_is_for_admins(crm: App, browse: Callable[..., Pages], verb: str) -> None:
    page, path = browse(ED), f"/applications/{crm['id']}"
    assert page.get(f"{path}/{verb}").status_code == 403
    assert page.post(f"{path}/{verb}", {"reason": "A key leaked."}).status_code == 403
    assert f"{path}/{verb}" not in page.get(path).text


def test_the_forms_offer_no_status_that_a_verb_gives(
    crm: App, do: Do, browse: Callable[..., Pages]
) -> None:
    page, path = browse(ED), f"/applications/{crm['id']}/edit"
    assert "Deprecated" in page.get(path).text
    assert "Suspended" not in page.get(path).text
    do("suspend")
    assert 'name="status"' not in page.get(path).text
    saved = page.post(path, {"display_name": "CRM", "kind": "app", "version": "2"})
    assert saved.status_code == 303, saved.text
    assert "This application is suspended" in page.get(f"/applications/{crm['id']}").text


def test_forms_offer_nothing_that_is_stopped(
    crm: App, do: Do, browse: Callable[..., Pages]
) -> None:
    forms = ("/connectors/new?provider=okta", "/webhooks/new", "/keys/new", "/webhooks/inbound/new")
    page = browse(ADA)
    before = [crm["id"] in page.get(path).text for path in forms]
    do("suspend")
    after = [crm["id"] in page.get(path).text for path in forms]
    assert (before, after) == ([True] * len(forms), [False] * len(forms))
