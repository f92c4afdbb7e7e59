"""Test every route of the URL map once: access, strangers, headers.

A route with an argument that no function below provides fails the test, so no new route escapes it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from portal.identity.openid.claims import ROLE_SCOPES
from tests.cast import ADA, GUS, PREFIX, VIC, Api, Pages
from tests.databases import Database, read_only
from tests.resources import RESOURCES
from tests.secretstore.openbao import OpenBao
from tests.statements import statements

# Endpoints that are open to everybody.
FOR_KEYS = {
    "api.integration_connectors_takeLease"
}  # closed to people, before anything is looked for
# What they name is the same for every tenant.
OF_EVERYBODY = {"api.integration_providers_get", "api.integration_apiKeys_listWeak"}
PUBLIC = {
    "static",
    "look.choose",
    "problems.index",
    "problems.show",
    "auth.login",
    "auth.callback",
    "auth.logout",
    "auth.logged_out",
    "auth.backchannel_logout",
    "health.healthz",
    "health.readyz",
    "oauth.token",
    "oauth.introspect",
    "oauth.jwks",
    "metadata.authorization_server",
    "metadata.portal",
    "metadata.rest",
    "keys.open_link",
    "keys.burn_link",
    "door.take",
    "scanning.take",
}

NO_PAGES = PUBLIC | {"auth.go_on"}  # a step of the sign-in, which leads on


@dataclass(frozen=True)
class Call:
    """One method of one rule, with values for its arguments."""

    method: str
    path: str
    endpoint: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Records:
    """Ada's records, one of each kind, as ids by resource, and her own ids."""

    by_resource: Mapping[str, str]
    extra: Mapping[str, str]

    def arguments(self, rule: Rule) -> dict[str, str]:
        return {name: self._argument(rule, name) for name in rule.arguments}

    def _argument(self, rule: Rule, name: str) -> str:
        if name in self.extra:
            return self.extra[name]
        place = rule.rule.removeprefix(PREFIX).strip("/").split("/")[0]
        if rule.endpoint == "api.integration_apiKeys_getRotation":
            return self.extra["rotated_id"]
        if "/received/" in rule.rule:
            return self.extra["inbound_id"]
        place = {one.scope: one.name for one in RESOURCES}.get(place, place)
        assert place in self.by_resource, f"no maker for <{name}> of {rule.rule}"
        return self.by_resource[place]


@pytest.fixture
def records(ada: Api, browse: Callable[..., Pages], receiver_url: str) -> Records:
    special = ("webhooks", "connectors")
    made = {one.name: ada.create(one.name)["id"] for one in RESOURCES if one.name not in special}
    made["connectors"] = ada.create(
        "connectors", provider="http", auth_type="none", config={"baseUrl": receiver_url}
    )["id"]
    (check,) = (ada.get(f"/connectors/{made['connectors']}/checks").json or {})["items"]
    made["webhooks"] = ada.create("webhooks", url=receiver_url, event_types=["*"])["id"]
    made |= published(ada, made["webhooks"])
    fired = ada.post(f"/webhooks/{made['webhooks']}/test-deliveries", {"event_type": "rfp.created"})
    person = browse(ADA)
    sessions = person.get("/account/sessions").text
    session_id = re.search(r"ses_[0-9A-Z]{26}", sessions)
    assert session_id, sessions
    extra = {
        "session_id": session_id[0],
        "person_id": person.person_id,
        "code": "not_found",
        "attempt_id": (fired.json or {})["id"],
        "delivery_id": (fired.json or {})["id"],
        **set_aside(ada),
        "replay_id": made["replays"],
        "check_id": check["id"],
        "weakness": "idle",
        "operation_id": "integration.applications.create",
        "view_id": ada.create("views", list="webhooks", name="All of them", is_shared=True)["id"],
    }
    ada.post("/inbox")  # so that there is one to look at
    rotated = ada.create("api-keys")["id"]
    ada.post(f"/api-keys/{rotated}/rotations", {})
    preview = {"resource": "applications", "verb": "edit", "filter": {}}
    made["bulk-jobs"] = (
        ada.post("/bulk-jobs", {**preview, "arguments": {"status": "deprecated"}}).json or {}
    )["id"]
    named = {"people": person.person_id, "sessions": session_id[0], "providers": "splunk"}
    named["views"] = extra["view_id"]
    return Records({**made, **named}, {**extra, "rotated_id": rotated})


def set_aside(ada: Api) -> dict[str, str]:
    """Create an inbound webhook and a request to it that cannot be verified; return the ids."""
    inbound_id = ada.create("webhooks", direction="inbound")["id"]
    ada.client.post(f"/in/{inbound_id}", data=b"{}")
    (kept,) = (ada.get(f"/webhooks/{inbound_id}/received").json or {})["items"]
    return {"inbound_id": inbound_id, "request_id": kept["id"]}


def published(ada: Api, webhook_id: str) -> dict[str, str]:
    """Create an event, its delivery to the webhook, and a replay of it; return their ids."""
    event = ada.post("/events", {"type": "rfp.created"}).json or {}
    event_id = event["events"][0]["id"]
    owed = ada.get(f"/webhooks/{webhook_id}/deliveries?event_id={event_id}").json or {}
    window = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "what": "all"}
    replay = ada.post(f"/webhooks/{webhook_id}/replays", window).json or {}
    return {
        "events": event_id,
        "deliveries": owed["items"][0]["id"],
        "replays": replay["id"],
    }


@pytest.fixture
def receiver_url() -> str:
    """Return an address on which nothing listens: a failed attempt is an attempt, too."""
    return "http://127.0.0.1:1024/hooks"


def calls(app: Flask, arguments: Callable[[Rule], Mapping[str, str]]) -> Iterator[Call]:
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if rule.endpoint != "static":
                path = adapter.build(rule.endpoint, arguments(rule), method)
                yield Call(method, path, rule.endpoint)


def pages(app: Flask, records: Records) -> list[Call]:
    found = calls(app, records.arguments)
    return [c for c in found if not c.path.startswith("/api/") and c.endpoint not in PUBLIC]


def test_nobody_comes_in_without_signing_in(app: Flask, records: Records) -> None:
    visitor = app.test_client()
    for call in pages(app, records):
        answer = visitor.open(call.path, method=call.method, headers=OURS)
        turned_away = answer.status_code == 303 and "/auth/login" in answer.headers["Location"]
        refused = answer.status_code in (400, 401, 403)
        assert turned_away or (refused and call.method != "GET"), (str(call), answer.status)


OURS = {"Sec-Fetch-Site": "same-origin"}


def test_every_page_opens_for_its_admin_and_has_all_headers(
    app: Flask, records: Records, browse: Callable[..., Pages]
) -> None:
    person = browse(ADA)
    for call in pages(app, records):
        if call.method != "GET" or call.endpoint in NO_PAGES:
            continue
        answer = person.get(call.path)
        assert answer.status_code == 200, (str(call), answer.text[:2000])
        assert answer.headers["Cache-Control"] == "no-store", str(call)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Request-Id"].startswith("req_")
        if answer.mimetype == "text/html":  # some are files to download
            assert "<title>" in answer.text


MOST_STATEMENTS = 6  # of one page or one REST response; the one that sets the tenant counts
# Asks for the state of the embedded secret store. A vault is asked beside, not by a statement.
OF_THE_STORE = "FROM store_key_use"
MORE_STATEMENTS = {"api.integration_apiKeys_getRotation": 7}


def test_no_page_and_no_read_asks_the_database_often(
    app: Flask, records: Records, browse: Callable[..., Pages], ada: Api
) -> None:
    person = browse(ADA)
    program = {"Authorization": f"Bearer {ada.token}"}
    searches = [
        Call("GET", f"/{place}?q=crm+360&tag=soc", f"{place}.index")
        for place in (one.scope for one in RESOURCES)
    ]
    busy = {}
    for call in [*calls(app, records.arguments), *searches]:
        if call.method != "GET" or call.endpoint in NO_PAGES:
            continue
        with statements() as sent:
            if call.path.startswith("/api/"):
                answer = ada.client.get(call.path, headers=program)
            else:
                answer = person.get(call.path)
        assert answer.status_code == 200, (str(call), answer.text[:500])
        sent = [one for one in sent if OF_THE_STORE not in one[0]]
        if len(sent) > MORE_STATEMENTS.get(call.endpoint, MOST_STATEMENTS):
            busy[str(call)] = sent
    assert not busy, "\n".join(f"{len(sent)} {call}" for call, sent in busy.items())


def test_every_page_opens_in_a_web_process_that_cannot_read_credentials(
    app: Flask, in_vault: OpenBao, records: Records, browse: Callable[..., Pages]
) -> None:
    person = browse(ADA)
    for call in pages(app, records):
        if call.method == "GET" and call.endpoint not in NO_PAGES:
            assert person.get(call.path).status_code == 200, str(call)


def test_a_strangers_id_looks_exactly_like_a_made_up_one(
    app: Flask,
    records: Records,
    browse: Callable[..., Pages],
    api: Callable[[str], Api],
) -> None:
    gus, program = browse(GUS), api(GUS)

    def ask(call: Call) -> tuple[int, str]:
        if call.path.startswith("/api/"):
            answer = program.client.open(
                call.path,
                method=call.method,
                json=None if call.method == "GET" else {},
                headers={"Authorization": f"Bearer {program.token}"},
            )
        elif call.method == "GET":
            answer = gus.get(call.path)
        else:
            answer = gus.post(call.path)
        return answer.status_code, comparable(answer.text)

    def made_up(rule: Rule) -> dict[str, str]:
        return {name: value[:-4] + "ZZZZ" for name, value in records.arguments(rule).items()}

    forms = {f"explorer.{page}" for page in ("show", "send", "draft", "draft_again")}
    open_to_all = PUBLIC | forms  # no records
    theirs = [c for c in calls(app, records.arguments) if c.endpoint not in open_to_all]
    nobodys = [c for c in calls(app, made_up) if c.endpoint not in open_to_all]
    for stolen, invented in zip(theirs, nobodys, strict=True):
        if stolen.path == invented.path or stolen.endpoint in OF_EVERYBODY:
            continue
        status, text = ask(stolen)
        expected = 403 if stolen.endpoint in FOR_KEYS else 404
        assert status == expected, (str(stolen), status, text[:500])
        assert (status, text) == ask(invented), str(stolen)


def comparable(text: str) -> str:
    """Return a response without ids, nonces, tokens and times, which always differ."""
    without = re.sub(r"\b[a-z]{3}_[0-9A-Z]{26}\b", "ID", text)
    without = re.sub(r'(nonce|value|content)="[^"]*"', "", without)
    return re.sub(r"X-CSRFToken[^}]*", "", without)


def test_an_address_with_a_nul_is_of_nothing(
    app: Flask, ada: Api, browse: Callable[..., Pages]
) -> None:
    page = browse(ADA)
    signed = {"Authorization": f"Bearer {ada.token}"}
    for call in calls(app, lambda rule: dict.fromkeys(rule.arguments, "a\0")):
        if "%00" in call.path:
            by = ada.client if call.path.startswith(PREFIX) else page.client
            assert by.open(call.path, method=call.method, headers=signed).status_code == 404, call


@pytest.mark.parametrize("path", ["/keys/new?application_id=", "/keys/new?follows=", "/keys?q="])
def test_a_question_with_a_nul_is_refused(browse: Callable[..., Pages], path: str) -> None:
    answer = browse(ADA).get(f"{path}a%00")
    assert answer.status_code == 400
    assert "a character that is not allowed" in answer.text


def test_a_viewer_may_look_and_change_nothing(
    app: Flask, records: Records, browse: Callable[..., Pages]
) -> None:
    vic = browse(VIC)
    own = {"sessions.end", "sessions.end_others", "views.create", "views.change", "views.delete"}
    own |= {"keys.leaks", "explorer.draft", "exports.export"}  # these change nothing
    for call in pages(app, records):
        if call.method == "GET" or call.endpoint in own:
            continue
        answer = vic.post(call.path)
        assert answer.status_code == 403, (str(call), answer.status_code)


def test_a_form_of_another_site_changes_nothing(
    app: Flask, records: Records, browse: Callable[..., Pages]
) -> None:
    person = browse(ADA)
    foreign: list[dict[str, str]] = [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {},
    ]
    for call in pages(app, records):
        if call.method != "POST":
            continue
        for headers in foreign:
            answer = person.client.post(
                call.path, data={"csrf_token": person.csrf_token()}, headers=headers
            )
            assert answer.status_code == 403, (str(call), headers)
        untoken = person.client.post(call.path, headers=OURS)
        is_led_to_sign_in = (untoken.location or "").startswith("/auth/login?next=")
        assert is_led_to_sign_in or untoken.status_code in (400, 403), str(call)


def test_looking_changes_nothing(
    app: Flask, records: Records, browse: Callable[..., Pages], ada: Api
) -> None:
    person = browse(ADA)

    def state() -> list[Any]:
        return [ada.get(f"/{one.name}?include_deleted=true").json for one in RESOURCES]

    before = state()
    for call in calls(app, records.arguments):
        if call.method == "GET" and call.endpoint not in PUBLIC:
            if call.path.startswith("/api/"):
                assert ada.get(call.path.removeprefix(PREFIX)).status_code == 200, str(call)
            else:
                person.get(call.path)
    assert state() == before


def test_everything_can_be_read_while_nothing_can_be_saved(
    app: Flask, records: Records, browse: Callable[..., Pages], ada: Api, database: Database
) -> None:
    person = browse(ADA)
    key = Api(
        app.test_client(), ada.create("api-keys", scopes=sorted(ROLE_SCOPES["viewer"]))["key"]
    )
    # Old enough that a page would record that the session is in use.
    database.sql("UPDATE web_session SET last_seen_at = last_seen_at - interval '2 minutes'")
    unread = {}
    with read_only(app, database):
        for call in calls(app, records.arguments):
            if call.method != "GET" or call.endpoint in NO_PAGES:
                continue
            if call.path.startswith("/api/"):
                path = call.path.removeprefix(PREFIX)
                answers = [ada.get(path), key.get(path)]
            else:
                answers = [person.get(call.path)]
            for answer in answers:
                if answer.status_code not in (200, 403):
                    unread[str(call)] = answer.text[:300]
    assert unread == {}


def test_an_unknown_method_and_an_unknown_path_are_said_in_the_callers_language(
    app: Flask, ada: Api, browse: Callable[..., Pages]
) -> None:
    assert ada.call("PUT", "/applications").status_code == 405
    unknown = ada.get("/nothing")
    assert unknown.status_code == 404
    assert unknown.content_type == "application/problem+json"
    page = browse(ADA).get("/nothing")
    assert page.status_code == 404
    assert page.content_type.startswith("text/html")
