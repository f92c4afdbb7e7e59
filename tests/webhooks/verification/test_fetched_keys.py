"""Test signatures whose keys are fetched first: key sets, and Amazon's certificates.

The providers are HTTPS servers of the test. They are trusted because of SSL_CERT_FILE, as an
authority of a private network would be. Amazon's host names lead to them, because the test replaces
the resolver of the outgoing client.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from portal.inbound import endpoint
from portal.outbound import Outcome, Request, send_now
from portal.outbound.client import OF_ONE_TENANT, default_trust
from portal.webhooks.verification import documents as kept_documents
from portal.webhooks.verification.documents import MAX_BYTES, SHARE, documents
from tests.cast import Api
from tests.front.kit import until
from tests.inbound.test_inbound import events, knock, make, received
from tests.outbound.sink import Behaviour, Certificates, read_request
from tests.webhooks.kit import sinks
from tests.webhooks.verification import test_inbound_schemes as amazon

AMAZON = "sns.eu-central-1.amazonaws.com"


@dataclass
class Source:
    """A provider's server: the requests that it received, and its response from now on."""

    document: bytes = b""
    status: str = "200 OK"
    asked: list[str] = field(default_factory=list)
    is_open: threading.Event = field(default_factory=threading.Event)

    @property
    def behave(self) -> Behaviour:
        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head, _ = await read_request(reader)
            self.asked.append(head.split(b" ")[1].decode())
            await asyncio.to_thread(self.is_open.wait, 30)
            length = f"Content-Length: {len(self.document)}"
            writer.write(f"HTTP/1.1 {self.status}\r\n{length}\r\n\r\n".encode() + self.document)
            await writer.drain()

        return behave


@pytest.fixture
def source() -> Source:
    made = Source()
    made.is_open.set()
    return made


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Certificates]:
    """Yield an authority that all outgoing requests trust, configured as an operator would do
    it."""
    made = Certificates(tmp_path)
    (tmp_path / "authority.pem").write_text(made.authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    default_trust.cache_clear()
    yield made
    default_trust.cache_clear()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that moves the clock of the document cache: `later(61)` for 61 seconds."""
    gone = [0.0]
    monkeypatch.setattr(documents, "clock", lambda: time.monotonic() + gone[0])

    def go(seconds: float) -> None:
        gone[0] += seconds

    return go


# ---------------------------------------------------------------- a key set at an address


ONE, TWO, OTHER = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("one", "two", "other"))


def key_set(*keys: RSAKey) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


@pytest.fixture
def address(source: Source, authority: Certificates) -> Iterator[str]:
    """Yield the URL of the sender's key set, which contains the key ONE."""
    source.document = key_set(ONE)
    with sinks((source.behave, authority.server())) as [port]:
        yield f"https://127.0.0.1:{port}/.well-known/jwks.json"


@pytest.fixture
def webhook(ada: Api, address: str) -> dict[str, Any]:
    return make(ada, "fusionauth", inbound_secret=address)


Send = Callable[..., TestResponse]


@pytest.fixture
def send(app: Flask, webhook: dict[str, Any]) -> Send:
    """Return a function: `send(ONE, 7)` sends the seventh event, in a token that the key ONE
    signed."""

    def send(key: RSAKey, number: int) -> TestResponse:
        body = json.dumps({"event": {"id": f"e-{number}", "type": "user.create"}}).encode()
        now = int(time.time())
        digest = amazon.hashlib.sha256(body).hexdigest()
        claims = {"iat": now, "exp": now + 300, "request_body_sha256": digest}
        head = {"alg": "RS256", "kid": key.kid}
        token = jws.serialize_compact(head, json.dumps(claims).encode(), key)
        headers = {"X-FusionAuth-Signature-JWT": token, "Content-Type": "application/json"}
        return knock(app.test_client(), webhook["inbound_url"], body, headers)

    return send


def published(ada: Api) -> set[str]:
    return {event["data"]["event"]["id"] for event in events(ada)}


def test_the_key_set_is_fetched_once_and_what_its_key_signed_is_published(
    ada: Api, webhook: dict[str, Any], source: Source, send: Send
) -> None:
    assert [send(ONE, number).status_code for number in (1, 2)] == [200, 200]
    assert source.asked == ["/.well-known/jwks.json"]
    assert published(ada) == {"e-1", "e-2"}
    assert {one["code"] for one in received(ada, webhook)} == {"verified"}


def test_a_new_key_is_looked_for_once_a_minute_however_often_it_is_named(
    ada: Api, source: Source, send: Send, later: Callable[[float], None]
) -> None:
    assert send(ONE, 1).status_code == 200
    source.document = key_set(ONE, TWO)
    assert [send(OTHER, number).status_code for number in (2, 3)] == [401, 401]
    assert len(source.asked) == 1, "it was fetched a moment ago"
    later(61)
    assert [send(OTHER, number).status_code for number in (4, 5)] == [401, 401]
    assert len(source.asked) == 2
    assert [send(key, number).status_code for key, number in ((ONE, 6), (TWO, 7))] == [200, 200]
    assert len(source.asked) == 2
    assert published(ada) == {"e-1", "e-6", "e-7"}


def test_a_key_that_was_withdrawn_holds_for_an_hour_at_the_most(
    source: Source, send: Send, later: Callable[[float], None]
) -> None:
    assert send(ONE, 1).status_code == 200
    source.document = key_set(TWO)
    assert send(ONE, 2).status_code == 200
    later(3601)
    assert [send(ONE, 3).status_code, send(TWO, 4).status_code] == [401, 200]
    assert len(source.asked) == 2


def test_a_fetched_key_that_takes_long_to_compute_with_is_not_used(
    ada: Api, webhook: dict[str, Any], source: Source, send: Send
) -> None:
    source.document = json.dumps({"keys": [{"kty": "RSA", "n": "_" * 1500, "e": "AQAB"}]}).encode()
    assert send(ONE, 1).status_code == 503
    [kept] = received(ada, webhook)
    assert kept["code"] == "keys_away"
    assert "This RSA key has 9,000 bits." in kept["reason"]


def test_of_many_at_once_one_asks_for_the_key_set(source: Source, send: Send) -> None:
    source.is_open.clear()
    answers: list[int] = []
    many = [
        threading.Thread(target=lambda number=n: answers.append(send(ONE, number).status_code))
        for n in range(6)
    ]
    for one in many:
        one.start()
    source.is_open.set()
    for one in many:
        one.join()
    assert answers == [200] * 6
    assert len(source.asked) == 1


def test_of_many_at_once_only_some_wait_for_a_source_that_is_silent(
    ada: Api, webhook: dict[str, Any], source: Source, send: Send
) -> None:
    source.is_open.clear()
    with ThreadPoolExecutor(6) as senders:
        sent = [senders.submit(send, ONE, number) for number in range(6)]
        try:
            until(lambda: sum(one.done() for one in sent) == 6 - OF_ONE_TENANT, 4)
            refused = [one.result() for one in sent if one.done()]
        finally:
            source.is_open.set()
        assert {(one.status_code, one.headers["Retry-After"]) for one in refused} == {(503, "60")}
        statuses = sorted(one.result().status_code for one in sent)
    assert statuses == [200] * OF_ONE_TENANT + [503] * len(refused)
    assert len(received(ada, webhook, "?state=quarantined")) == len(refused), "nothing is lost"
    assert [send(ONE, number).status_code for number in range(6)] == [200] * 6
    assert received(ada, webhook, "?state=quarantined") == []
    assert len(source.asked) == 1


def test_while_the_key_set_is_away_it_is_said_why_and_verified_anew_when_it_is_back(
    ada: Api,
    webhook: dict[str, Any],
    source: Source,
    send: Send,
    later: Callable[[float], None],
) -> None:
    source.status = "500 Down"
    for number in (1, 2):
        answer = send(ONE, number)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert len(source.asked) == 1, "a moment later it is not tried again"
    kept = received(ada, webhook, "?state=quarantined")
    assert {one["code"] for one in kept} == {"keys_away"}
    assert {one["reason"] for one in kept} == {
        "The sender's key set could not be had. The receiver answered 500."
    }
    source.status = "200 OK"
    later(6)
    path = f"/webhooks/{webhook['id']}/received"
    done = ada.post(f"{path}/reverifications").json or {}
    assert (done["verified"], done["refused"]) == (2, 0)
    assert published(ada) == {"e-1", "e-2"}
    assert len(source.asked) == 2, "once for all of them"


def test_a_sender_that_comes_again_leaves_nothing_in_quarantine(
    ada: Api,
    webhook: dict[str, Any],
    source: Source,
    send: Send,
    later: Callable[[float], None],
) -> None:
    source.document = b"<h1>We are moving</h1>"
    assert [send(ONE, 1).status_code, send(ONE, 2).status_code] == [503, 503]
    assert "key set cannot be read" in received(ada, webhook)[0]["reason"]
    source.document = key_set(ONE)
    later(61)
    assert send(ONE, 1).status_code == 200
    assert [one["delivery_key"] for one in received(ada, webhook, "?state=quarantined")] == ["e-2"]
    assert published(ada) == {"e-1"}


def test_the_keys_that_are_here_go_on_being_good_while_the_source_is_away(
    source: Source, send: Send, later: Callable[[float], None]
) -> None:
    assert send(ONE, 1).status_code == 200
    source.status = "500 Down"
    later(3601)
    assert send(ONE, 2).status_code == 200
    assert send(TWO, 3).status_code == 503, "its key may be in the set that cannot be had"
    assert len(source.asked) == 2


# ---------------------------------------------------------------- Amazon SNS


@pytest.fixture
def at_amazon(
    source: Source, authority: Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Direct Amazon's host to this machine; yield the URL of a certificate that is not cached
    yet."""

    async def lookup(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    with sinks((source.behave, authority.server(AMAZON))) as [port]:

        def send(request: Request, allow: Any) -> Outcome:
            """Send as usual, but to a port that a test can listen on."""
            there = urlsplit(request.url)
            url = there._replace(netloc=f"{there.hostname}:{port}").geturl()
            return send_now(replace(request, url=url), allow, lookup=lookup)

        monkeypatch.setattr(kept_documents, "send_now", send)
        monkeypatch.setattr(endpoint, "send_now", send)
        source.document = amazon.certificate()
        yield f"https://{AMAZON}/SimpleNotificationService-{port}.pem"


def test_a_subscription_is_confirmed_and_then_its_messages_are_published(
    ada: Api, client: FlaskClient, source: Source, at_amazon: str
) -> None:
    webhook = make(ada, "aws-sns", inbound_secret=amazon.TOPIC)
    visit = "/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:x&Token=2336412f37"
    asked = amazon.sns(
        "SubscriptionConfirmation",
        SigningCertURL=at_amazon,
        SubscribeURL=f"https://{AMAZON}{visit}",
        Token="2336412f37",
    )
    answer = knock(client, webhook["inbound_url"], asked, {"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json) == (200, {"status": "confirmed"})
    assert source.asked == [urlsplit(at_amazon).path, visit]
    for number in (1, 2):
        body = amazon.sns(SigningCertURL=at_amazon, MessageId=f"m-{number}")
        assert knock(client, webhook["inbound_url"], body, {}).status_code == 200
    assert len(source.asked) == 2, "the certificate is here"
    assert [event["type"] for event in events(ada)] == ["sns.Notification"] * 2
    history = (ada.get(f"/webhooks/{webhook['id']}/history").json or {})["items"]
    assert "webhook.subscription_confirmed" in {one["action"] for one in history}


def test_a_message_that_comes_while_the_certificate_is_away_is_taken_when_it_comes_again(
    ada: Api,
    client: FlaskClient,
    source: Source,
    at_amazon: str,
    later: Callable[[float], None],
) -> None:
    webhook = make(ada, "aws-sns", inbound_secret=amazon.TOPIC)
    body = amazon.sns(SigningCertURL=at_amazon)
    source.status = "503 Down"
    for _ in range(2):
        assert knock(client, webhook["inbound_url"], body, {}).status_code == 503
    assert len(source.asked) == 1
    assert "answered 503" in received(ada, webhook)[0]["reason"]
    source.status = "200 OK"
    later(31)
    assert knock(client, webhook["inbound_url"], body, {}).status_code == 200
    assert [one["state"] for one in received(ada, webhook)] == ["accepted"]


def send_sns(client: FlaskClient, webhook: dict[str, Any], certificate_at: str) -> int:
    body = amazon.sns(SigningCertURL=certificate_at, MessageId=str(uuid4()))
    return knock(client, webhook["inbound_url"], body, {}).status_code


def for_sns(who: Api) -> dict[str, Any]:
    return make(who, "aws-sns", inbound_secret=amazon.TOPIC)


@pytest.mark.parametrize("by", ["ada", "gus"])
def test_certificates_that_nobody_can_fetch_displace_no_key_that_is_here(
    ada: Api,
    client: FlaskClient,
    source: Source,
    at_amazon: str,
    later: Callable[[float], None],
    by: str,
    request: pytest.FixtureRequest,
) -> None:
    webhook = for_sns(ada)
    assert send_sns(client, webhook, at_amazon) == 200
    source.status = "404 Gone"
    busy = [for_sns(request.getfixturevalue(by)) for _ in range(2)]  # each takes 120 a minute
    for number in range(201):
        url = at_amazon.replace("Simple", f"{number}-Simple")
        assert send_sns(client, busy[number % 2], url) == 503
    later(3601)
    assert send_sns(client, webhook, at_amazon) == 200


def test_of_a_tenants_own_keys_the_one_used_longest_ago_goes_first(
    ada: Api, client: FlaskClient, source: Source, at_amazon: str
) -> None:
    webhook = for_sns(ada)
    certificate = source.document
    first, second = (at_amazon.replace("Simple", f"{n}-Simple") for n in ("a", "b"))
    assert [send_sns(client, webhook, one) for one in (first, second, first)] == [200] * 3
    source.document = b"-" * MAX_BYTES
    for number in range(SHARE // MAX_BYTES - 1):
        assert send_sns(client, webhook, at_amazon.replace("Simple", f"{number}-Simple")) == 401
        assert send_sns(client, webhook, first) == 200
    source.document = b"-" * (MAX_BYTES - 1024)
    assert send_sns(client, webhook, at_amazon.replace("Simple", "last-Simple")) == 401
    source.document = certificate
    before = len(source.asked)
    assert [send_sns(client, webhook, one) for one in (first, second)] == [200, 200]
    assert source.asked[before:] == [urlsplit(second).path]


def test_a_key_that_two_tenants_use_stays_while_one_of_them_does(
    ada: Api, gus: Api, client: FlaskClient, source: Source, at_amazon: str
) -> None:
    ours, theirs = for_sns(ada), for_sns(gus)
    assert [send_sns(client, one, at_amazon) for one in (theirs, ours)] == [200, 200]
    assert len(source.asked) == 1
    source.document = b"-" * MAX_BYTES
    for number in range(SHARE // MAX_BYTES + 1):
        assert send_sns(client, theirs, at_amazon.replace("Simple", f"{number}-Simple")) == 401
    source.status = "500 Down"
    assert send_sns(client, ours, at_amazon) == 200
