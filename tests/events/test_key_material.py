"""API keys in published events are masked or refused before anything is stored."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.database.session import transaction
from portal.inbound import review
from portal.keys.decision.format import generate
from tests.cast import ADA, Api, sign_in
from tests.databases import Database
from tests.inbound.test_inbound import SECRET, events, github, knock, make, received
from tests.webhooks.conftest import Receiver
from tests.webhooks.kit import rows
from tests.webhooks.test_webhooks import everything_written

KEY = generate("acme", "service").text
SHOWN = f"{KEY[:12]}…{KEY[-4:]}"
DATA = {"note": f"use {KEY}", "deep": [{"key": KEY}], "n": 1}
MASKED = {"note": f"use {SHOWN}", "deep": [{"key": SHOWN}], "n": 1}
EVENT = {"type": "rfp.created", "data": DATA}
CLEAN = {"type": "rfp.created", "data": {"note": "sk-ill", "key": KEY[:-1]}}


def refuse(ada: Api) -> None:
    answer = ada.call("PUT", "/event-settings", json={"key_material": "refuse"})
    assert (answer.status_code, (answer.json or {})["key_material"]) == (200, "refuse")


def is_nowhere(database: Database) -> bool:
    written = everything_written(database)
    return KEY not in written and KEY.encode().hex() not in written


@pytest.mark.parametrize("body", [EVENT, [CLEAN, EVENT], {"events": [EVENT]}])
def test_a_key_is_masked_before_it_is_kept(ada: Api, database: Database, body: Any) -> None:
    assert ada.post("/events", body).status_code == 202
    assert MASKED in [event["data"] for event in events(ada)]
    assert is_nowhere(database)
    assert ada.post("/events", CLEAN).status_code == 202
    assert events(ada)[0]["data"] == CLEAN["data"], "what is no key stays as it is"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (EVENT, ["data.deep.0.key", "data.note"]),
        ([CLEAN, EVENT], ["events.1.data.deep.0.key", "events.1.data.note"]),
        ([EVENT], ["events.0.data.deep.0.key", "events.0.data.note"]),
    ],
)
def test_a_tenant_may_have_such_events_refused(
    ada: Api, gus: Api, database: Database, body: Any, fields: list[str]
) -> None:
    refuse(ada)
    answer = ada.post("/events", body)
    assert answer.status_code == 422
    assert sorted(error["field"] for error in (answer.json or {})["errors"]) == fields
    assert KEY[12:] not in answer.text
    assert ada.post("/events", CLEAN).status_code == 202
    assert [event["data"] for event in events(ada)] == [CLEAN["data"]]
    assert gus.post("/events", EVENT).status_code == 202, "another tenant masks them"
    assert is_nowhere(database)


def test_of_many_keys_the_first_few_are_named(ada: Api) -> None:
    refuse(ada)
    many = {"type": "rfp.created", "data": {"list": [KEY] * 100}}
    for path, body in (("/events", many), ("/applications", {"description": [KEY] * 100})):
        answer = ada.post(path, body)
        assert (answer.status_code, len((answer.json or {})["errors"])) == (422, 20)


def test_no_other_part_of_an_event_holds_a_key(ada: Api) -> None:
    for field in ("subject", "id", "type"):
        for body in ({**CLEAN, field: KEY}, [{**CLEAN, field: KEY}]):
            answer = ada.post("/events", body)
            assert answer.status_code == 422, field
            [error] = (answer.json or {})["errors"]
            assert error["field"].endswith(field)
            assert KEY[12:] not in answer.text
    assert KEY[12:] not in ada.post("/events", {"events": [CLEAN], KEY: 1}).text
    assert ada.post("/events/erasures", {"subject": KEY}).status_code == 200


def test_a_schema_judges_the_event_as_it_is_kept(ada: Api) -> None:
    schema = {"properties": {"note": {"type": "integer"}}}
    ada.create("event-types", name="rfp.created", json_schema=schema, validation="reject")
    answer = ada.post("/events", EVENT)
    assert answer.status_code == 422
    assert KEY not in answer.text


def test_the_page_says_which_and_publishes_by_it(app: Flask, ada: Api) -> None:
    pages = sign_in(app, ADA)
    page = "/events/settings"
    saved = {"retention_days": "30", "redacted_fields": "", "key_material": "refuse"}
    assert pages.post(page, saved).status_code == 303
    assert '<option selected value="refuse"' in pages.get(page).text
    form = {"type": "rfp.created", "data": json.dumps(DATA)}
    answer = pages.post("/events/new", form)
    assert answer.status_code == 422
    assert "This holds an API key" in answer.text
    assert pages.post(page, {**saved, "key_material": "mask"}).status_code == 303
    assert pages.post("/events/new", form).status_code == 303
    assert [event["data"] for event in events(ada)] == [MASKED]


def test_a_test_delivery_sends_and_keeps_none(
    ada: Api, receiver: Receiver, database: Database
) -> None:
    webhook = ada.create("webhooks", url=receiver.hook("crm"), event_types=["rfp.*"])
    tried = {"event_type": "rfp.created", "data": DATA}
    for place in ("test-deliveries", "lab-deliveries"):
        assert ada.post(f"/webhooks/{webhook['id']}/{place}", tried).status_code == 201
    assert [json.loads(one["body"])["data"] for one in receiver.mail("crm")] == [MASKED]
    assert is_nowhere(database)
    refuse(ada)
    for place in ("test-deliveries", "lab-deliveries"):
        answer = ada.post(f"/webhooks/{webhook['id']}/{place}", tried)
        assert (answer.status_code, "data.note" in answer.text) == (422, True)


# ---------------------------------------------------------------- what comes in from outside

Sent = Callable[..., Any]


@pytest.fixture
def send(client: FlaskClient) -> Sent:
    """Return `send(webhook)`, which posts a signed GitHub request with the key in it.

    The key is in the body and the headers.
    """

    def send(webhook: dict[str, Any], secret: str = SECRET) -> Any:
        body = json.dumps(DATA).encode()
        headers = {**github(body, secret), "X-Note": KEY, "X-GitHub-Delivery": KEY}
        return knock(client, f"{webhook['inbound_url']}?from={KEY}", body, headers)

    return send


def whole(ada: Api, webhook: dict[str, Any]) -> dict[str, Any]:
    [kept] = received(ada, webhook)
    return dict(ada.get(f"/webhooks/{webhook['id']}/received/{kept['id']}").json or {})


def test_what_comes_in_is_kept_without_keys(ada: Api, database: Database, send: Sent) -> None:
    webhook = make(ada)
    assert (send(webhook).json or {})["status"] == "accepted"
    assert (send(webhook).json or {})["duplicate"] is True, "it is known by what was signed"
    assert [event["data"] for event in events(ada)] == [MASKED]
    kept = whole(ada, webhook)
    assert json.loads(base64.b64decode(kept["body_base64"])) == MASKED
    assert ["x-note", SHOWN] in kept["headers"]
    assert is_nowhere(database)


def test_what_comes_in_is_kept_without_keys_that_are_written_with_escapes(
    ada: Api, client: FlaskClient
) -> None:
    webhook = make(ada)
    escaped, in_address = f"\\u0073{KEY[1:]}", KEY.replace("-", "%2D")
    body = b'{"note": "use %s"}' % escaped.encode()
    address = f"{webhook['inbound_url']}?from={in_address}"
    answer = knock(client, address, body, github(body) | {"X-Note": in_address})
    assert (answer.json or {})["status"] == "accepted"
    kept = whole(ada, webhook)
    assert json.loads(base64.b64decode(kept["body_base64"])) == {"note": f"use {SHOWN}"}
    assert ["x-note", SHOWN] in kept["headers"]
    assert not any(KEY[12:-4] in str(value) for value in kept.values())


def test_in_quarantine_a_key_is_shown_to_nobody_and_verified_all_the_same(
    app: Flask, ada: Api, database: Database, send: Sent
) -> None:
    webhook = make(ada, inbound_secret="not-the-right-one")
    assert send(webhook).status_code == 401
    page = f"/webhooks/{webhook['id']}/received/{received(ada, webhook)[0]['id']}"
    shown = whole(ada, webhook)
    body = base64.b64decode(shown["body_base64"]).decode()
    for text in (json.dumps(shown), body, sign_in(app, ADA).get(page).text):
        assert KEY[12:] not in text
        assert KEY[:12] in text
    assert not is_nowhere(database), "the signature is over it"
    ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": SECRET})
    done = ada.post(f"/webhooks/{webhook['id']}/received/reverifications").json or {}
    assert done["verified"] == 1
    assert [event["data"] for event in events(ada)] == [MASKED]
    assert is_nowhere(database)


def test_in_quarantine_a_key_stays_for_14_days_at_most(
    app: Flask, ada: Api, database: Database, send: Sent
) -> None:
    webhook = make(ada, inbound_secret="not-the-right-one")
    send(webhook)

    def after(days: int) -> None:
        aged = f"UPDATE inbound_request SET received_at = now() - interval '{days} days' RETURNING"
        rows(database, f"{aged} 1")
        with app.app_context(), transaction(webhook["tenant_id"]):
            review.forget_old(webhook["tenant_id"])

    after(13)
    assert not is_nowhere(database)
    after(15)
    assert received(ada, webhook) == []
    assert is_nowhere(database)


def test_a_refused_event_waits_in_quarantine_with_the_reason(
    ada: Api, database: Database, send: Sent
) -> None:
    refuse(ada)
    webhook = make(ada)
    said = send(webhook).json or {}
    assert said["status"] == "quarantined"
    kept = whole(ada, webhook)
    assert (kept["code"], "data.note: This holds an API key" in kept["reason"]) == (
        "event_refused",
        True,
    )
    assert KEY[12:] not in json.dumps(kept)
    assert events(ada) == []


def test_a_cloud_event_is_screened_like_any_other(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, "bearer")
    event = {"specversion": "1.0", "id": "e1", "type": f"t.{KEY}", "source": "/s", "data": DATA}
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/cloudevents+json"}
    answer = knock(client, webhook["inbound_url"], json.dumps(event).encode(), headers)
    assert answer.status_code == 200
    [kept] = events(ada)
    assert kept["data"]["data"] == MASKED
    assert KEY[12:] not in kept["type"]
