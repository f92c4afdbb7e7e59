"""Test that no sender can turn a genuine request into another event, for every scheme that signs.

Such senders move the border between two signed parts, write the signature in another way, or change
an unsigned part. The first is refused; the others count as the delivery that is stored already.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.database.session import transaction
from portal.inbound import review
from portal.inbound.reception import reception
from portal.webhooks.verification.provider_schemes import SCHEMES, Scheme
from tests.cast import Api
from tests.databases import Database
from tests.inbound.test_inbound import events, knock, make, received
from tests.webhooks.kit import rows
from tests.webhooks.verification import test_inbound_schemes as vectors
from tests.webhooks.verification.test_inbound_schemes import (
    BODY,
    NOW,
    STAMP,
    TEXT,
    URL,
    VECTORS,
    Vector,
    b64ed,
    hexed,
    judge,
)

FORM = "CallSid=CA1&Digits=1234&To=%2B1800"


def by_address(name: str, url: str) -> Vector:
    """Return a genuine request of a scheme that signs the URL."""
    vector = VECTORS[name]
    if name == "square":
        signed = {"x-square-hmacsha256-signature": b64ed(url + TEXT)}
    elif name == "hubspot":
        signed = {"X-HubSpot-Signature-v3": b64ed(f"POST{url}{TEXT}{STAMP}000")}
    elif name == "contentful":
        listed = f"content-type:application/json;x-contentful-timestamp:{STAMP}000"
        path = url.partition("localhost:8000")[2]
        signed = {"x-contentful-signature": hexed(f"POST\n{path}\n{listed}\n{TEXT}")}
    else:
        text = url + "CallSidCA1Digits1234To+1800"
        signed = {"X-Twilio-Signature": b64ed(text, "sha1")}
        return Vector({**vector.headers, **signed}, FORM.encode(), url=url)
    return replace(vector, headers={**vector.headers, **signed}, url=url)


def genuine(name: str, url: str) -> Vector:
    is_of_address = name in ("square", "hubspot", "contentful", "twilio")
    return by_address(name, url) if is_of_address else VECTORS[name]


# ---------------------------------------------------------------- the same delivery, in disguise

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
NOT_SIGNED = {name for name, one in SCHEMES.items() if one.hides_credential}
SIGNED = sorted(set(SCHEMES) - NOT_SIGNED - {"dropbox"})


def disguises(scheme: Scheme, vector: Vector) -> Iterator[dict[str, str]]:
    """Yield headers of the same request, changed where the signature does not cover them."""
    ids = [place.removeprefix("header:") for place in scheme.id if place.startswith("header:")]
    if unsigned := {one: "another-1" for one in ids if scheme.method != "standard"}:
        yield {**vector.headers, **unsigned}
    for name, value in vector.headers.items():
        if not scheme.signature.lower().startswith(f"header:{name.lower()[:-1]}"):
            continue
        if scheme.encoding == "hex" and scheme.method != "jwt":
            upper = re.sub(r"[0-9a-f]{40,}", lambda found: found[0].upper(), value)
            assert upper != value
            yield {**vector.headers, name: upper}
        if scheme.encoding == "base64" and re.search(r"[^=]=$", value):
            spare = DIGITS[DIGITS.index(value[-2]) ^ 1]  # the last two bits are unused
            yield {**vector.headers, name: f"{value[:-2]}{spare}="}
        if scheme.parts:
            more = f"{scheme.separator}{scheme.parts[0]}="
            yield {**vector.headers, name: f"{value}{more}{'ab' * 32}"}
            yield {**vector.headers, name: f"{value}{more}not-hex{scheme.separator}x=y"}
        if scheme.method == "standard":
            yield {**vector.headers, name: f"v1,{base64.b64encode(bytes(32)).decode()} {value}"}


@pytest.mark.parametrize("name", SIGNED)
def test_a_request_in_disguise_is_the_delivery_that_is_here(
    ada: Api, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    vector, scheme = VECTORS[name], SCHEMES[name]
    moment = datetime.fromtimestamp(vector.now, UTC)
    monkeypatch.setattr(reception, "database_now", lambda: moment)
    secret = vectors.SECRET if name == "twilio" else vector.secret  # the original is too short
    webhook = make(ada, name, inbound_secret=secret)
    sent = genuine(name, webhook["inbound_url"])
    first = knock(client, webhook["inbound_url"], sent.body, dict(sent.headers))
    assert (first.status_code, (first.json or {})["duplicate"]) == (200, False), first.text
    again = [dict(sent.headers), *disguises(scheme, sent)]
    for headers in again:
        answer = knock(client, webhook["inbound_url"], sent.body, headers)
        assert answer.json == {**(first.json or {}), "duplicate": True}, headers
    [kept] = received(ada, webhook)
    assert kept["repeats"] == len(again)
    assert len(events(ada)) == (0 if name == "inbox" else 1)


def test_a_token_whose_signature_is_written_in_another_way_is_the_same(
    ada: Api, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check the second valid form (r, n - s) of an ECDSA signature (r, s), which anybody can
    compute."""
    vector = VECTORS["plaid"]
    monkeypatch.setattr(reception, "database_now", lambda: datetime.fromtimestamp(NOW, UTC))
    webhook = make(ada, "plaid", inbound_secret=vector.secret)
    signed, _, signature = vector.headers["Plaid-Verification"].rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    second = f"{signed}.{base64.urlsafe_b64encode(other).decode().rstrip('=')}"
    for token, duplicate in ((vector.headers["Plaid-Verification"], False), (second, True)):
        headers = {"Plaid-Verification": token}
        answer = knock(client, webhook["inbound_url"], vector.body, headers).json or {}
        assert answer["duplicate"] is duplicate


def test_one_order_under_two_topics_is_two_events_and_each_topic_once(
    ada: Api, client: FlaskClient
) -> None:
    webhook = make(ada, "shopify", inbound_secret=vectors.SECRET)
    for topic, delivery, duplicate in (
        ("orders/updated", "1", False),
        ("orders/paid", "2", False),
        ("orders/paid", "3", True),
    ):
        headers = {
            "X-Shopify-Hmac-SHA256": b64ed(BODY),
            "X-Shopify-Topic": topic,
            "X-Shopify-Event-Id": delivery,
        }
        answer = knock(client, webhook["inbound_url"], BODY, headers).json or {}
        assert answer["duplicate"] is duplicate, topic
    assert {event["type"] for event in events(ada)} == {
        "shopify.orders.updated",
        "shopify.orders.paid",
    }


def test_dropbox_says_the_same_of_every_change(ada: Api, client: FlaskClient) -> None:
    webhook = make(ada, "dropbox", inbound_secret=vectors.SECRET)
    for _ in range(2):
        answer = knock(client, webhook["inbound_url"], BODY, dict(VECTORS["dropbox"].headers))
        assert (answer.json or {})["duplicate"] is False
    assert len(events(ada)) == 2


@pytest.mark.parametrize(
    ("options", "published"),
    [({}, 1), ({"equal_bodies": "one"}, 1), ({"equal_bodies": "each"}, 2)],
)
def test_a_webhook_says_whether_equal_bodies_are_one_event(
    ada: Api, client: FlaskClient, options: dict[str, str], published: int
) -> None:
    webhook = make(ada, "hmac-sha256-hex", inbound_secret=vectors.SECRET, inbound_options=options)
    assert webhook["inbound_options"] == options
    body = b'{"door": "open"}'
    for number in range(2):
        headers = {"X-Signature": hexed(body), "X-Request-Id": f"r-{number}"}
        assert knock(client, webhook["inbound_url"], body, headers).status_code == 200
    again = {"X-Signature": hexed(body), "X-Request-Id": "r-1"}
    assert (knock(client, webhook["inbound_url"], body, again).json or {})["duplicate"] is True
    assert len(events(ada)) == published


@pytest.mark.parametrize("scheme", ["timestamped-hmac", "api-key"])
def test_where_more_than_the_body_is_signed_nothing_is_said_of_equal_bodies(
    ada: Api, scheme: str
) -> None:
    body = {
        "direction": "inbound",
        "inbound_scheme": scheme,
        "inbound_options": {"equal_bodies": "each"},
    }
    answer = ada.post("/webhooks", body)
    assert answer.status_code == 422
    [error] = (answer.json or {})["errors"]
    assert (error["field"], "equal_bodies" in error["message"]) == ("inbound_options", True)


def test_two_webhooks_of_one_sender_are_two_deliveries(ada: Api, client: FlaskClient) -> None:
    for _ in range(2):
        webhook = make(ada, "github", inbound_secret=vectors.SECRET)
        headers = {"X-Hub-Signature-256": f"sha256={hexed(BODY)}", "X-GitHub-Event": "push"}
        answer = knock(client, webhook["inbound_url"], BODY, headers).json or {}
        assert answer["duplicate"] is False
    assert len(events(ada)) == 2


def test_a_copy_in_quarantine_is_not_published_beside_the_original(
    ada: Api, client: FlaskClient
) -> None:
    """Add the right secret only after somebody has sent the same request again with another id."""
    webhook = make(ada, "github", inbound_secret="not-the-right-one")
    signed = {"X-Hub-Signature-256": f"sha256={hexed(BODY)}", "X-GitHub-Event": "push"}
    for number in range(2):
        headers = {**signed, "X-GitHub-Delivery": f"d-{number}"}
        assert knock(client, webhook["inbound_url"], BODY, headers).status_code == 401
    ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": vectors.SECRET})
    path = f"/webhooks/{webhook['id']}/received/reverifications"
    done = ada.post(path).json
    assert done == {"verified": 1, "refused": 0, "duplicates": 1, "is_more": False}
    late = knock(client, webhook["inbound_url"], BODY, {**signed, "X-GitHub-Delivery": "d-9"})
    assert (late.json or {})["duplicate"] is True
    assert len(events(ada)) == 1


def test_of_many_copies_at_once_one_is_published(ada: Api, app: Flask) -> None:
    webhook = make(ada, "github", inbound_secret=vectors.SECRET)
    signed = {"X-Hub-Signature-256": f"sha256={hexed(BODY)}", "X-GitHub-Event": "push"}

    def send(number: int) -> bool:
        headers = {**signed, "X-GitHub-Delivery": f"d-{number}"}
        answer = knock(app.test_client(), webhook["inbound_url"], BODY, headers)
        return bool((answer.json or {})["duplicate"])

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(send, range(6))) == [False] + [True] * 5
    assert len(events(ada)) == 1
    assert received(ada, webhook)[0]["repeats"] == 5


def test_a_mark_that_has_run_out_holds_nobody_up_and_is_forgotten(
    ada: Api, client: FlaskClient, database: Database
) -> None:
    webhook = make(ada, "github", inbound_secret=vectors.SECRET)
    signed = {"X-Hub-Signature-256": f"sha256={hexed(BODY)}", "X-GitHub-Event": "push"}

    def said(delivery: str) -> bool:
        headers = {**signed, "X-GitHub-Delivery": delivery}
        answer = knock(client, webhook["inbound_url"], BODY, headers)
        return bool((answer.json or {})["duplicate"])

    assert [said("d-1"), said("d-2")] == [False, True]
    rows(database, "UPDATE inbound_mark SET expires_at = now() - interval '1 second' RETURNING 1")
    assert [said("d-3"), said("d-4")] == [False, True]
    rows(database, "UPDATE inbound_mark SET expires_at = now() - interval '1 second' RETURNING 1")
    with client.application.app_context(), transaction(webhook["tenant_id"]):
        assert review.forget_old(webhook["tenant_id"]) == 1
    assert rows(database, "SELECT 1 FROM inbound_mark") == []


# ---------------------------------------------------------------- moved borders


def forged_sns(**changes: Any) -> bytes:
    """Return a message to the attacker's topic, signed by Amazon, that reads like one to the
    victim's topic."""
    own = "arn:aws:sns:eu-central-1:666666666666:evil"
    stamp = "2024-11-15T21:12:01.000Z"
    inner = (
        f"pay\nMessageId\nm-1\nTimestamp\n{stamp}\nTopicArn\n{vectors.TOPIC}\nType\nNotification"
    )
    signed = json.loads(vectors.sns(Message=inner, TopicArn=own))
    rest = f"MessageId\n{signed['MessageId']}\nTimestamp\n{stamp}\nTopicArn\n{own}\nType"
    return json.dumps(
        {
            **signed,
            "Message": "pay",
            "MessageId": "m-1",
            "TopicArn": vectors.TOPIC,
            "Type": f"Notification\n{rest}\nNotification",
            **changes,
        }
    ).encode()


def test_a_message_of_another_topic_does_not_pass_for_one_of_ours(
    ada: Api, client: FlaskClient
) -> None:
    webhook = make(ada, "aws-sns", inbound_secret=vectors.TOPIC)
    assert knock(client, webhook["inbound_url"], vectors.sns(), {}).status_code == 200
    answer = knock(client, webhook["inbound_url"], forged_sns(), {})
    assert answer.status_code == 401, answer.text
    assert "Type" in answer.text
    assert len(events(ada)) == 1


def renamed(body: bytes, old: str, new: str) -> bytes:
    assert old.encode() in body
    return body.replace(old.encode(), new.encode(), 1)


SUBJECT = vectors.sns(Subject="An order")
FORGED_SNS = {
    "a type that Amazon has not": renamed(vectors.sns(), '"Notification"', '"Notice"'),
    "no type": renamed(vectors.sns(), '"Type"', '"Kind"'),
    "a break in the id": vectors.sns(MessageId="a\nb"),
    "a break in the time": vectors.sns(Timestamp="a\rb"),
    "a break in the subject": vectors.sns(Subject="a\nb"),
    "a subject that is not signed": renamed(SUBJECT, '"An order"', '["An order"]'),
    "half a character for a question mark": renamed(vectors.sns(Message="?"), '"?"', '"\\ud800"'),
    "a name twice": renamed(vectors.sns(), '"Message"', '"Message": "evil", "Message"'),
    "another topic": forged_sns(),
}


@pytest.mark.parametrize("case", FORGED_SNS)
def test_a_message_that_can_be_read_in_two_ways_is_refused(case: str) -> None:
    found = judge("aws-sns", replace(VECTORS["aws-sns"], body=FORGED_SNS[case]))
    assert (found.verified, found.code) == (False, "bad_body"), found


Move = Callable[[Vector], Vector]


def headed(**headers: str) -> Move:
    """Return a move that sets these headers to other values; `_` stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda vector: replace(vector, headers={**vector.headers, **named})


def bodied(body: bytes, **headers: str) -> Move:
    return lambda vector: replace(headed(**headers)(vector), body=body)


def addressed(url: str, body: bytes) -> Move:
    return lambda vector: replace(vector, url=url, body=body)


ZENDESK = "X_Zendesk_Webhook_Signature_Timestamp"
SENDGRID = "X_Twilio_Email_Event_Webhook_Timestamp"
MILLIS = f"{STAMP}000"
DIGEST = hashlib.sha256(b"evil").hexdigest()
INJECTED = f"Body&bodySHA256={DIGEST}"
TWILIO = Vector(
    {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": b64ed(f"{URL}{INJECTED}From+1", "sha1"),
    },
    f"Body=%26bodySHA256%3D{DIGEST}&From=%2B1".encode(),
)
LISTED = "content-type"
LATER = f"{NOW + 86_400}000"
CONTENTFUL = headed(
    x_contentful_signed_headers=LISTED,
    Content_Type=f"application/json;x-contentful-timestamp:{STAMP}000",
    x_contentful_timestamp=LATER,
)
MAILGUN = json.loads(vectors.MAILGUN)
MAILGUN["signature"] |= {"timestamp": STAMP[:-1], "token": STAMP[-1] + "t" * 50}

GENUINE = {**VECTORS, "twilio": TWILIO}
MOVED: dict[str, tuple[str, Move]] = {
    "digit of the time to body": ("discord", bodied(b"1" + BODY, X_Signature_Timestamp=STAMP[:-1])),
    "digit to events": ("sendgrid", bodied(b"1" + BODY, **{SENDGRID: STAMP[:-1]})),
    "zone to body": ("zendesk", bodied(b"Z" + BODY, **{ZENDESK: "2024-11-15T21:12:01"})),
    "seconds to body": ("zendesk", bodied(b":01Z" + BODY, **{ZENDESK: "2024-11-15T21:12"})),
    "zone away": ("box", bodied(BODY, BOX_DELIVERY_TIMESTAMP=vectors.ISO[:-6])),
    "time to the body's end": ("box", bodied(BODY + b"2", BOX_DELIVERY_TIMESTAMP=vectors.ISO[1:])),
    "time to token": ("mailgun", bodied(json.dumps(MAILGUN).encode())),
    "time to event": ("hubspot", bodied(BODY + b"1", X_HubSpot_Request_Timestamp=MILLIS[1:])),
    "event to address": ("hubspot", addressed(URL + TEXT, b"")),
    "half an event to address": ("hubspot", addressed(URL + TEXT[:20], BODY[20:])),
    "address to event": ("square", addressed(URL[:-1], b"x" + BODY)),
    "brace to address": ("square", addressed(URL + "{", BODY[1:])),
    "form to address": ("twilio", addressed(f"{URL}{INJECTED}From+1", b"")),
    "document of a text message": ("twilio", addressed(f"{URL}{INJECTED}", b"evil")),
    "address to form": ("twilio", addressed(URL[:-9], b"%3Fsource%3Dx=&" + TWILIO.body)),
    "time to a listed header": ("contentful", CONTENTFUL),
}


PUBLISHED = "ContentManagement.Entry.publish"


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "text; step 2: see https://x.eu"],
)
def test_no_listed_header_can_hide_in_another_one(kind: str) -> None:
    signed = f"content-type:{kind};x-contentful-topic:{PUBLISHED};x-contentful-timestamp:{STAMP}000"
    named = {
        "x-contentful-signed-headers": "content-type,x-contentful-topic,x-contentful-timestamp",
        "x-contentful-topic": PUBLISHED,
        "Content-Type": kind,
        "x-contentful-signature": hexed(f"POST\n/in/whk_1?source=x\n{signed}\n{TEXT}"),
    }
    genuine = headed(**named)(VECTORS["contentful"])
    assert judge("contentful", genuine).verified
    moved = {
        "x-contentful-signed-headers": "content-type,x-contentful-timestamp",
        "x-contentful-topic": "ContentManagement.Entry.delete",
        "Content-Type": f"{kind};x-contentful-topic:{PUBLISHED}",
    }
    assert judge("contentful", headed(**moved)(genuine)).code == "malformed_signature"


@pytest.mark.parametrize("case", MOVED)
def test_no_border_between_two_signed_parts_can_be_moved(case: str) -> None:
    name, move = MOVED[case]
    vector = GENUINE[name]
    assert judge(name, vector).verified
    forged = move(vector)
    for moment in (vector.now, NOW + 86_400):
        found = judge(name, replace(forged, now=moment))
        assert not found.verified, found
