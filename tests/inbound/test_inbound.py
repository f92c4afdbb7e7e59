"""Test received requests through HTTP: which are stored, published, or quarantined."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.core.config import Config
from portal.database.session import enter_tenant, send, session
from portal.fast.statements import Statement
from portal.inbound import endpoint, review
from portal.inbound.reception import event_of_request, failure_limits, reception
from portal.webhooks.models import Webhook
from portal.webhooks.signing import standard_webhooks
from portal.webhooks.verification.documents import documents
from tests.cast import ADA, Api, Pages
from tests.databases import Database
from tests.webhooks.conftest import Watcher
from tests.webhooks.test_webhooks import LOST_AT_COMMIT, everything_written
from tests.webhooks.verification import test_inbound_schemes as amazon

SECRET = "a-secret-of-the-provider"
PUSH = {"ref": "refs/heads/main", "commits": 3}


def github(body: bytes, secret: str = SECRET, delivery: str = "d-1") -> dict[str, str]:
    return {
        "X-Hub-Signature-256": "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex(),
        "X-GitHub-Delivery": delivery,
        "X-GitHub-Event": "push",
        "Content-Type": "application/json",
    }


def knock(client: FlaskClient, url: str, body: bytes, headers: dict[str, str]) -> TestResponse:
    """Send a request as a provider does, without cookie and token and from another site, and return
    the response."""
    path = url.partition("localhost:8000")[2] or url
    sent = {**headers, "Sec-Fetch-Site": "cross-site", "Origin": "https://github.example"}
    return client.post(path, data=body, headers=sent)


def make(ada: Api, scheme: str = "github", **more: Any) -> dict[str, Any]:
    given = {"inbound_secret": SECRET} if scheme != "standard-webhooks" else {}
    body = {"name": "From outside", "direction": "inbound", "inbound_scheme": scheme}
    return ada.create("webhooks", **{**body, **given, **more})


def received(ada: Api, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    answer = ada.get(f"/webhooks/{webhook['id']}/received{query}")
    assert answer.status_code == 200, answer.text
    return list((answer.json or {})["items"])


def events(ada: Api) -> list[dict[str, Any]]:
    return list((ada.get("/events").json or {})["items"])


# ---------------------------------------------------------------- an inbound webhook


def test_an_inbound_webhook_says_where_it_is_called(ada: Api) -> None:
    made = make(ada)
    assert made["inbound_url"] == f"http://localhost:8000/in/{made['id']}"
    assert made["inbound_scheme"] == "github"
    assert made["enabled"] is True
    assert made["is_active"] is True
    read = ada.get(f"/webhooks/{made['id']}").json or {}
    assert read["inbound_url"] == made["inbound_url"]
    outbound = ada.create("webhooks")
    assert (outbound["inbound_url"], outbound["inbound_scheme"]) == (None, None)


def test_each_of_two_portals_in_one_process_says_its_own_address(
    app: Flask, ada: Api, another_app: Callable[..., Flask]
) -> None:
    made = make(ada)
    other = another_app(PORTAL_BASE_URL="http://other.example:8000")
    with other.app_context():
        asked = Statement(select(Webhook.inbound_url).where(Webhook.id == made["id"]))
    for portal, base in ((other, "http://other.example:8000"), (app, "http://localhost:8000")):
        with portal.app_context():
            enter_tenant(made["tenant_id"])
            assert send(asked, {}) == [(f"{base}/in/{made['id']}",)]
            session.rollback()


def test_a_secret_that_was_given_is_never_shown_and_nowhere_written(
    ada: Api, database: Database
) -> None:
    made = make(ada)
    assert "signing_secret" not in made
    assert len(made["secret_fingerprint"]) == 12
    assert SECRET not in everything_written(database)
    read = ada.get(f"/webhooks/{made['id']}").json or {}
    assert "inbound_secret" not in read


def test_a_fingerprint_tells_nobody_a_password(ada: Api, client: FlaskClient) -> None:
    password = "splunk:Summer2026!"
    one, other = (make(ada, "basic", inbound_secret=password) for _ in range(2))
    assert one["secret_fingerprint"] != other["secret_fingerprint"], "equal ones look alike"
    sent = {"Authorization": "Basic " + base64.b64encode(password.encode()).decode()}
    assert knock(client, one["inbound_url"], b"{}", sent).status_code == 200
    [kept] = received(ada, one)
    assert kept["verified_with"] == one["secret_fingerprint"]
    body = {"webhook_id": one["id"], "headers": sent, "body": "{}"}
    checked = ada.post("/signature-checks", body).json or {}
    assert (checked["verified"], checked["fingerprint"]) == (True, one["secret_fingerprint"])
    guesses = [password, password.partition(":")[2], f"{one['id']}{password}"]
    assert one["secret_fingerprint"] not in [plain_print(text) for text in guesses]


def plain_print(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


@pytest.mark.usefixtures("in_vault")
@pytest.mark.parametrize("release", ["this one", "the one before"])
def test_a_fingerprint_is_recognised_after_the_secret_key_was_replaced(
    ada: Api,
    client: FlaskClient,
    app: Flask,
    config: Config,
    make_config: Callable[..., Config],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    release: str,
) -> None:
    webhook = make(ada)
    stored = webhook["secret_fingerprint"]
    if release == "the one before":
        stored = plain_print(SECRET)
        database.sql(f"UPDATE webhook SET secret_fingerprint = '{stored}'")
    keys = ",".join([secrets.token_hex(32), *config.secret_key.texts])
    monkeypatch.setitem(app.extensions, "portal", make_config(PORTAL_SECRET_KEY=keys))
    changed = {"inbound_scheme": "api-key", "inbound_secret": "a-key-that-was-not-committed"}
    database.sql(LOST_AT_COMMIT)
    assert ada.patch(f"/webhooks/{webhook['id']}", changed).status_code == 503
    database.sql("DROP FUNCTION at_commit CASCADE")
    assert knock(client, webhook["inbound_url"], b"[1]", github(b"[1]")).status_code == 200
    [kept] = received(ada, webhook)
    assert kept["verified_with"] == stored


def test_a_secret_that_is_made_here_is_shown_once(ada: Api) -> None:
    made = ada.create("webhooks", direction="inbound", inbound_scheme="github")
    assert len(made["signing_secret"]) >= 32
    standard = ada.create("webhooks", direction="inbound")
    assert standard["signing_secret"].startswith("whsec_")
    theirs = ada.create("webhooks", direction="inbound", inbound_scheme="stripe")
    assert "signing_secret" not in theirs
    assert theirs["secret_fingerprint"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"direction": "inbound", "inbound_scheme": "nobodys"}, "inbound_scheme"),
        ({"inbound_scheme": "github"}, "inbound_scheme"),
        ({"inbound_secret": SECRET}, "inbound_secret"),
        ({"direction": "inbound", "inbound_secret": "short"}, "inbound_secret"),
        ({"direction": "inbound", "inbound_secret": "no whsec_ at all"}, "inbound_secret"),
        (
            {
                "direction": "inbound",
                "inbound_scheme": "github",
                "inbound_options": {"header": "X"},
            },
            "inbound_options",
        ),
        (
            {
                "direction": "inbound",
                "inbound_scheme": "api-key",
                "inbound_options": {"header": "X\r\nY"},
            },
            "inbound_options.header",
        ),
        ({"inbound_options": {"header": "X-A"}}, "inbound_options"),
    ],
)
def test_what_cannot_be_is_refused_by_field(ada: Api, body: dict[str, Any], field: str) -> None:
    answer = ada.post("/webhooks", body)
    assert answer.status_code == 422, answer.text
    assert [e["field"] for e in (answer.json or {})["errors"]] == [field]
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ({"kty": "RSA", "n": "A" * 400, "e": "AQAB", "d": "AQAB"}, "is a private key"),
        ({"keys": [{"kty": "EC", "crv": "P-256", "d": "AQAB"}]}, "is a private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "is a private key"),
        ({"kty": "RSA", "n": "_" * 1500, "e": "AQAB"}, "has 9,000 bits. Use one of at most 8,192."),
    ],
    ids=["private JWK", "private JWK in a set", "private PEM", "long public JWK"],
)
def test_a_key_that_takes_long_to_read_is_refused(ada: Api, key: Any, words: str) -> None:
    secret = key if isinstance(key, str) else json.dumps(key)
    body = {"direction": "inbound", "inbound_scheme": "jwt", "inbound_secret": secret}
    answer = ada.post("/webhooks", body)
    assert answer.status_code == 422, answer.text
    [error] = (answer.json or {})["errors"]
    assert error["field"] == "inbound_secret"
    assert words in error["message"]


@pytest.mark.parametrize(
    ("scheme", "remedy"),
    [("github", "inbound_scheme to github"), ("standard-webhooks-ed25519", "inbound_scheme.")],
)
def test_how_an_outbound_webhook_signs_is_not_taken_for_how_a_sender_does(
    ada: Api, scheme: str, remedy: str
) -> None:
    answer = ada.post("/webhooks", {"direction": "inbound", "signature_scheme": scheme})
    assert answer.status_code == 422, answer.text
    [error] = (answer.json or {})["errors"]
    assert error["field"] == "signature_scheme"
    assert remedy in error["message"]
    made = make(ada, "github", signature_scheme="standard-webhooks")
    answer = ada.patch(f"/webhooks/{made['id']}", {"signature_scheme": scheme})
    assert answer.status_code == 422, answer.text
    read = ada.get(f"/webhooks/{made['id']}").json or {}
    assert ada.patch(f"/webhooks/{made['id']}", read).status_code == 200, "what was read goes back"


def test_a_misspelled_scheme_is_refused_with_those_that_there_are(ada: Api) -> None:
    for field in ("inbound_scheme", "signature_scheme"):
        answer = ada.post("/webhooks", {"direction": "inbound", field: "gihtub"})
        assert answer.status_code == 422, answer.text
        [error] = (answer.json or {})["errors"]
        assert (error["field"], "github" in error["message"]) == (field, True)


# ---------------------------------------------------------------- a genuine request


def test_a_genuine_request_is_kept_and_published(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada)
    body = json.dumps(PUSH).encode()
    answer = knock(client, webhook["inbound_url"], body, github(body))
    assert answer.status_code == 200, answer.text
    assert "Set-Cookie" not in answer.headers
    said = answer.json or {}
    assert (said["status"], said["duplicate"]) == ("accepted", False)

    (event,) = events(ada)
    assert (event["id"], event["type"]) == (said["event_id"], "github.push")
    assert event["data"] == PUSH
    assert event["actor_id"] == webhook["id"]

    (kept,) = received(ada, webhook)
    assert (kept["id"], kept["state"], kept["event_type"]) == (
        said["id"],
        "accepted",
        "github.push",
    )
    whole = ada.get(f"/webhooks/{webhook['id']}/received/{kept['id']}").json or {}
    assert base64.b64decode(whole["body_base64"]) == body
    assert whole["verified_with"] == webhook["secret_fingerprint"]
    assert (ada.get(f"/webhooks/{webhook['id']}").json or {})["last_delivery_at"]


def test_it_fans_out_to_who_subscribes(ada: Api, client: FlaskClient) -> None:
    ada.create("webhooks", url="https://hooks.example.com/x", event_types=["github.*"])
    webhook = make(ada)
    body = b"{}"
    event_id = (knock(client, webhook["inbound_url"], body, github(body)).json or {})["event_id"]
    matches = (ada.get(f"/events/{event_id}").json or {})["matches"]
    assert [match["matched"] for match in matches] == [True]


def test_a_delivery_that_comes_again_is_published_once(ada: Api, client: FlaskClient) -> None:
    webhook, body = make(ada), b'{"a": 1}'
    first = knock(client, webhook["inbound_url"], body, github(body)).json or {}
    again = knock(client, webhook["inbound_url"], body, github(body))
    assert again.status_code == 200
    assert (again.json or {}) == {**first, "duplicate": True}
    body = b'{"a": 2}'
    other = knock(client, webhook["inbound_url"], body, github(body, delivery="d-2")).json or {}
    assert other["duplicate"] is False
    assert len(events(ada)) == 2
    assert sorted(item["repeats"] for item in received(ada, webhook)) == [0, 1]


def test_only_the_events_that_are_wanted_are_published(ada: Api, client: FlaskClient) -> None:
    webhook, body = make(ada, event_types=["github.release"]), b"{}"
    said = knock(client, webhook["inbound_url"], body, github(body)).json or {}
    assert (said["status"], said["event_id"]) == ("accepted", None)
    assert events(ada) == []


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"[1,2]", {"items": [1, 2]}),
        (b"12", {"value": 12}),
        (b"plain words", {"text": "plain words"}),
        (b"\xff\x00", {"text": "\ufffd\ufffd"}),
        (b'{"a":"\\u0000"}', {"text": '{"a":"\\u0000"}'}),
        (b'{"a":"\\ud800"}', {"text": '{"a":"\\ud800"}'}),
        (b'{"a":1,"a":2}', {"text": '{"a":1,"a":2}'}),
        (b"", {"text": ""}),
    ],
)
def test_whatever_is_sent_can_be_kept_and_published(
    ada: Api, client: FlaskClient, body: bytes, data: dict[str, Any]
) -> None:
    webhook = make(ada)
    answer = knock(client, webhook["inbound_url"], body, github(body))
    assert answer.status_code == 200, answer.text
    assert [event["data"] for event in events(ada)] == [data]


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"item=1&item=2&event=x", {"item": ["1", "2"], "event": "x"}),
        (b"item=a%00b&n%00=&name=x", {"item": "a\ufffdb", "n\ufffd": "", "name": "x"}),
    ],
)
def test_every_field_of_a_form_is_published(
    ada: Api, client: FlaskClient, body: bytes, data: dict[str, Any]
) -> None:
    webhook = make(ada)
    headers = github(body) | {"Content-Type": "application/x-www-form-urlencoded"}
    answer = knock(client, webhook["inbound_url"], body, headers)
    assert answer.status_code == 200, answer.text
    assert [event["data"] for event in events(ada)] == [data]


def test_a_body_too_large_for_an_event_is_referred_to(ada: Api, client: FlaskClient) -> None:
    webhook, body = make(ada), json.dumps({"a": "x" * 100_000}).encode()
    said = knock(client, webhook["inbound_url"], body, github(body)).json or {}
    (event,) = events(ada)
    assert event["data"] == {"inbound_request_id": said["id"], "bytes": len(body)}


def test_a_body_beyond_the_limit_is_refused(ada: Api, client: FlaskClient) -> None:
    webhook, body = make(ada), b"x" * (reception.MAX_BODY + 1)
    answer = knock(client, webhook["inbound_url"], body, github(body))
    assert (answer.status_code, (answer.json or {})["code"]) == (413, "too_large")
    assert received(ada, webhook) == []


def test_what_a_portal_sends_does_not_go_in_circles(ada: Api, client: FlaskClient) -> None:
    webhook = ada.create("webhooks", direction="inbound")
    body = b'{"type":"rfp.created","data":{}}'
    headers = standard_webhooks.headers(webhook["signing_secret"], "evt_1", body) | {
        "cpod-attempt": "1"
    }
    said = knock(client, webhook["inbound_url"], body, headers).json or {}
    assert (said["status"], said["event_id"]) == ("accepted", None)


def test_a_sender_cannot_speak_as_the_portal(ada: Api, client: FlaskClient) -> None:
    webhook = ada.create("webhooks", direction="inbound")
    body = b'{"type":"api_key.created","data":{}}'
    headers = standard_webhooks.headers(webhook["signing_secret"], "msg_1", body)
    knock(client, webhook["inbound_url"], body, headers)
    assert [event["type"] for event in events(ada)] == ["inbound.api_key.created"]


# ---------------------------------------------------------------- refused requests


def test_a_bad_signature_is_refused_and_set_aside_with_the_reason(
    ada: Api, client: FlaskClient
) -> None:
    webhook, body = make(ada), b'{"a": 1}'
    answer = knock(client, webhook["inbound_url"], body, github(body, "another secret"))
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert (answer.json or {})["code"] == "not_verified"
    (kept,) = received(ada, webhook, "?state=quarantined")
    assert (kept["code"], kept["event_id"]) == ("no_match", None)
    assert "another secret" in kept["reason"]
    assert events(ada) == []


def test_unknown_ids_and_webhooks_that_are_off_look_alike(
    ada: Api, gus: Api, client: FlaskClient
) -> None:
    off = make(ada, enabled=False)
    gone = make(ada)
    ada.delete(f"/webhooks/{gone['id']}")
    outbound = ada.create("webhooks")["id"]
    ids = [off["id"], gone["id"], outbound, "whk_01K00000000000000000000000", "x"]
    answers = [knock(client, f"/in/{one}", b"{}", github(b"{}")) for one in ids]
    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.json or {})["detail"] for answer in answers}) == 1


def test_other_methods_are_refused_in_the_language_of_programs(
    ada: Api, client: FlaskClient
) -> None:
    webhook = make(ada)
    path = f"/in/{webhook['id']}"
    assert client.get(path).status_code == 405
    assert client.get(path).content_type == "application/problem+json"
    assert client.put(path, data=b"{}").status_code == 405


def test_requests_of_one_tenant_are_nobody_elses(
    ada: Api, gus: Api, vic: Api, client: FlaskClient
) -> None:
    webhook, body = make(ada), b"{}"
    said = knock(client, webhook["inbound_url"], body, github(body)).json or {}
    path = f"/webhooks/{webhook['id']}/received"
    for below in ("", f"/{said['id']}"):
        assert gus.get(path + below).status_code == 404
        assert vic.get(path + below).status_code == 200
    assert vic.post(path + "/reverifications").status_code == 403
    assert events(gus) == []


def test_a_flood_fills_no_disk_and_keeps_what_came_before(
    ada: Api, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "QUARANTINE_A_MINUTE", 3)
    webhook = make(ada)
    for number in range(5):
        body = f'{{"n": {number}}}'.encode()
        answer = knock(client, webhook["inbound_url"], body, github(body, "wrong"))
        assert answer.status_code == 401
    assert len(received(ada, webhook)) == 3
    monkeypatch.setattr(reception, "QUARANTINE_A_MINUTE", 100)
    monkeypatch.setattr(reception, "QUARANTINE_BYTES", 40)
    for size in (10, 30):
        body = b"y" * size
        knock(client, webhook["inbound_url"], body, github(body, "wrong"))
    assert len(received(ada, webhook)) == 4


def test_who_fails_too_often_has_to_wait(
    app: Flask, ada: Api, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "inbound_failures", failure_limits.Failures(limit=2))
    webhook, body = make(ada), b"{}"
    statuses = [
        knock(client, webhook["inbound_url"], body, github(body, "wrong")).status_code
        for _ in range(3)
    ]
    assert statuses == [401, 401, 429]
    assert int(knock(client, webhook["inbound_url"], body, github(body)).headers["Retry-After"])
    elsewhere = make(ada)
    assert knock(client, elsewhere["inbound_url"], body, github(body)).status_code == 200


def test_the_memory_of_failures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure_limits, "MOST", 10)
    failures = failure_limits.Failures(limit=5)
    for number in range(1000):
        failures.note(f"whk_{number}", "192.0.2.1")
    assert len(failures._counts) <= 11


# ---------------------------------------------------------------- out of quarantine


def test_what_came_while_the_secret_was_wrong_is_not_lost(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, inbound_secret="the wrong secret")
    bodies = [f'{{"n": {number}}}'.encode() for number in range(3)]
    for number, body in enumerate(bodies):
        headers = github(body, delivery=f"d-{number}")
        assert knock(client, webhook["inbound_url"], body, headers).status_code == 401
    first = received(ada, webhook)[-1]
    path = f"/webhooks/{webhook['id']}/received"
    still = ada.post(f"{path}/{first['id']}/reverifications")
    assert (still.status_code, (still.json or {})["state"]) == (200, "quarantined")

    assert ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": SECRET}).status_code == 200
    # Meanwhile the provider retries the second request, which is accepted.
    assert knock(client, webhook["inbound_url"], bodies[1], github(bodies[1], delivery="d-1")).json
    one = ada.post(f"{path}/{first['id']}/reverifications").json or {}
    assert (one["state"], one["event_type"]) == ("accepted", "github.push")
    rest = ada.post(f"{path}/reverifications").json
    assert rest == {"verified": 1, "refused": 0, "duplicates": 1, "is_more": False}
    assert sorted(event["data"]["n"] for event in events(ada)) == [0, 1, 2]
    assert received(ada, webhook, "?state=quarantined") == []
    assert ada.post(f"{path}/{first['id']}/reverifications").status_code == 409


def test_what_stays_refused_does_not_keep_the_others_in_quarantine(
    ada: Api, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "AT_ONCE", 2)
    webhook = make(ada, inbound_secret="the wrong secret")
    bodies = [f'{{"n": {number}}}'.encode() for number in range(6)]
    for number, body in enumerate(bodies):
        headers = github(body, "a guess" if number < 4 else SECRET, delivery=f"d-{number}")
        assert knock(client, webhook["inbound_url"], body, headers).status_code == 401
    path = f"/webhooks/{webhook['id']}"
    wrong = ada.post(f"{path}/received/reverifications").json
    assert wrong == {"verified": 0, "refused": 2, "duplicates": 0, "is_more": True}
    ada.patch(path, {"inbound_secret": SECRET})
    said = [ada.post(f"{path}/received/reverifications").json or {} for _ in range(5)]
    # Three calls are a round; the next one tries what was left of it once more.
    assert [one["verified"] for one in said] == [0, 0, 2, 0, 0]
    assert [one["refused"] for one in said] == [2, 2, 0, 2, 2]
    assert [one["is_more"] for one in said] == [True, True, False, True, False]
    assert len(events(ada)) == 2


def test_a_repeated_delivery_leaves_the_quarantine(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, inbound_secret="the wrong secret")
    path = f"/webhooks/{webhook['id']}"
    assert knock(client, webhook["inbound_url"], b"{}", github(b"{}")).status_code == 401
    [kept] = received(ada, webhook, "?state=quarantined")
    ada.patch(path, {"inbound_secret": SECRET})
    assert knock(client, webhook["inbound_url"], b"{}", github(b"{}")).status_code == 200
    again = ada.post(f"{path}/received/{kept['id']}/reverifications")
    assert (again.status_code, received(ada, webhook, "?state=quarantined")) == (409, [])
    assert "was accepted meanwhile" in (again.json or {})["detail"]
    assert len(events(ada)) == 1


def test_a_request_is_judged_by_the_clock_of_when_it_came(
    ada: Api, client: FlaskClient, database: Database
) -> None:
    webhook = ada.create("webhooks", direction="inbound", inbound_scheme="stripe")
    body = b'{"id":"evt_9","type":"invoice.paid"}'
    headers = stripe(body, int(time.time()))
    assert knock(client, webhook["inbound_url"], body, headers).status_code == 401
    assert received(ada, webhook)[0]["code"] == "no_secret"
    ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": SECRET})
    done = ada.post(f"/webhooks/{webhook['id']}/received/reverifications").json or {}
    assert done["verified"] == 1
    assert [event["type"] for event in events(ada)] == ["stripe.invoice.paid"]


def stripe(body: bytes, stamp: int) -> dict[str, str]:
    signed = hmac.digest(SECRET.encode(), f"{stamp}.".encode() + body, "sha256").hex()
    return {"Stripe-Signature": f"t={stamp},v1={signed}"}


def test_both_secrets_are_taken_for_a_day_after_a_change(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada)
    changed = ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": "the next secret"})
    assert (changed.json or {})["secret_fingerprint"] != webhook["secret_fingerprint"]
    for number, secret in enumerate((SECRET, "the next secret")):
        body = f"[{number}]".encode()
        headers = github(body, secret, delivery=f"d-{number}")
        assert knock(client, webhook["inbound_url"], body, headers).status_code == 200


def test_who_corrects_a_secret_does_not_end_the_one_before_it(
    ada: Api, client: FlaskClient
) -> None:
    webhook = make(ada)
    path = f"/webhooks/{webhook['id']}"
    for secret in ("the mistyped secret", "the next secret"):
        assert ada.patch(path, {"inbound_secret": secret}).status_code == 200
    for number, secret in enumerate((SECRET, "the next secret")):
        body = f"[{number}]".encode()
        headers = github(body, secret, delivery=f"d-{number}")
        assert knock(client, webhook["inbound_url"], body, headers).status_code == 200
    assert ada.patch(path, {"inbound_secret": "a third secret"}).status_code == 200
    refused = ada.patch(path, {"inbound_secret": "a fourth secret"})
    assert (refused.status_code, "still valid" in refused.text) == (409, True)
    assert ada.post(f"{path}/secret-retirements").status_code == 200
    assert ada.patch(path, {"inbound_secret": "a fourth secret"}).status_code == 200


def test_the_secret_of_another_scheme_is_not_in_the_way(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada)
    path, secret = f"/webhooks/{webhook['id']}", standard_webhooks.new_secret()
    changed = {"inbound_scheme": "standard-webhooks", "inbound_secret": secret}
    answer = ada.patch(path, changed)
    assert answer.status_code == 200, answer.text
    body = b'{"type": "a.b"}'
    headers = standard_webhooks.headers(secret, "msg_1", body)
    assert knock(client, webhook["inbound_url"], body, headers).status_code == 200

    changed = {"inbound_scheme": "api-key", "inbound_secret": "the key of now"}
    assert ada.patch(path, changed).status_code == 200
    for shown, status in (("the key of now", 200), (secret, 401)):
        answer = knock(client, webhook["inbound_url"], body, {"X-API-Key": shown})
        assert answer.status_code == status, "the secret of another scheme is no key"


@pytest.mark.usefixtures("in_vault")
def test_a_change_of_scheme_that_is_not_committed_leaves_the_secret_that_the_sender_has(
    ada: Api, client: FlaskClient, database: Database
) -> None:
    webhook = make(ada)
    path = f"/webhooks/{webhook['id']}"
    changed = {
        "inbound_scheme": "standard-webhooks",
        "inbound_secret": standard_webhooks.new_secret(),
    }
    database.sql(LOST_AT_COMMIT)
    assert ada.patch(path, changed).status_code == 503
    database.sql("DROP FUNCTION at_commit CASCADE")
    body = b"[1]"
    assert knock(client, webhook["inbound_url"], body, github(body)).status_code == 200

    assert ada.patch(path, changed).status_code == 200
    headers = standard_webhooks.headers(changed["inbound_secret"], "msg_1", b"{}")
    assert knock(client, webhook["inbound_url"], b"{}", headers).status_code == 200
    assert ada.post(f"{path}/secret-retirements").status_code == 409, "it ended with its scheme"


def test_a_secret_that_is_no_key_of_the_scheme_of_now_is_passed_over(
    ada: Api, client: FlaskClient
) -> None:
    webhook = make(ada, inbound_secret="no key at all")
    path, secret = f"/webhooks/{webhook['id']}", standard_webhooks.new_secret()
    assert ada.patch(path, {"inbound_secret": secret}).status_code == 200
    assert ada.patch(path, {"inbound_scheme": "standard-webhooks"}).status_code == 200
    body = b'{"type": "a.b"}'
    headers = standard_webhooks.headers(secret, "msg_1", body)
    assert knock(client, webhook["inbound_url"], body, headers).status_code == 200


@pytest.mark.parametrize(
    ("before", "secret", "after"),
    [
        ("discord", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
         "hmac-sha256-hex"),
        ("jwt", "https://idp.example.com/.well-known/jwks.json", "api-key"),
        ("aws-sns", "arn:aws:sns:eu-west-1:123456789012:orders", "github"),
        ("aws-sns", "arn:aws:sns:eu-west-1:123456789012:orders", "standard-webhooks"),
    ],
)  # fmt: skip
def test_a_change_of_scheme_alone_makes_no_public_key_a_shared_secret(
    ada: Api, client: FlaskClient, before: str, secret: str, after: str
) -> None:
    needed = {"audience": "https://portal.example"} if before == "jwt" else {}
    webhook = make(ada, inbound_scheme=before, inbound_secret=secret, inbound_options=needed)
    asked = {"inbound_scheme": after, "inbound_options": dict.fromkeys(needed)}
    refused = ada.patch(f"/webhooks/{webhook['id']}", asked)
    assert refused.status_code == 422
    assert [error["field"] for error in (refused.json or {})["errors"]] == ["inbound_secret"]
    assert (ada.get(f"/webhooks/{webhook['id']}").json or {})["inbound_scheme"] == before
    body = b'{"type": "a.b"}'
    forged = github(body, secret) | {"X-API-Key": secret}
    assert knock(client, webhook["inbound_url"], body, forged).status_code == 401


def test_a_change_of_scheme_alone_makes_no_shared_secret_a_public_key(ada: Api) -> None:
    path = f"/webhooks/{make(ada)['id']}"
    refused = ada.patch(path, {"inbound_scheme": "discord"})
    assert (refused.status_code, "Give the secret of Discord" in refused.text) == (422, True)


def test_a_shared_secret_stays_when_the_scheme_was_mistaken(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, inbound_scheme="api-key")
    assert ada.patch(f"/webhooks/{webhook['id']}", {"inbound_scheme": "github"}).status_code == 200
    body = b"[1]"
    assert knock(client, webhook["inbound_url"], body, github(body)).status_code == 200


@pytest.mark.parametrize("scheme", ["github", "api-key", "hmac-sha256-base64", "basic"])
def test_what_everybody_knows_is_no_shared_secret(ada: Api, scheme: str) -> None:
    webhook = make(ada, inbound_scheme=scheme, inbound_secret="splunk:a-password")
    for known in (
        "https://idp.example.com/.well-known/jwks.json",
        "-----BEGIN PUBLIC KEY-----",
        "arn:aws:sns:eu-west-1:123456789012:orders",
    ):
        refused = ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": known})
        assert (refused.status_code, "Others know" in refused.text) == (422, True)
        body = {"direction": "inbound", "inbound_scheme": scheme, "inbound_secret": known}
        assert ada.post("/webhooks", {"name": "x", **body}).status_code == 422


def test_the_schema_of_an_application_quarantines_no_request_of_others(
    ada: Api, client: FlaskClient
) -> None:
    application = ada.create("applications", display_name="CRM")["id"]
    scopes = ["event-types:write", "webhooks:write"]
    crm = Api(client, ada.create("api-keys", application_id=application, scopes=scopes)["key"])
    described = {"name": "github.push", "json_schema": {"required": ["nope"]}}
    crm.create("event-types", **described, validation="reject")
    for owner, state in ((ada, "accepted"), (crm, "quarantined")):
        webhook = make(owner)
        body = json.dumps(PUSH).encode()
        knock(client, webhook["inbound_url"], body, github(body))
        assert [one["state"] for one in received(ada, webhook)] == [state]


def test_genuine_requests_whose_events_are_refused_keep_no_others_waiting(
    app: Flask, ada: Api, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "inbound_failures", failure_limits.Failures(limit=2))
    ada.create(
        "event-types", name="github.push", json_schema={"required": ["no"]}, validation="reject"
    )
    webhook = make(ada)
    for number in range(3):
        body = json.dumps({**PUSH, "n": number}).encode()
        refused = knock(client, webhook["inbound_url"], body, github(body))
        assert refused.json["status"] == "quarantined"
    body = json.dumps({**PUSH, "no": 1}).encode()
    assert knock(client, webhook["inbound_url"], body, github(body)).json["status"] == "accepted"


def test_the_quarantine_can_be_emptied(ada: Api, vic: Api, client: FlaskClient) -> None:
    webhook = make(ada)
    for number in range(2):
        body = f"[{number}]".encode()
        knock(client, webhook["inbound_url"], body, github(body, "wrong"))
    path = f"/webhooks/{webhook['id']}/quarantine"
    assert vic.delete(path).status_code == 403
    assert ada.delete(path).status_code == 204
    assert received(ada, webhook) == []


def test_one_request_that_cannot_be_stored_does_not_hold_up_the_others(
    ada: Api, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = make(ada, inbound_secret="the wrong secret")
    for number, body in enumerate((b"item=a%00b", b"item=2")):
        headers = github(body, delivery=f"d-{number}")
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        assert knock(client, webhook["inbound_url"], body, headers).status_code == 401
    path = f"/webhooks/{webhook['id']}"
    ada.patch(path, {"inbound_secret": SECRET})
    with monkeypatch.context() as patched:  # PostgreSQL stores no NUL
        patched.setattr(event_of_request, "_without_nul", lambda text: text)
        done = ada.post(f"{path}/received/reverifications")
    assert done.json == {"verified": 1, "refused": 1, "duplicates": 0, "is_more": False}
    [kept] = received(ada, webhook, "?state=quarantined")
    assert kept["code"] == "event_refused"
    assert (ada.post(f"{path}/received/reverifications").json or {})["verified"] == 1
    assert [event["data"]["item"] for event in events(ada)] == ["a\ufffdb", "2"]


@pytest.mark.parametrize(
    ("scheme", "secret", "headers", "body"),
    [
        ("gitlab", SECRET, {"X-Gitlab-Token": SECRET}, b"{}"),
        ("bearer", SECRET, {"Authorization": f"Bearer {SECRET}"}, b"{}"),
        ("okta", SECRET, {"Authorization": SECRET}, b'{"eventId": "1"}'),
        (
            "basic",
            "splunk:pass-word",
            {"Authorization": "Basic " + base64.b64encode(b"splunk:pass-word").decode()},
            b"{}",
        ),
        (
            "microsoft-graph",
            SECRET,
            {},
            json.dumps({"value": [{"clientState": SECRET, "changeType": "created"}]}).encode(),
        ),
    ],
)
def test_a_credential_in_a_request_is_written_nowhere_and_still_recognised(
    ada: Api,
    client: FlaskClient,
    database: Database,
    scheme: str,
    secret: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    webhook = make(ada, scheme, inbound_secret="first:a-wrong-one")
    path = f"/webhooks/{webhook['id']}"
    assert knock(client, webhook["inbound_url"], body, headers).status_code == 401
    ada.patch(path, {"inbound_secret": secret})
    assert (ada.post(f"{path}/received/reverifications").json or {})["verified"] == 1
    assert knock(client, webhook["inbound_url"], body + b" ", headers).status_code == 200
    written = everything_written(database)
    for hidden in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode()):
        assert hidden not in written


MISPLACED = "a misplaced+secret/of the sender"


@pytest.mark.parametrize(
    ("scheme", "secret", "genuine"),
    [
        ("api-key", MISPLACED, {"X-API-Key": MISPLACED}),
        ("bearer", MISPLACED, {"Authorization": f"Bearer {MISPLACED}"}),
        ("basic", f"splunk:{MISPLACED}", {}),
        ("github", MISPLACED, {}),
        ("jwt", MISPLACED, {}),
    ],
)
def test_a_secret_that_a_sender_put_elsewhere_is_written_nowhere(
    ada: Api,
    client: FlaskClient,
    database: Database,
    scheme: str,
    secret: str,
    genuine: dict[str, str],
) -> None:
    webhook = make(ada, scheme, inbound_secret=secret)
    url = f"{webhook['inbound_url']}?token={quote(MISPLACED, safe='')}"
    wrong = {"X-Other": f"key={MISPLACED}", "X-Basic": base64.b64encode(secret.encode()).decode()}
    body = json.dumps({"token": MISPLACED}).encode()
    assert knock(client, url, body, wrong).status_code == 401
    if genuine:
        assert knock(client, url, body, wrong | genuine).status_code == 200
        assert events(ada)[0]["data"] == {"token": "[hidden]"}
    written = everything_written(database)
    for hidden in (secret, MISPLACED, quote(MISPLACED, safe=""), wrong["X-Basic"]):
        assert hidden not in written
        assert hidden.encode().hex() not in written


def test_a_credential_is_recognised_after_the_secret_key_was_replaced(
    ada: Api,
    client: FlaskClient,
    app: Flask,
    config: Config,
    make_config: Callable[..., Config],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    webhook = make(ada, "gitlab", inbound_secret="a-wrong-one")
    path = f"/webhooks/{webhook['id']}"
    knock(client, webhook["inbound_url"], b"{}", {"X-Gitlab-Token": SECRET})
    keys = ",".join([secrets.token_hex(32), *config.secret_key.texts])
    monkeypatch.setitem(app.extensions, "portal", make_config(PORTAL_SECRET_KEY=keys))
    ada.patch(path, {"inbound_secret": SECRET})
    assert (ada.post(f"{path}/received/reverifications").json or {})["verified"] == 1


# ---------------------------------------------------------------- challenges


def test_providers_questions_are_answered(ada: Api, client: FlaskClient) -> None:
    meta = make(ada, "meta")
    asked = "hub.mode=subscribe&hub.challenge=12345&hub.verify_token="
    said = client.get(f"/in/{meta['id']}?{asked}{meta['id']}")
    assert (said.status_code, said.text, said.mimetype) == (200, "12345", "text/plain")
    assert client.get(f"/in/{meta['id']}?{asked}wrong").status_code == 405

    dropbox = make(ada, "dropbox")
    assert client.get(f"/in/{dropbox['id']}?challenge=abc").text == "abc"

    okta = make(ada, "okta")
    headers = {"x-okta-verification-challenge": "q1"}
    assert client.get(f"/in/{okta['id']}", headers=headers).json == {"verification": "q1"}

    graph = make(ada, "microsoft-graph")
    said = client.post(f"/in/{graph['id']}?validationToken=Validation%3A+a%2Bb")
    assert (said.status_code, said.text) == (200, "Validation: a+b")
    assert said.headers["X-Content-Type-Options"] == "nosniff"

    twitter = make(ada, "twitter")
    token = base64.b64encode(hmac.digest(SECRET.encode(), b"tok1", "sha256")).decode()
    said = client.get(f"/in/{twitter['id']}?crc_token=tok1")
    assert said.json == {"response_token": f"sha256={token}"}
    for webhook in (meta, dropbox, okta, graph, twitter):
        assert received(ada, webhook) == []


def zoom(body: bytes, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(time.time()))
    signed = hmac.digest(secret.encode(), f"v0:{stamp}:".encode() + body, "sha256").hex()
    return {"x-zm-request-timestamp": stamp, "x-zm-signature": f"v0={signed}"}


def test_a_signed_question_is_answered_when_it_is_genuine(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, "zoom", inbound_secret="s3cr3t-s3cr3t")
    body = b'{"event":"endpoint.url_validation","payload":{"plainToken":"plain123"}}'
    said = knock(client, webhook["inbound_url"], body, zoom(body, "s3cr3t-s3cr3t"))
    digest = hmac.digest(b"s3cr3t-s3cr3t", b"plain123", "sha256").hex()
    assert said.json == {"plainToken": "plain123", "encryptedToken": digest}
    assert knock(client, webhook["inbound_url"], body, zoom(body, "wrong")).status_code == 401
    slack = make(ada, "slack")
    body = b'{"type":"url_verification","challenge":"c1"}'
    stamp = str(int(time.time()))
    signed = hmac.digest(SECRET.encode(), f"v0:{stamp}:".encode() + body, "sha256").hex()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signed}"}
    assert knock(client, slack["inbound_url"], body, headers).json == {"challenge": "c1"}


@pytest.mark.parametrize(
    ("asked", "status", "said", "types"),
    [
        ({"type": 0}, 204, None, []),
        ({"type": 1, "id": "1"}, 200, {"type": 1}, []),
        ({"type": 1, "event": {"type": "QUEST_USER_ENROLLMENT"}}, 204, None,
         ["discord.QUEST_USER_ENROLLMENT"]),
    ],
)  # fmt: skip
def test_discord_pings_and_sends_events(
    ada: Api,
    client: FlaskClient,
    asked: dict[str, Any],
    status: int,
    said: dict[str, Any] | None,
    types: list[str],
) -> None:
    key = Ed25519PrivateKey.generate()
    webhook = make(ada, "discord", inbound_secret=key.public_key().public_bytes_raw().hex())
    body, stamp = json.dumps(asked).encode(), str(int(time.time()))
    headers = {
        "X-Signature-Timestamp": stamp,
        "X-Signature-Ed25519": key.sign(stamp.encode() + body).hex(),
        "Content-Type": "application/json",
    }
    answer = knock(client, webhook["inbound_url"], body, headers)
    assert (answer.status_code, answer.get_json(silent=True)) == (status, said), answer.text
    assert [event["type"] for event in events(ada)] == types
    assert len(received(ada, webhook)) == len(types)


def test_event_grid_is_answered_when_it_asks_with_a_code(ada: Api, client: FlaskClient) -> None:
    grid = make(ada, "azure-event-grid")["inbound_url"]
    asks = {"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "id": "e1"}

    def said(event: dict[str, Any]) -> TestResponse:
        return knock(client, grid, json.dumps([event]).encode(), {"X-Webhook-Secret": SECRET})

    assert said({**asks, "data": {"validationCode": "c1"}}).json == {"validationResponse": "c1"}
    for number, codeless in enumerate(({}, {"data": "c1"}, {"data": {"validationCode": 1}})):
        assert said({**asks, **codeless, "id": f"e{number}"}).status_code < 300, codeless


def test_a_sender_of_cloud_events_is_told_that_it_may_send(ada: Api, client: FlaskClient) -> None:
    """Check CloudEvents, "HTTP 1.1 Web Hooks for Event Delivery", section 4.2."""
    grid, other = make(ada, "azure-event-grid"), make(ada, "github")
    asks = {"WebHook-Request-Origin": "eventgrid.azure.net"}

    def said(webhook: str, **more: str) -> TestResponse:
        return client.options(f"/in/{webhook}", headers={**asks, **more})

    for rate, allowed in ((None, "*"), ("120", "120"), ("-1", "*"), ("a\tlot", "*")):
        answer = said(grid["id"], **({"WebHook-Request-Rate": rate} if rate else {}))
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
        assert answer.headers["WebHook-Allowed-Rate"] == allowed
        assert answer.headers["Allow"] == "POST"
    assert "WebHook-Allowed-Origin" in said(make(ada, "bearer")["id"]).headers
    assert said("whk_nobodys").status_code == 404
    ada.patch(f"/webhooks/{grid['id']}", {"enabled": False})
    assert said(grid["id"]).status_code == 404
    for answer in (said(other["id"]), client.options(f"/in/{other['id']}")):
        assert answer.status_code == 405
        assert "WebHook-Allowed-Origin" not in answer.headers


def test_whoever_asks_for_an_answer_later_is_not_called(
    ada: Api, client: FlaskClient, watcher: Watcher, watched: str
) -> None:
    webhook = make(ada, "azure-event-grid")
    headers = {"WebHook-Request-Origin": "a.example", "WebHook-Request-Callback": watched}
    assert client.options(f"/in/{webhook['id']}", headers=headers).status_code == 200
    headers["WebHook-Request-Origin"] = "a.example, b.example"
    assert client.options(f"/in/{webhook['id']}", headers=headers).status_code == 405
    assert watcher.calls == []


def test_event_grid_sends_cloud_events_one_by_one_and_in_batches(
    ada: Api, client: FlaskClient
) -> None:
    webhook = make(ada, "azure-event-grid")

    def event(number: int, kind: str = "Microsoft.Storage.BlobCreated") -> dict[str, Any]:
        return {"specversion": "1.0", "id": f"e{number}", "type": kind, "source": "/s", "data": {}}

    for sent, duplicate in (
        (event(1), False),
        (event(1), True),
        ([event(2), event(3)], False),
        ([event(4), event(5, "Other")], False),
    ):
        body, headers = json.dumps(sent).encode(), {"X-Webhook-Secret": SECRET}
        answer = knock(client, webhook["inbound_url"], body, headers)
        assert (answer.json or {})["duplicate"] is duplicate
    kinds = ["batch", "Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobCreated"]
    assert [event["type"] for event in events(ada)] == [f"azure-event-grid.{k}" for k in kinds]


def test_zooms_published_challenge_is_answered_as_zoom_says() -> None:
    digest = hmac.digest(b"s3cr3t", b"plain123", "sha256").hex()
    assert digest == "20748bcbecc645b813aed36615273a2c31ecbb8405793c7e615ec7d0bf0fde5b"


def test_no_challenge_is_an_oracle_for_signatures(ada: Api, client: FlaskClient) -> None:
    """Check that a text is not signed for X if it could be the body of a forged event."""
    webhook = make(ada, "twitter")
    forged = '{"tweet_create_events":[]}'
    answer = client.get(f"/in/{webhook['id']}", query_string={"crc_token": forged})
    assert answer.status_code == 405
    # And a text that is signed is not accepted as an event.
    token = (client.get(f"/in/{webhook['id']}?crc_token=tok1").json or {})["response_token"]
    headers = {"X-Twitter-Webhooks-Signature": token}
    assert knock(client, webhook["inbound_url"], b"tok1", headers).status_code == 401


def test_a_generic_scheme_is_told_where_things_are(ada: Api, client: FlaskClient) -> None:
    options = {
        "header": "X-Acme-Sign",
        "prefix": "v2=",
        "delivery_id": "body:meta.id",
        "event_type": "header:X-Acme-Topic",
    }
    webhook = make(ada, "hmac-sha256-hex", inbound_options=options)
    body = b'{"meta":{"id":7}}'
    signed = hmac.digest(SECRET.encode(), body, "sha256").hex()
    headers = {"X-Acme-Sign": f"v2={signed}", "X-Acme-Topic": "order/paid"}
    assert knock(client, webhook["inbound_url"], body, headers).status_code == 200
    assert (knock(client, webhook["inbound_url"], body, headers).json or {})["duplicate"] is True
    assert [event["type"] for event in events(ada)] == ["inbound.order.paid"]


# ---------------------------------------------------------------- keys that are fetched first


def test_a_message_of_amazon_is_kept_and_published(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, "aws-sns", inbound_secret=amazon.TOPIC)
    body = amazon.sns(Message="hello")
    for duplicate in (False, True):
        answer = knock(client, webhook["inbound_url"], body, {"Content-Type": "text/plain"})
        assert (answer.status_code, (answer.json or {})["duplicate"]) == (200, duplicate)
    [event] = events(ada)
    assert (event["type"], event["data"]["Message"]) == ("sns.Notification", "hello")


def test_while_a_certificate_cannot_be_had_the_sender_comes_again(
    ada: Api, client: FlaskClient
) -> None:
    webhook = make(ada, "aws-sns", inbound_secret=amazon.TOPIC)
    nowhere = "https://sns.no-such-region-1.amazonaws.com/0.pem"
    answer = knock(client, webhook["inbound_url"], amazon.sns(SigningCertURL=nowhere), {})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    [kept] = received(ada, webhook)
    assert (kept["state"], kept["code"], events(ada)) == ("quarantined", "keys_away", [])


def test_a_subscription_is_confirmed_at_amazon_and_nowhere_else(
    ada: Api, client: FlaskClient, watcher: Watcher, watched: str
) -> None:
    webhook = make(ada, "aws-sns", inbound_secret=amazon.TOPIC)
    kind = "SubscriptionConfirmation"
    elsewhere = amazon.sns(kind, SubscribeURL=watched, Token="t")
    assert knock(client, webhook["inbound_url"], elsewhere, {}).status_code == 200
    assert watcher.calls == [], "only kept, like any other message"
    amazons = "https://sns.no-such-region-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    asked = amazon.sns(kind, SubscribeURL=amazons, Token="t", MessageId="two")
    answer = knock(client, webhook["inbound_url"], asked, {})
    assert answer.status_code == 503, "it was tried, and Amazon asks again"
    assert len(received(ada, webhook)) == 1


def test_a_token_is_written_nowhere(
    ada: Api, client: FlaskClient, database: Database, vic: Api
) -> None:
    webhook = make(ada, "jwt", inbound_secret=SECRET)
    now = int(time.time())
    claims = json.dumps({"iat": now, "exp": now + 60}).encode()
    genuine = jws.serialize_compact({"alg": "HS256"}, claims, OctKey.import_key(SECRET))
    foreign = jws.serialize_compact({"alg": "HS256"}, claims, OctKey.import_key(SECRET * 2))
    for token, status in ((genuine, 200), (foreign, 401)):
        headers = {"Authorization": f"Bearer {token}"}
        assert knock(client, webhook["inbound_url"], b"{}", headers).status_code == status
        assert token.rpartition(".")[2] not in everything_written(database)
    [kept] = received(ada, webhook, "?state=quarantined")
    again = ada.post(f"/webhooks/{webhook['id']}/received/{kept['id']}/reverifications").json or {}
    assert (again["state"], again["code"]) == ("quarantined", "not_kept")


# ---------------------------------------------------------------- for whom a token was made

AUDIENCE = "https://portal.example/in"
PINNED = {"audience": AUDIENCE, "issuer": "https://accounts.example", "subject": "pushes@ours"}
KEYS_AT = "https://accounts.example/keys.json"
ISSUER = RSAKey.generate_key(2048, {"kid": "one"})
KEY_SET = json.dumps({"keys": [ISSUER.as_dict(private=False)]})


def by_token(**claims: Any) -> dict[str, str]:
    """Return the headers of a request with a token that the issuer made, with these claims."""
    now = int(time.time())
    said = json.dumps({"iat": now, "exp": now + 300, **claims}).encode()
    head = {"alg": "RS256", "kid": "one"}
    made = jws.serialize_compact(head, said, ISSUER, algorithms=["RS256"])
    return {"Authorization": f"Bearer {made}"}


OURS = {"aud": AUDIENCE, "iss": PINNED["issuer"], "sub": PINNED["subject"]}
OTHERS = {
    "another audience": (OURS | {"aud": "https://other.example"}, "audience"),
    "other audiences": (OURS | {"aud": ["https://other.example", AUDIENCE + "/"]}, "audience"),
    "no audience": ({"iss": OURS["iss"], "sub": OURS["sub"]}, "audience"),
    "an audience that is no text": (OURS | {"aud": {AUDIENCE: 1}}, "audience"),
    "another issuer": (OURS | {"iss": "https://accounts.example/other"}, "issuer"),
    "a list of issuers": (OURS | {"iss": [OURS["iss"]]}, "issuer"),
    "another subject": (OURS | {"sub": "somebody@other"}, "subject"),
}


@pytest.mark.parametrize(("claims", "option"), OTHERS.values(), ids=OTHERS)
def test_a_token_that_was_made_for_somebody_else_is_refused(
    ada: Api, client: FlaskClient, claims: dict[str, Any], option: str
) -> None:
    webhook = make(ada, "jwt", inbound_secret=KEY_SET, inbound_options=PINNED)
    body = b'{"type": "invoice.paid"}'
    assert knock(client, webhook["inbound_url"], body, by_token(**claims)).status_code == 401
    [kept] = received(ada, webhook)
    assert (kept["state"], kept["code"]) == ("quarantined", "wrong_claim")
    assert option in kept["reason"]
    asked = {"webhook_id": webhook["id"], "headers": by_token(**claims), "body": body.decode()}
    found = ada.post("/signature-checks", asked).json or {}
    assert (found["verified"], found["code"]) == (False, "wrong_claim")
    assert [one["code"] for one in found["findings"]] == ["wrong_claim"]
    assert events(ada) == []


@pytest.mark.parametrize("audience", [AUDIENCE, ["https://other.example", AUDIENCE]])
def test_a_token_that_was_made_for_the_portal_is_taken(
    ada: Api, client: FlaskClient, audience: Any
) -> None:
    webhook = make(ada, "jwt", inbound_secret=KEY_SET, inbound_options=PINNED)
    ours = by_token(**OURS | {"aud": audience})
    assert knock(client, webhook["inbound_url"], b'{"type": "a.b"}', ours).status_code == 200


def refusal_of(answer: Any) -> tuple[int, list[str]]:
    return answer.status_code, [one["field"] for one in (answer.json or {}).get("errors", ())]


NEEDS_AUDIENCE = (422, ["inbound_options.audience"])


def test_the_address_of_a_key_set_needs_an_audience(ada: Api) -> None:
    at_address = {"direction": "inbound", "inbound_scheme": "jwt", "inbound_secret": KEYS_AT}
    assert refusal_of(ada.post("/webhooks", at_address)) == NEEDS_AUDIENCE
    issued = ada.post(
        "/webhooks", at_address | {"inbound_options": {"issuer": "https://a.example"}}
    )
    assert refusal_of(issued) == NEEDS_AUDIENCE
    with_inline_keys = make(ada, "jwt", inbound_secret=KEY_SET)
    path = f"/webhooks/{with_inline_keys['id']}"
    assert refusal_of(ada.patch(path, {"inbound_secret": KEYS_AT})) == NEEDS_AUDIENCE
    pinned = {"inbound_secret": KEYS_AT, "inbound_options": {"audience": AUDIENCE}}
    assert ada.patch(path, pinned).status_code == 200
    without = {"inbound_options": {"audience": None}}
    assert refusal_of(ada.patch(path, without)) == NEEDS_AUDIENCE
    # The address is accepted for a day beside the next secret.
    inline = {"inbound_secret": KEY_SET}
    assert refusal_of(ada.patch(path, inline | without)) == NEEDS_AUDIENCE
    assert ada.patch(path, inline).status_code == 200
    assert refusal_of(ada.patch(path, without)) == NEEDS_AUDIENCE
    assert ada.post(f"{path}/secret-retirements").status_code == 200
    assert ada.patch(path, without).status_code == 200


def test_an_address_that_another_scheme_has_needs_an_audience_for_tokens_of_any_sender(
    ada: Api,
) -> None:
    webhook = make(ada, "fusionauth", inbound_secret=KEYS_AT)
    path, to = f"/webhooks/{webhook['id']}", {"inbound_scheme": "jwt"}
    assert refusal_of(ada.patch(path, to)) == NEEDS_AUDIENCE
    pinned = to | {"inbound_options": {"audience": AUDIENCE}}
    assert ada.patch(path, pinned).status_code == 200


@pytest.mark.parametrize("option", PINNED)
def test_only_a_sender_with_tokens_has_an_audience(ada: Api, option: str) -> None:
    body = {"direction": "inbound", "inbound_scheme": "api-key", "inbound_options": {option: "x"}}
    refused = ada.post("/webhooks", body)
    assert refusal_of(refused) == (422, ["inbound_options"])
    assert f"Leave out {option}" in refused.text


def test_a_webhook_from_before_works_without_an_audience_and_is_told_so(
    ada: Api, browse: Callable[..., Pages], client: FlaskClient, database: Database
) -> None:
    pinned = {"inbound_secret": KEYS_AT, "inbound_options": {"audience": AUDIENCE}}
    webhook = make(ada, "jwt", **pinned)
    database.sql("UPDATE webhook SET inbound_options = '{}'")
    documents.keep(KEYS_AT, KEY_SET.encode(), webhook["tenant_id"])
    others = by_token(aud="https://other.example")
    assert knock(client, webhook["inbound_url"], b'{"type": "a.b"}', others).status_code == 200
    assert ada.patch(f"/webhooks/{webhook['id']}", {"name": "Renamed"}).status_code == 200
    assert ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": KEYS_AT}).status_code == 200
    page = browse(ADA).get(f"/webhooks/{webhook['id']}").text
    assert "the address of a key set, any token of its issuer is taken" in page
    told = "Until an audience is set, any token of its issuer is taken"
    asked = {"webhook_id": webhook["id"], "headers": others, "body": "{}"}
    found = ada.post("/signature-checks", asked).json or {}
    assert (found["verified"], told in found["reason"]) == (True, True)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_long_key_leaves_those_beside_it(ada: Api, client: FlaskClient, is_first: bool) -> None:
    long, genuine = {"kty": "RSA", "n": "_" * 1500, "e": "AQAB", "kid": "l"}, json.loads(KEY_SET)
    keys = json.dumps({"keys": [long, *genuine["keys"]] if is_first else [*genuine["keys"], long]})
    webhook = make(ada, "jwt", inbound_secret=keys)
    assert knock(client, webhook["inbound_url"], b'{"type": "a.b"}', by_token()).status_code == 200


def test_when_the_secret_store_is_away_the_sender_is_told_to_come_again(
    ada: Api, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.secretstore import StoreUnavailable

    def away(webhook: Any) -> Any:
        raise StoreUnavailable

    webhook, body = make(ada), b"{}"
    monkeypatch.setattr(reception.inbound_secrets, "known", away)
    answer = knock(client, webhook["inbound_url"], body, github(body))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert endpoint.bp.name == "door"


def test_while_the_secret_is_damaged_the_sender_comes_again_until_it_is_given_anew(
    ada: Api, client: FlaskClient, database: Database
) -> None:
    webhook, body = make(ada), b"{}"
    database.sql(r"UPDATE secret_version SET ciphertext = ciphertext || '\x00'::bytea")
    answer = knock(client, webhook["inbound_url"], body, github(body))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    given = ada.post(f"/webhooks/{webhook['id']}/secret-rotations").json["signing_secret"]
    assert knock(client, webhook["inbound_url"], body, github(body, given)).status_code == 200


def cloud_event(source: str) -> bytes:
    event = {"specversion": "1.0", "id": "1", "source": source, "type": "order.placed"}
    return json.dumps(event).encode()


BY_TOKEN = {
    "azure-event-grid": ({"X-Webhook-Secret": SECRET}, *map(cloud_event, ("/berlin", "/paris"))),
    "okta": (
        {"Authorization": SECRET},
        b'{"eventId": "1", "eventType": "a", "data": 1}',
        b'{"eventId": "1", "eventType": "a", "data": 2}',
    ),
}


@pytest.mark.parametrize("scheme", BY_TOKEN)
def test_an_id_that_nobody_signed_makes_no_other_event_a_duplicate(
    ada: Api, client: FlaskClient, scheme: str
) -> None:
    webhook = make(ada, scheme)
    headers, one, other = BY_TOKEN[scheme]
    for body in (one, other, one, other):
        assert knock(client, webhook["inbound_url"], body, headers).status_code == 200
    assert len(events(ada)) == 2


def test_an_event_of_hubspot_is_known_by_more_than_its_id(ada: Api, client: FlaskClient) -> None:
    """HubSpot does not promise unique ids, and counts its attempts in the body."""
    webhook = make(ada, "hubspot")
    url = webhook["inbound_url"]
    for number, (subscription, attempt) in enumerate(((1, 0), (2, 0), (1, 1), (2, 1))):
        event = {"eventId": 100, "subscriptionId": subscription, "attemptNumber": attempt}
        body, sent_at = json.dumps([event]).encode(), str(round(time.time() * 1000) + number)
        signed = b"".join([b"POST", url.encode(), body, sent_at.encode()])
        signature = base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
        headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": sent_at}
        assert knock(client, url, body, headers).status_code == 200
    assert len(events(ada)) == 2
