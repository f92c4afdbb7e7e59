"""People and their sessions, by REST."""

import time
from collections.abc import Callable

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import PEOPLE

from tests.cast import ADA, ED, VIC, Api, Pages, Provider


def test_an_admin_lists_people_and_ends_their_sessions(
    ada: Api, browse: Callable[..., Pages]
) -> None:
    ed, _ = browse(ED), browse(ED)
    people = (ada.get("/people").json or {})["items"]
    [seen] = [one for one in people if one["id"] == ed.person_id]
    assert (seen["role"], seen["live_sessions"]) == ("editor", 2)
    assert ada.get(f"/people/{ed.person_id}").json == seen
    assert ada.post(f"/people/{ed.person_id}/session-endings").json == {"ended": 2}
    assert ed.get("/account/sessions").status_code == 303
    assert ada.get("/people/per_nobody").status_code == 404


def test_access_tokens_from_before_end_with_the_sessions(
    app: Flask, ada: Api, browse: Callable[..., Pages], token_provider: Provider
) -> None:
    person = next(one for one in PEOPLE if one.email == ED)
    now, ed = int(time.time()), browse(ED)
    before, after = (
        Api(app.test_client(), token_provider.token_of(person, iat=issued_at))
        for issued_at in (now - 60, now + 2)
    )
    assert before.get("/webhooks").status_code == 200
    ed.post("/auth/logout")
    page = browse(ADA)
    assert f"end-{ed.person_id}" in page.get("/people").text, "also without a session"
    page.post(f"/people/{ed.person_id}/end-sessions")
    refused = before.get("/webhooks")
    assert (refused.status_code, refused.json["code"]) == (401, "unauthenticated")
    assert after.get("/webhooks").status_code == 200


@pytest.mark.parametrize("who", [ED, VIC])
def test_nobody_else_sees_people(api: Callable[[str], Api], who: str) -> None:
    for method, path in (("GET", "/people"), ("GET", "/people/x"),
                         ("POST", "/people/x/session-endings")):  # fmt: skip
        assert api(who).call(method, path).status_code == 403, path


def test_a_person_ends_their_own_sessions_only(
    api: Callable[[str], Api], browse: Callable[..., Pages]
) -> None:
    vic, ada = api(VIC), browse(ADA)
    pages = [browse(VIC) for _ in range(3)]
    mine = (vic.get("/sessions").json or {})["items"]
    assert len(mine) == 3
    assert vic.delete(f"/sessions/{mine[0]['id']}").status_code == 204
    assert len((vic.get("/sessions").json or {})["items"]) == 2
    hers = (api(ADA).get("/sessions").json or {})["items"][0]["id"]
    assert vic.delete(f"/sessions/{hers}").status_code == 404
    assert vic.delete("/sessions").json == {"ended": 2}
    assert {page.get("/account/sessions").status_code for page in pages} == {303}
    assert ada.get("/account/sessions").status_code == 200


def test_a_key_has_no_sessions_and_sees_no_people(app: Flask, ada: Api) -> None:
    key = Api(app.test_client(), ada.create("api-keys", scopes=["webhooks:write"])["key"])
    for path in ("/sessions", "/people"):
        assert key.get(path).status_code == 403, path


def test_a_token_that_is_narrowed_to_scopes_has_none_of_the_role(
    app: Flask, tenants: tuple[str, str], token_provider: Provider
) -> None:
    token = token_provider.token_of(PEOPLE[0], scope="applications:read")
    narrowed = Api(app.test_client(), token)
    assert narrowed.get("/applications").status_code == 200
    for method, path in (("GET", "/people"), ("GET", "/sessions"), ("DELETE", "/sessions")):
        assert narrowed.call(method, path).status_code == 403, path
