"""People and their sessions, by REST."""

import re
import time
from collections.abc import Callable

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import PEOPLE

from tests.cast import ADA, ED, VIC, Api, Pages, Provider
from tests.databases import Database


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
    ed = browse(ED)

    def issued(seconds: int) -> Api:
        at = int(time.time()) + seconds
        return Api(app.test_client(), token_provider.token_of(person, iat=at))

    before = issued(-60)
    assert before.get("/webhooks").status_code == 200
    ed.post("/auth/logout")
    page = browse(ADA)
    assert f"end-{ed.person_id}" in page.get("/people").text, "also without a session"
    page.post(f"/people/{ed.person_id}/end-sessions")
    refused = before.get("/webhooks")
    assert (refused.status_code, refused.json["code"]) == (401, "unauthenticated")
    assert issued(1).get("/webhooks").status_code == 200


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


@pytest.fixture
def page(browse: Callable[..., Pages]) -> Pages:
    return browse(ADA)


@pytest.fixture
def crowd(page: Pages, database: Database) -> list[str]:
    """Let 60 people have signed in, and return their names in the order of the list."""
    names = [f"Crowd {n:03}" for n in range(60)]
    for n, name in enumerate(names):
        email = f"crowd.{n}@acme.example"
        database.sql(
            "INSERT INTO person (tenant_id, id, issuer, subject, name, email, role)"
            " SELECT tenant_id, 'per_' || md5(%s), issuer, %s, %s, %s, 'viewer'"
            " FROM person WHERE id = %s RETURNING id",
            name, name, name, email, page.person_id,
        )  # fmt: skip
        database.sql(
            "INSERT INTO search_term (tenant_id, kind, record_id, term)"
            " SELECT tenant_id, 'person', id, %s FROM person WHERE name = %s RETURNING record_id",
            name[-3:], name,
        )  # fmt: skip
    return names


def test_a_list_of_people_goes_on_to_the_last(ada: Api, crowd: list[str]):
    found: list[str] = []
    address = "/people?limit=25"
    while address:
        answer = ada.get(address).json or {}
        found += [one["name"] for one in answer["items"]]
        cursor = answer["next_cursor"]
        address = cursor and f"/people?limit=25&cursor={cursor}"
    assert [name for name in found if name in crowd] == crowd
    assert len(found) == len(set(found)) == 61


def test_a_person_far_down_is_found_by_name_and_role(ada: Api, page: Pages, crowd: list[str]):
    assert [one["name"] for one in (ada.get("/people?q=057").json or {})["items"]] == [crowd[57]]
    admins = (ada.get("/people?role=admin").json or {})["items"]
    assert [one["id"] for one in admins] == [page.person_id]
    refused = ada.get("/people?role=owner")
    assert (refused.status_code, (refused.json or {})["errors"][0]["field"]) == (400, "role")


def test_the_page_of_people_leads_on_and_finds(page: Pages, crowd: list[str]):
    first = page.get("/people").text
    assert "61 people signed in so far" in first
    assert crowd[30] in first
    assert crowd[59] not in first
    onward = re.search(r'href="(/people\?[^"]*cursor=[^"]+)"', first)
    assert onward
    assert crowd[59] in page.get(onward[1].replace("&amp;", "&")).text
    found = page.get("/people?q=059").text
    assert crowd[59] in found
    assert crowd[30] not in found
    [alone] = re.findall(r'<tr id="(per_[0-9a-f]{32})"', found)
    assert crowd[59] in page.get(f"/people?id={alone}").text
