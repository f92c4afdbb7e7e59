"""Test that verifiers of others accept the engine's real requests: in a rotation, and with ed25519.

`standardwebhooks` is the reference library of the standard; PyNaCl is another implementation of
ed25519 than the one that signs.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import nacl.exceptions
import nacl.signing
import pytest
from flask import Flask
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.cast import Api
from tests.databases import Database
from tests.delivery.test_engine import delivering, publish, rfp, until
from tests.webhooks.conftest import Make
from tests.webhooks.kit import Mailbox, rows, sinks


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def address(app: Flask, mailbox: Mailbox) -> Iterator[str]:
    """Yield the URL of the mailbox, while an engine delivers."""
    with sinks(mailbox.behave) as [port], delivering(app):
        yield f"http://127.0.0.1:{port}/"


def sent(ada: Api, mailbox: Mailbox, number: int) -> tuple[bytes, dict[str, str]]:
    """Publish one more event, and return the body and the headers that the receiver got."""
    before = len(mailbox.bodies)
    publish(ada, rfp(number))
    until(lambda: len(mailbox.bodies) > before)
    return mailbox.bodies[-1], mailbox.heads[-1]


def accepts(secret: str, body: bytes, head: dict[str, str]) -> bool:
    try:
        return bool(Webhook(secret).verify(body, head) == json.loads(body))
    except WebhookVerificationError:
        return False


def test_the_reference_verifier_accepts_a_delivery(
    ada: Api, make: Make, mailbox: Mailbox, address: str
) -> None:
    webhook = make(address)
    data: dict[str, Any] = {"text": "Grüße, 世界 \u2028", "big": 2**53 + 1, "small": 1e-9}
    publish(ada, {"type": "rfp.created", "data": data})
    until(lambda: mailbox.bodies)
    body, head = mailbox.bodies[0], mailbox.heads[0]
    assert accepts(webhook["signing_secret"], body, head)
    assert not accepts(webhook["signing_secret"], body + b" ", head)
    later = head | {"webhook-timestamp": str(int(head["webhook-timestamp"]) + 1)}
    assert not accepts(webhook["signing_secret"], body, later)


def test_during_a_rotation_both_secrets_verify_and_after_it_the_new_one_alone(
    app: Flask, ada: Api, make: Make, mailbox: Mailbox
) -> None:
    with sinks(mailbox.behave) as [port]:
        webhook = make(f"http://127.0.0.1:{port}/")
        path, old = f"/webhooks/{webhook['id']}", webhook["signing_secret"]
        with delivering(app):
            assert accepts(old, *sent(ada, mailbox, 1))
            new = ada.post(f"{path}/secret-rotations").json["signing_secret"]
            both = sent(ada, mailbox, 2)
        assert ada.post(f"{path}/secret-retirements").status_code == 200
        with delivering(app):  # a new worker, which has not cached a secret yet
            alone = sent(ada, mailbox, 3)
    assert [accepts(secret, *both) for secret in (old, new)] == [True, True]
    assert [accepts(secret, *alone) for secret in (old, new)] == [False, True]


def test_a_retry_is_signed_anew_with_the_secret_of_its_moment(
    ada: Api, make: Make, database: Database, mailbox: Mailbox, address: str
) -> None:
    mailbox.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    webhook = make(address)
    publish(ada, rfp(1))
    until(lambda: mailbox.bodies)
    new = ada.post(f"/webhooks/{webhook['id']}/secret-rotations").json["signing_secret"]
    retrying = "SELECT state FROM delivery WHERE state = 'retrying'"
    until(lambda: rows(database, retrying))
    rows(database, "UPDATE delivery SET due_at = now()")
    until(lambda: len(mailbox.bodies) == 2)
    (first, _), (again, head) = zip(mailbox.bodies, mailbox.heads, strict=True)
    assert first == again
    assert mailbox.ids[0] == mailbox.ids[1]
    assert accepts(new, again, head)
    assert accepts(webhook["signing_secret"], again, head)


def verifies(key: nacl.signing.VerifyKey, body: bytes, head: dict[str, str]) -> bool:
    content = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
    found = [one for one in head["webhook-signature"].split(" ") if one.startswith("v1a,")]
    for one in found:
        try:
            key.verify(content, base64.b64decode(one.removeprefix("v1a,"), validate=True))
        except nacl.exceptions.BadSignatureError:
            continue
        return True
    return False


def test_another_ed25519_verifies_with_the_public_keys_alone_through_a_rotation(
    ada: Api, make: Make, mailbox: Mailbox, address: str
) -> None:
    webhook = make(address, signature_scheme="standard-webhooks-ed25519")
    old = public(webhook["signing_secret"])
    body, head = sent(ada, mailbox, 1)
    assert verifies(old, body, head)
    assert not verifies(old, body + b" ", head)
    assert not verifies(nacl.signing.SigningKey.generate().verify_key, body, head)
    rotated = ada.post(f"/webhooks/{webhook['id']}/secret-rotations").json
    new = public(rotated["signing_secret"])
    both = sent(ada, mailbox, 2)
    assert (verifies(old, *both), verifies(new, *both)) == (True, True)


def public(given: str) -> nacl.signing.VerifyKey:
    """Return the key that a receiver gets, ready to verify."""
    return nacl.signing.VerifyKey(base64.b64decode(given.removeprefix("whpk_"), validate=True))
