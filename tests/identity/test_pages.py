"""Signing in and out as a browser sees it: the portal's pages with the real provider."""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from portal_devtools.identity_provider.signing_key import issue_token, signing_keys
from werkzeug.test import TestResponse

from portal.core.config import Config, libpq_url
from portal.identity.openid.relying_party import LOGOUT_EVENT
from portal.identity.sessions.cookies import Cookies
from portal.identity.sessions.login import recent_sign_in_required
from tests.cast import ADA, BASE_URL, CLIENT_ID, ED, GUS, VIC, Api, Pages, Provider
from tests.databases import Database
from tests.identity.conftest import Visitor, person

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def visitor(token_provider: Provider) -> Visitor:
    return Visitor(token_provider.issuer)


@pytest.fixture
def portal(client: FlaskClient, tenants: tuple[str, str]) -> FlaskClient:
    return client


def to_provider(response: TestResponse, visitor: Visitor) -> requests.Response:
    """Follow the portal's redirect to the provider."""
    assert response.status_code == 303, response.text
    assert response.location
    assert response.location.startswith(visitor.issuer)
    return visitor.open(response.location)


def back(page: requests.Response, visitor: Visitor, email: str) -> str:
    """Press the person's button (if there is a choice); return the callback's path."""
    if page.status_code == 200:
        action = re.search(r'action="([^"]+)"', page.text)
        assert action
        page = visitor.http.post(
            visitor.issuer + action[1].replace("&amp;", "&"),
            data={"person": person(email).subject},
            allow_redirects=False,
            timeout=10,
        )
    location = page.headers["Location"]
    assert location.startswith(f"{BASE_URL}/auth/callback?")
    return location.removeprefix(BASE_URL)


def walk_in(portal: FlaskClient, visitor: Visitor, email: str, place: str = "/") -> TestResponse:
    """Do the whole sign-in; return the portal's response to the callback."""
    begun = portal.get(f"/auth/login?{urlencode({'next': place})}")
    return portal.get(back(to_provider(begun, visitor), visitor, email))


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        return connection.execute(query).fetchall()


def cookie_lines(response: TestResponse) -> dict[str, str]:
    lines = response.headers.getlist("Set-Cookie")
    return {line.partition("=")[0]: line for line in lines}


# ---------------------------------------------------------------- signing in


def test_a_sign_in_from_end_to_end(portal: FlaskClient, visitor: Visitor) -> None:
    answer = walk_in(portal, visitor, ADA, "/account/sessions")
    assert (answer.status_code, answer.location) == (303, "/account/sessions")
    page = portal.get("/account/sessions")
    assert page.status_code == 200
    assert person(ADA).name in page.text
    assert "Acme" in page.text


def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back(
    portal: FlaskClient, visitor: Visitor
) -> None:
    refused = portal.get("/account/sessions?a=b")
    assert refused.status_code == 303
    assert refused.location
    begun = portal.get(refused.location)
    answer = portal.get(back(to_provider(begun, visitor), visitor, ED))
    assert answer.location == "/account/sessions?a=b"


def test_the_cookies_are_hidden_from_scripts_and_other_sites(
    portal: FlaskClient, visitor: Visitor, config: Config
) -> None:
    names = Cookies.of(config)
    begun = cookie_lines(portal.get("/auth/login"))
    answer = cookie_lines(walk_in(portal, visitor, ADA))
    for line in (begun[names.login], answer[names.session]):
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; "))
        assert "Domain" not in line
    assert "Max-Age=600" in begun[names.login]


def test_with_https_the_cookies_are_bound_to_the_host(make_config: Callable[..., Config]) -> None:
    config = make_config(PORTAL_BASE_URL="https://portal.example")
    cookies = Cookies.of(config)
    assert (cookies.session, cookies.login) == ("__Host-cpod", "__Host-cpod-login")
    assert cookies.secure


def test_two_portals_on_one_machine_keep_their_cookies_apart(
    make_config: Callable[..., Config],
) -> None:
    names = {Cookies.of(make_config(PORTAL_PORT=port)).session for port in ("8000", "8100")}
    assert len(names) == 2


def test_a_sign_in_changes_the_session_and_ends_the_old_one(
    portal: FlaskClient, visitor: Visitor, database: Database, config: Config
) -> None:
    walk_in(portal, visitor, ADA)
    name = Cookies.of(config).session
    first = portal.get_cookie(name)
    begun = portal.get("/auth/login?again=1")
    portal.get(back(to_provider(begun, visitor), visitor, ADA))
    second = portal.get_cookie(name)
    assert first
    assert second
    assert first.value != second.value
    portal.set_cookie(name, first.value)
    assert portal.get("/account/sessions").status_code == 303, "the old one is dead"
    assert rows(database, "SELECT count(*) FROM web_session WHERE revoked_at IS NULL") == [(1,)]


def test_a_callback_works_once(portal: FlaskClient, visitor: Visitor, config: Config) -> None:
    begun = portal.get("/auth/login")
    callback = back(to_provider(begun, visitor), visitor, ADA)
    assert portal.get(callback).status_code == 303
    again = portal.get(callback)
    assert (again.status_code, again.location) == (303, "/"), "Back after a sign-in is harmless"
    portal.delete_cookie(Cookies.of(config).session)
    replay = portal.get(callback)
    assert replay.status_code == 400
    assert "cannot be finished" in replay.text
    assert portal.get("/account/sessions").status_code == 303


def test_another_browser_cannot_finish_it(
    portal: FlaskClient, visitor: Visitor, app: Flask
) -> None:
    callback = back(to_provider(portal.get("/auth/login"), visitor), visitor, ADA)
    assert app.test_client().get(callback).status_code == 400


def test_two_tabs_may_sign_in_at_once_and_the_cookie_stays_small(
    portal: FlaskClient, visitor: Visitor, config: Config
) -> None:
    begun = [portal.get(f"/auth/login?next=/account/sessions?{'x' * 300}") for _ in range(8)]
    cookie = portal.get_cookie(Cookies.of(config).login)
    assert cookie
    assert len(cookie.value) < 4000
    first, last = begun[0], begun[-1]
    callback = back(to_provider(last, visitor), visitor, ADA)
    assert portal.get(callback).status_code == 303
    portal.delete_cookie(Cookies.of(config).session)
    dropped = back(to_provider(first, visitor), visitor, ADA)
    assert portal.get(dropped).status_code == 400


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/auth/login",
        "/api/v1/integration/applications",
        "/nothing/here",
        "/account/sessions/end-others",
        "/" + "a" * 1000,
        "/account/sessions\r\nX: y",
    ],
)
def test_nobody_is_sent_anywhere_else(portal: FlaskClient, visitor: Visitor, place: str) -> None:
    assert walk_in(portal, visitor, ADA, place).location == "/"


def test_in_development_the_name_that_keeps_cookies_is_used(portal: FlaskClient) -> None:
    answer = portal.get("/auth/login?next=/", base_url="http://127.0.0.1:8000")
    assert answer.location == f"{BASE_URL}/auth/login?next=%2F"


def test_cancelling_at_the_provider_is_said_in_human_words(portal: FlaskClient) -> None:
    begun = portal.get("/auth/login?next=/account/sessions")
    state = parse_qs(urlsplit(begun.location or "").query)["state"][0]
    answer = portal.get(f"/auth/callback?state={state}&error=access_denied")
    assert answer.status_code == 403
    assert "You were not signed in" in answer.text
    assert "/auth/login?next=/account/sessions" in answer.text.replace("%2F", "/")


def test_a_provider_that_is_away_is_said_in_human_words(
    another_app: Callable[..., Flask],
) -> None:
    app = another_app(PORTAL_OIDC_ISSUER="http://127.0.0.1:9")
    answer = app.test_client().get("/auth/login")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "does not answer" in answer.text


# ---------------------------------------------------------------- no access


def test_somebody_without_a_tenant_or_role_is_told_what_is_missing(
    portal: FlaskClient, visitor: Visitor, database: Database
) -> None:
    answer = walk_in(portal, visitor, "nora@nowhere.example")
    assert answer.status_code == 403
    for words in ("no access here yet", "Nora Nilsen", "nora@nowhere.example", "tenant_id"):
        assert words in answer.text
    assert 'action="/auth/logout"' in answer.text
    assert portal.get("/account/sessions").status_code == 303
    assert rows(database, "SELECT 1 FROM person") == []


def test_an_unknown_organisation_is_refused(
    client: FlaskClient, visitor: Visitor, database: Database
) -> None:
    answer = walk_in(client, visitor, ADA)
    assert answer.status_code == 403
    assert "does not use this portal yet" in answer.text


def test_a_role_that_was_taken_away_ends_the_sessions_and_is_on_record(
    another_app: Callable[..., Flask], app: Flask, visitor: Visitor, database: Database
) -> None:
    before = app.test_client()
    walk_in(before, visitor, ADA)
    stricter = another_app(PORTAL_OIDC_ROLE_MAP="viewer=viewer").test_client()
    answer = walk_in(stricter, visitor, ADA)
    assert answer.status_code == 403
    assert "has no role" in answer.text
    assert before.get("/account/sessions").status_code == 303
    assert rows(database, "SELECT count(*) FROM audit_entry WHERE action = 'sign_in.refused'") == [
        (1,)
    ]


# ---------------------------------------------------------------- step-up


@pytest.fixture
def dangerous(another_app: Callable[..., Flask]) -> Flask:
    """Return a portal with one button that needs a recent sign-in."""
    app = another_app()
    view = recent_sign_in_required(lambda: "done")
    app.add_url_rule("/dangerous", "dangerous", view, methods=["POST"])
    return app


def press(portal: FlaskClient, **headers: str) -> TestResponse:
    pages = Pages(portal, "")
    return pages.post(
        "/dangerous", headers={"Referer": "http://localhost/account/sessions?x=1"} | headers
    )


def test_a_fresh_sign_in_is_enough(dangerous: Flask, visitor: Visitor) -> None:
    portal = dangerous.test_client()
    walk_in(portal, visitor, ADA)
    assert press(portal).text == "done"


def test_an_older_one_leads_through_the_provider_and_is_done_then(
    dangerous: Flask, visitor: Visitor, database: Database
) -> None:
    portal = dangerous.test_client()
    walk_in(portal, visitor, ADA)
    age_sign_ins(database)
    refused = press(portal)
    assert refused.status_code == 303
    assert refused.location
    begun = portal.get(refused.location)
    asked = parse_qs(urlsplit(begun.location or "").query)
    assert (asked["max_age"], asked["prompt"]) == (["0"], ["login"])
    answer = portal.get(back(to_provider(begun, visitor), visitor, ADA))
    assert portal.get(answer.location or "").text == "done"
    assert press(portal).text == "done", "the same form still works"


def test_htmx_is_told_to_leave_the_page(
    dangerous: Flask, visitor: Visitor, database: Database
) -> None:
    portal = dangerous.test_client()
    walk_in(portal, visitor, ADA)
    age_sign_ins(database)
    refused = press(
        portal,
        **{"HX-Request": "true", "HX-Current-URL": "http://localhost/account/sessions"},
    )
    assert refused.status_code == 401
    assert "next=%2Faccount%2Fsessions" in refused.headers["HX-Redirect"]


def test_another_person_ends_the_session(
    dangerous: Flask, visitor: Visitor, database: Database
) -> None:
    portal = dangerous.test_client()
    walk_in(portal, visitor, ADA)
    age_sign_ins(database)
    begun = portal.get(press(portal).location or "")
    answer = portal.get(back(to_provider(begun, visitor), visitor, VIC))
    assert answer.status_code == 403
    assert "Somebody else signed in" in answer.text
    assert portal.get("/account/sessions").status_code == 303


def age_sign_ins(database: Database) -> None:
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute("UPDATE web_session SET auth_time = now() - interval '11 minutes'")


# ---------------------------------------------------------------- signing out


def test_signing_out_ends_both_sessions_and_checks_the_state(
    portal: FlaskClient, visitor: Visitor, database: Database
) -> None:
    walk_in(portal, visitor, ADA)
    answer = Pages(portal, "").post("/auth/logout")
    assert answer.status_code == 303
    asked = parse_qs(urlsplit(answer.location or "").query)
    assert asked["post_logout_redirect_uri"] == [f"{BASE_URL}/auth/logged-out"]
    assert asked["id_token_hint"][0].count(".") == 2
    assert portal.get("/account/sessions").status_code == 303
    returned = visitor.open(answer.location or "").headers["Location"]
    page = portal.get(returned.removeprefix(BASE_URL))
    assert page.status_code == 200
    assert "You are signed out" in page.text
    assert "did not confirm" not in page.text
    again = portal.get("/auth/login")
    assert to_provider(again, visitor).status_code == 200, "the provider asks who it is"


@pytest.mark.parametrize("query", ["", "?state=another"])
def test_a_return_without_our_state_is_not_taken_for_a_confirmation(
    portal: FlaskClient, visitor: Visitor, query: str
) -> None:
    walk_in(portal, visitor, ADA)
    Pages(portal, "").post("/auth/logout")
    page = portal.get(f"/auth/logged-out{query}")
    assert page.status_code == 400
    assert "did not confirm" in page.text


def test_the_page_alone_claims_nothing(portal: FlaskClient) -> None:
    assert portal.get("/auth/logged-out").status_code == 200
    assert portal.get("/auth/logged-out?state=x").status_code == 400


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, SAME_ORIGIN])
def test_another_site_cannot_sign_anybody_out(
    browse: Callable[..., Pages], headers: dict[str, str]
) -> None:
    ada = browse(ADA)
    answer = ada.client.post("/auth/logout", headers=headers)
    assert answer.status_code in (400, 403)
    assert ada.get("/account/sessions").status_code == 200


def test_signing_out_is_no_link(portal: FlaskClient) -> None:
    assert portal.get("/auth/logout").status_code == 405


# ---------------------------------------------------------------- back-channel logout


def notice(provider: Provider, **over: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": f"jti-{time.perf_counter_ns()}",
        "sub": person(ADA).subject,
        "events": {LOGOUT_EVENT: {}},
    } | over
    keys = signing_keys(provider.data_dir)
    header = {"alg": "RS256", "typ": "logout+jwt", "kid": keys.keys[0].kid}
    return jwt.encode(header, claims, keys)


def tell(client: FlaskClient, *tokens: str) -> TestResponse:
    return client.post("/auth/backchannel-logout", data={"logout_token": list(tokens)})


def test_the_provider_ends_a_session(
    browse: Callable[..., Pages], token_provider: Provider, client: FlaskClient
) -> None:
    ada, vic = browse(ADA), browse(VIC)
    token = notice(token_provider)
    answer = tell(client, token)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert ada.get("/account/sessions").status_code == 303
    assert vic.get("/account/sessions").status_code == 200
    replay = tell(client, token)
    assert (replay.status_code, replay.headers["Cache-Control"]) == (400, "no-store")


def test_the_provider_ends_one_session_by_its_sid(
    portal: FlaskClient, visitor: Visitor, token_provider: Provider, client: FlaskClient
) -> None:
    walk_in(portal, visitor, ADA)
    assert tell(client, notice(token_provider, sid="another")).status_code == 200
    assert portal.get("/account/sessions").status_code == 200


@pytest.mark.parametrize(
    "over",
    [{"aud": "another"}, {"nonce": "n"}, {"events": {}}, {"iat": 1}, {"iss": "https://a.example"}],
    ids=["aud", "nonce", "event", "iat", "iss"],
)
def test_a_notice_that_does_not_hold_ends_nothing(
    browse: Callable[..., Pages], token_provider: Provider, client: FlaskClient, over: Any
) -> None:
    ada = browse(ADA)
    answer = tell(client, notice(token_provider, **over))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (400, "no-store")
    assert answer.json == {"error": "invalid_request"}
    assert ada.get("/account/sessions").status_code == 200


def test_odd_notices(client: FlaskClient, token_provider: Provider, tenants: Any) -> None:
    assert tell(client).status_code == 400
    assert tell(client, notice(token_provider), notice(token_provider)).status_code == 400
    assert tell(client, "x" * 70_000).status_code == 400
    assert client.post("/auth/backchannel-logout", json={"logout_token": "x"}).status_code == 400
    assert client.get("/auth/backchannel-logout").status_code == 405


# ---------------------------------------------------------------- sessions and people


def session_ids(page: TestResponse) -> list[str]:
    return re.findall(r'<tr id="(ses_[^"]+)"', page.text)


def test_my_sessions_can_be_ended_one_by_one_or_all(browse: Callable[..., Pages]) -> None:
    here, there, elsewhere = browse(ADA), browse(ADA), browse(ADA)
    page = here.get("/account/sessions")
    assert len(session_ids(page)) == 3
    assert "this one" in page.text
    other = session_ids(there.get("/account/sessions"))
    mine = re.search(r'<tr id="(ses_[^"]+)">(?:(?!</tr>).)*this one', page.text, re.S)
    assert mine
    victim = next(one for one in other if one != mine[1])
    assert here.post(f"/account/sessions/{victim}/end").status_code == 303
    assert here.post(f"/account/sessions/{victim}/end").status_code == 404, "ended already"
    assert here.post("/account/sessions/end-others").status_code == 303
    assert here.get("/account/sessions").status_code == 200
    assert there.get("/account/sessions").status_code == 303
    assert elsewhere.get("/account/sessions").status_code == 303


def test_nobody_ends_a_strangers_session(browse: Callable[..., Pages]) -> None:
    ada, ed, gus = browse(ADA), browse(ED), browse(GUS)
    (theirs,) = session_ids(ada.get("/account/sessions"))
    for stranger in (ed, gus):
        foreign = stranger.post(f"/account/sessions/{theirs}/end")
        made_up = stranger.post("/account/sessions/ses_made_up/end")
        assert foreign.status_code == made_up.status_code == 404
    assert ada.get("/account/sessions").status_code == 200


def test_an_admin_sees_the_people_of_the_tenant_and_ends_their_sessions(
    browse: Callable[..., Pages],
) -> None:
    ada, vic, gus = browse(ADA), browse(VIC), browse(GUS)
    page = ada.get("/people")
    assert person(VIC).name in page.text
    assert person(GUS).name not in page.text
    assert ada.post(f"/people/{gus.person_id}/end-sessions").status_code == 404
    assert gus.get("/account/sessions").status_code == 200
    assert ada.post(f"/people/{vic.person_id}/end-sessions").status_code == 303
    assert vic.get("/account/sessions").status_code == 303


def test_people_are_for_admins(browse: Callable[..., Pages]) -> None:
    vic, ada = browse(VIC), browse(ADA)
    assert vic.get("/people").status_code == 403
    assert vic.post(f"/people/{ada.person_id}/end-sessions").status_code == 403
    assert ada.get("/account/sessions").status_code == 200


def test_what_happened_is_on_record(
    portal: FlaskClient, visitor: Visitor, database: Database
) -> None:
    walk_in(portal, visitor, ADA)
    Pages(portal, "").post("/auth/logout")
    found = rows(
        database, "SELECT action, actor_name, ip FROM audit_entry ORDER BY occurred_at, id"
    )
    assert found == [
        ("session.began", person(ADA).name, "127.0.0.1"),
        ("session.ended", person(ADA).name, "127.0.0.1"),
    ]


def test_a_person_is_the_same_person_through_pages_and_rest(
    browse: Callable[..., Pages], api: Callable[[str], Api]
) -> None:
    met_by_token = api(ED).create("applications", display_name="By token")
    assert met_by_token["created_by"] == browse(ED).person_id
    known_from_pages = browse(ADA)
    made = api(ADA).create("applications", display_name="Also by token")
    assert made["created_by"] == known_from_pages.person_id


def test_a_program_acts_as_its_application(
    app: Flask, api: Callable[[str], Api], token_provider: Provider
) -> None:
    api(ADA).create("applications", display_name="CRM", slug="crm", oauth_client_id="crm-360")
    token = issue_token(token_provider.data_dir, token_provider.issuer, "crm-360")
    made = Api(app.test_client(), token).create("webhooks", name="Theirs")
    assert made["app_id"] == "crm"
