"""Test the lab: an event for a single webhook, simulated failures of the inbox, visible retries."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from portal.delivery.engine import Engine
from portal.webhooks.signing import standard_webhooks
from tests.cast import ADA, VIC, Api, Pages
from tests.delivery.test_console import Browse, deliveries, key, publish, rfp
from tests.delivery.test_engine import delivering, until
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.test_webhooks import stored


@pytest.fixture
def engine(app: Flask) -> Iterator[Engine]:
    with delivering(app) as engine:
        yield engine


def send(pages: Pages, webhook: dict[str, Any], **more: str) -> str:
    """Press "Send and watch", and return the URL of the new delivery."""
    path = f"/webhooks/{webhook['id']}/lab"
    form = {"event_type": "rfp.created", "data": '{"number": 7}', **key(pages.get(path).text)}
    answer = pages.post(path, form | more)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def test_an_event_of_the_lab_goes_to_this_webhook_alone(
    ada: Api, browse: Browse, make: Make, receiver: Receiver, engine: Engine
) -> None:
    mine, other = make(receiver.hook("mine")), make(receiver.hook("other"), name="Other")
    pages = browse(ADA)
    place = send(pages, mine)
    until(lambda: [one["state"] for one in deliveries(ada, mine)] == ["delivered"])
    assert "Sent from the lab" in pages.get(place).text
    [mail] = receiver.mail("mine")
    assert mail["headers"]["cpod-test"] == "true"
    assert (mail["type"], '"number": 7' in mail["body"]) == ("rfp.created", True)
    window = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}
    for what in ("missing", "all"):
        replay = ada.post(f"/webhooks/{other['id']}/replays", window | {"what": what})
        assert replay.status_code == 409, "nothing of it is sent to others by a replay"
    assert (deliveries(ada, other), receiver.mail("other")) == ([], [])
    [event] = (ada.get("/events").json or {})["items"]
    assert event["only_for"] == mine["id"]
    matches = (ada.get(f"/events/{event['id']}").json or {})["matches"]
    assert {one["name"]: one["matched"] for one in matches} == {"CRM events": True, "Other": False}


def test_the_same_form_sends_once(ada: Api, browse: Browse, make: Make) -> None:
    webhook, pages = make("https://hooks.example/a"), browse(ADA)
    same = key(pages.get(f"/webhooks/{webhook['id']}/lab").text)
    assert send(pages, webhook, **same) == send(pages, webhook, **same)
    assert len(deliveries(ada, webhook)) == 1


def test_a_retry_is_made_now_when_somebody_asks(
    ada: Api, browse: Browse, make: Make, receiver: Receiver, engine: Engine
) -> None:
    webhook = make(receiver.hook("crm", "?status=500"), retry_policy={"backoff": "fixed"})
    publish(ada, rfp(1))
    until(lambda: [one["state"] for one in deliveries(ada, webhook)] == ["retrying"])
    [one] = deliveries(ada, webhook)
    pages = browse(ADA)
    assert "Try now" in pages.get(f"/deliveries/{one['id']}").text
    assert "Try now" not in browse(VIC).get(f"/deliveries/{one['id']}").text
    assert pages.post(f"/deliveries/{one['id']}/attempts").status_code == 303
    until(lambda: deliveries(ada, webhook)[0]["attempts"] == 2)
    ada.patch(f"/webhooks/{webhook['id']}", {"url": receiver.hook("crm")})
    until(lambda: deliveries(ada, webhook)[0]["state"] == "retrying")
    [later] = deliveries(ada, webhook)
    hurried = ada.post(f"/deliveries/{one['id']}/attempts")
    assert hurried.status_code == 202
    assert hurried.json["next_attempt_at"] < later["next_attempt_at"]
    until(lambda: deliveries(ada, webhook)[0]["state"] == "delivered")
    assert ada.post(f"/deliveries/{one['id']}/attempts").status_code == 409


# ---------------------------------------------------------------- the inbox


@pytest.fixture
def inbox(ada: Api, browse: Browse) -> dict[str, dict[str, Any]]:
    """Return the inbox and the webhook that sends to it, by direction."""
    browse(ADA).post("/inbox")
    return {one["direction"]: one for one in (ada.get("/webhooks").json or {})["items"]}


def test_the_inbox_fails_as_often_as_ordered_and_then_takes_the_same_event(
    app: Flask, ada: Api, browse: Browse, inbox: dict[str, dict[str, Any]]
) -> None:
    sender, receiver = inbox["outbound"], inbox["inbound"]
    send(browse(ADA), sender, failure="503", times="2")
    secret = stored(app, sender["id"])["current"]

    def attempt() -> tuple[int, str | None, int]:
        """Send the same event again; return status, Retry-After, and the number of stored
        requests."""
        body = b'{"type":"rfp.created"}'
        answer = ada.client.post(
            f"/in/{receiver['id']}",
            data=body,
            headers=standard_webhooks.headers(secret, "evt_1", body),
        )
        kept = len((ada.get(f"/webhooks/{receiver['id']}/received").json or {})["items"])
        return answer.status_code, answer.headers.get("Retry-After"), kept

    assert [attempt() for _ in range(3)] == [(503, "10", 0), (503, "10", 0), (200, None, 1)]


def test_after_a_rotation_the_inbox_is_given_the_new_secret(
    ada: Api, browse: Browse, inbox: dict[str, dict[str, Any]]
) -> None:
    pages = browse(ADA)
    assert "new secret" not in pages.get("/inbox").text
    rotated = ada.post(f"/webhooks/{inbox['outbound']['id']}/secret-rotations")
    assert "does not know the new secret" in pages.get("/inbox").text
    assert pages.post("/inbox").status_code == 303
    assert "new secret" not in pages.get("/inbox").text
    body = b'{"type":"rfp.created"}'
    headers = standard_webhooks.headers((rotated.json or {})["signing_secret"], "evt_9", body)
    answer = ada.client.post(f"/in/{inbox['inbound']['id']}", data=body, headers=headers)
    assert answer.status_code == 200


def test_nobody_but_who_may_send_uses_a_failure_up(
    ada: Api, browse: Browse, inbox: dict[str, dict[str, Any]]
) -> None:
    sender, receiver = inbox["outbound"], inbox["inbound"]
    send(browse(ADA), sender, failure="503", times="2")
    ada.client.post(f"/in/{receiver['id']}", data=b"{}")
    page = browse(ADA).get(f"/webhooks/{sender['id']}/lab").text
    assert "The inbox still answers <strong>503, Retry-After: 10</strong> to 2 requests" in page
    browse(ADA).post(f"/webhooks/{sender['id']}/lab/failures")
    assert "still answers" not in browse(ADA).get(f"/webhooks/{sender['id']}/lab").text


def test_what_is_ordered_of_the_inbox_is_its_own_tenants(
    gus: Api, browse: Browse, inbox: dict[str, dict[str, Any]]
) -> None:
    stranger = gus.create("webhooks", url="https://hooks.example/a", event_types=["*"])
    path = f"/webhooks/{inbox['outbound']['id']}/lab"
    form = {"event_type": "a.b", "data": "{}", "failure": "500", "times": "3"}
    assert browse("gus@globex.example").post(path, form).status_code == 404
    fields = form | key(browse(ADA).get(path).text)
    refused = browse("gus@globex.example").post(f"/webhooks/{stranger['id']}/lab", fields)
    assert refused.status_code == 422
    assert "still answers" not in browse(ADA).get(path).text


def test_a_program_sends_from_the_lab_as_the_page_does(
    ada: Api, vic: Api, gus: Api, browse: Browse, inbox: dict[str, dict[str, Any]]
) -> None:
    path = f"/webhooks/{inbox['outbound']['id']}/lab-deliveries"
    event = {"event_type": "rfp.created", "data": {"number": 7}}
    made = ada.post(path, event | {"failure": "503", "times": 2}, headers={"Idempotency-Key": "k"})
    assert made.status_code == 201, made.text
    assert (made.json["origin"], made.json["state"]) == ("lab", "pending")
    again = ada.post(path, event | {"failure": "503", "times": 2}, headers={"Idempotency-Key": "k"})
    assert again.json["id"] == made.json["id"]
    assert made.headers["Location"].endswith(f"/deliveries/{made.json['id']}")
    [sent] = (ada.get(f"{path.rpartition('/')[0]}/deliveries?origin=lab").json or {})["items"]
    assert sent["id"] == made.json["id"]
    page = browse(ADA).get(f"/webhooks/{inbox['outbound']['id']}/lab").text
    assert "The inbox still answers <strong>503, Retry-After: 10</strong> to 2 requests" in page

    assert [one.post(path, event).status_code for one in (vic, gus)] == [403, 404]
    for wrong in ({"failure": "418"}, {"failure": "500", "times": 21}, {"event_type": "no name"}):
        assert ada.post(path, event | wrong).status_code == 422, wrong
    elsewhere = ada.create("webhooks", url="https://hooks.example/a", event_types=["*"])
    said = ada.post(f"/webhooks/{elsewhere['id']}/lab-deliveries", event | {"failure": "500"})
    assert "does not send to it" in said.text
    inward = ada.post(f"/webhooks/{inbox['inbound']['id']}/lab-deliveries", event)
    assert inward.status_code == 409
