"""Test through HTTP which requests are one delivery, and which are several."""

import base64
import hashlib
import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.inbound.reception import event_of_request, reception
from tests.cast import Api
from tests.inbound.test_inbound import SECRET, events, github, knock, make, received


def base64_hmac(signed: bytes, algorithm: str = "sha256") -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), signed, algorithm)).decode()


def is_repetition(
    client: FlaskClient, webhook: dict[str, Any], body: bytes, headers: dict[str, str]
) -> bool:
    """Send a genuine request, and return whether it was taken for one of before."""
    answer = knock(client, webhook["inbound_url"], body, headers)
    assert answer.status_code == 200, answer.text
    return bool((answer.json or {})["duplicate"])


def test_an_id_that_nobody_signed_does_not_hide_another_body(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada)
    bodies = [f'{{"n": {number}}}'.encode() for number in range(3)]
    for expected in (False, True):
        for body in bodies:
            headers = github(body, delivery="the same")
            assert is_repetition(client, webhook, body, headers) is expected
    assert sorted(event["data"]["n"] for event in events(ada)) == [0, 1, 2]


def test_each_status_of_a_message_of_twilio_is_an_event(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, "twilio")
    for status, expected in (("sent", False), ("delivered", False), ("delivered", True)):
        signed = f"{webhook['inbound_url']}MessageSidSM1MessageStatus{status}".encode()
        headers = {
            "X-Twilio-Signature": base64_hmac(signed, "sha1"),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        body = f"MessageSid=SM1&MessageStatus={status}".encode()
        assert is_repetition(client, webhook, body, headers) is expected


def test_one_change_in_a_shop_under_two_topics_is_two_events(ada: Api, client: FlaskClient) -> None:
    webhook, body = make(ada, "shopify"), b'{"id": 1}'
    for topic, expected in (
        ("orders/create", False),
        ("orders/paid", False),
        ("orders/paid", True),
    ):
        headers = {
            "X-Shopify-Hmac-SHA256": base64_hmac(body),
            "X-Shopify-Topic": topic,
            "X-Shopify-Event-Id": "E1",
        }
        assert is_repetition(client, webhook, body, headers) is expected
    types = {event["type"] for event in events(ada)}
    assert types == {"shopify.orders.create", "shopify.orders.paid"}


@pytest.mark.parametrize("scheme", ["hmac-sha256-hex", "api-key"])
def test_the_id_of_an_order_is_not_that_of_a_delivery(
    ada: Api, client: FlaskClient, scheme: str
) -> None:
    webhook = make(ada, scheme)
    for kind, expected in (("created", False), ("paid", False), ("paid", True)):
        body = json.dumps({"id": 7, "type": f"order.{kind}"}).encode()
        signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
        headers = {"X-Signature": signature, "X-API-Key": SECRET}
        assert is_repetition(client, webhook, body, headers) is expected


def test_a_place_that_the_webhook_names_says_which_delivery_it_is(
    ada: Api, client: FlaskClient
) -> None:
    webhook = make(ada, "api-key", inbound_options={"delivery_id": "header:X-Msg-Id"})
    for attempt, expected in ((1, False), (2, True)):
        body = json.dumps({"attempt": attempt}).encode()
        headers = {"X-API-Key": SECRET, "X-Msg-Id": "m-1"}
        assert is_repetition(client, webhook, body, headers) is expected


def test_a_sender_may_sign_its_next_attempt_anew(
    ada: Api, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zendesk signs the time of the attempt beside the body, Linear in it."""
    zendesk, linear = make(ada, "zendesk"), make(ada, "linear")
    for minute, expected in ((0, False), (5, True)):
        now = datetime(2026, 3, 1, 12, minute, tzinfo=UTC)
        monkeypatch.setattr(reception, "database_now", lambda now=now: now)
        body, stamp = b'{"type": "ticket"}', now.isoformat().replace("+00:00", "Z")
        headers = {
            "X-Zendesk-Webhook-Signature": base64_hmac(stamp.encode() + body),
            "X-Zendesk-Webhook-Signature-Timestamp": stamp,
            "X-Zendesk-Webhook-Invocation-Id": "z-1",
        }
        assert is_repetition(client, zendesk, body, headers) is expected
        body = json.dumps({"webhookTimestamp": int(now.timestamp() * 1000)}).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Linear-Signature": signature, "Linear-Delivery": "l-1"}
        assert is_repetition(client, linear, body, headers) is expected


def test_an_id_that_is_not_signed_makes_no_two_events_one_though_a_time_is_signed(
    ada: Api, client: FlaskClient
) -> None:
    linear = make(ada, "linear")

    def comes_again(number: int, identifier: str) -> bool:
        sent = {"webhookTimestamp": round(time.time() * 1000), "n": number}
        body = json.dumps(sent).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Linear-Signature": signature, "Linear-Delivery": identifier}
        return is_repetition(client, linear, body, headers)

    assert [comes_again(1, "l-1"), comes_again(2, "l-1"), comes_again(2, "l-1")] == [
        False,
        False,
        True,
    ]
    assert len(events(ada)) == 2


def test_equal_bodies_are_each_an_event_though_they_hold_an_id(
    ada: Api, client: FlaskClient
) -> None:
    webhook = make(ada, "hmac-sha256-hex", inbound_options={"equal_bodies": "each"})
    body = b'{"id": 7, "type": "sensor.beat"}'
    headers = {"X-Signature": hmac.digest(SECRET.encode(), body, "sha256").hex()}
    assert [is_repetition(client, webhook, body, headers) for _ in range(2)] == [False, False]


# ---------------------------------------------------------------- out of quarantine


def test_what_is_verified_again_is_known_by_the_id_of_today(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, "api-key", inbound_secret="the wrong secret")
    headers = {"X-API-Key": SECRET, "X-Msg-Id": "m-1"}
    first = knock(client, webhook["inbound_url"], b"{}", headers | {"X-Request-Id": "r-1"})
    assert first.status_code == 401
    path = f"/webhooks/{webhook['id']}"
    options = {"delivery_id": "header:X-Msg-Id"}
    ada.patch(path, {"inbound_secret": SECRET, "inbound_options": options})
    assert (ada.post(f"{path}/received/reverifications").json or {})["verified"] == 1
    assert is_repetition(client, webhook, b"{}", headers | {"X-Request-Id": "r-2"})
    assert len(events(ada)) == 1


def test_two_bodies_under_one_id_are_both_verified_again(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, inbound_secret="the wrong secret")
    for number in (1, 2, 2):
        body = f'{{"n": {number}}}'.encode()
        headers = github(body, delivery="the same")
        assert knock(client, webhook["inbound_url"], body, headers).status_code == 401
    path = f"/webhooks/{webhook['id']}"
    ada.patch(path, {"inbound_secret": SECRET})
    done = ada.post(f"{path}/received/reverifications").json
    assert done == {"verified": 2, "refused": 0, "duplicates": 1, "is_more": False}
    assert sorted(event["data"]["n"] for event in events(ada)) == [1, 2]


@pytest.mark.parametrize("door", ["a release", "the webhook"])
def test_one_delivery_that_two_accept_at_once_is_one_event(
    app: Flask, ada: Api, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """GitLab signs nothing, so no mark makes one wait for the other."""
    webhook = make(ada, "gitlab", inbound_secret="the wrong secret")
    headers = {"X-Gitlab-Token": SECRET, "X-Gitlab-Event-UUID": "d-1"}
    for _ in range(2):
        assert knock(client, webhook["inbound_url"], b"{}", headers).status_code == 401
    path = f"/webhooks/{webhook['id']}"
    ada.patch(path, {"inbound_secret": SECRET})
    kept = [one["id"] for one in received(ada, webhook)]
    both_found_none = threading.Barrier(2)
    publish = event_of_request.publish

    def publish_late(*given: Any, **more: Any) -> Any:
        if not both_found_none.broken and both_found_none.n_waiting < 2:
            with suppress(threading.BrokenBarrierError):
                both_found_none.wait(5)
        return publish(*given, **more)

    def release(id: str) -> int:
        return ada.post(f"{path}/received/{id}/reverifications").status_code

    def receive(_: str) -> int:
        return knock(app.test_client(), webhook["inbound_url"], b"{}", headers).status_code

    monkeypatch.setattr(event_of_request, "publish", publish_late)
    with ThreadPoolExecutor(2) as at_once:
        one = at_once.submit(release, kept[0])
        other = at_once.submit(release if door == "a release" else receive, kept[1])
        answers = {one.result(), other.result()}

    assert answers <= {200, 409}
    assert len(events(ada)) == 1
    ada.post(f"{path}/received/reverifications")
    assert [one["state"] for one in received(ada, webhook)] == ["accepted"]
