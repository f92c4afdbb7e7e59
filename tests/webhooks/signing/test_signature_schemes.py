"""Test the signature formats of others, against their published vectors and our own verifiers."""

import base64
import hashlib
import hmac

import pytest

from portal.webhooks.signing import signature_schemes, standard_webhooks
from tests.cast import Api
from tests.delivery.test_engine import engine, header, publish, rfp, until
from tests.webhooks.conftest import Make, Receiver

__all__ = ["engine"]


def test_githubs_published_vector() -> None:
    found = signature_schemes.github(["It's a Secret to Everybody"], b"Hello, World!", 0)
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert found == {"x-hub-signature-256": f"sha256={digest}"}


def test_stripes_style_signs_time_and_body_with_every_secret() -> None:
    found = signature_schemes.stripe(["whsec_new", "whsec_old"], b'{"a":1}', 1492774577)
    time, new, old = found["cpod-signature"].split(",")
    wanted = hmac.new(b"whsec_new", b'1492774577.{"a":1}', hashlib.sha256).hexdigest()
    assert (time, new) == ("t=1492774577", f"v1={wanted}")
    assert old.startswith("v1=")


def test_plain_styles_are_the_same_digest() -> None:
    in_hex = signature_schemes.plain_hex(["one", "two"], b"body", 0)
    in_base64 = signature_schemes.plain_base64(["one", "two"], b"body", 0)
    assert set(in_hex) == set(in_base64) == {"cpod-signature", "cpod-signature-previous"}
    for name, value in in_hex.items():
        assert base64.b64decode(in_base64[name]).hex() == value
    several = signature_schemes.plain_hex(["one", "two", "three", "four"], b"body", 0)
    previous = [name.removeprefix("cpod-signature") for name in several]
    assert previous == ["", "-previous", "-previous-2", "-previous-3"]


def test_the_published_key_pair_signs_v1a() -> None:
    public = base64.b64decode("A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")
    pair = "whsk_" + base64.b64encode(bytes(range(32)) + public).decode()
    body = b'{"event_type":"ping","data":{"success":true}}'
    found = signature_schemes.headers(
        "standard-webhooks-ed25519", [pair], "msg_loFOjxBNrRLzqYUf", body, 1731705121
    )
    assert found["webhook-signature"] == (
        "v1a,72BzTrExfhGFUdJv1A30uL9zd7T9aPFuElKNBSNPqTOwLqBjBc+jRVg+94CgCT8ljRuY72fPbHNbxvi8+WEgDA=="
    )


@pytest.mark.usefixtures("engine")
def test_a_receiver_verifies_ed25519_with_the_public_key_it_was_given(
    ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"), signature_scheme="standard-webhooks-ed25519")
    assert webhook["signing_secret"].startswith("whpk_")
    receiver.learn("crm", webhook["signing_secret"])
    publish(ada, rfp(1))
    [mail] = until(lambda: receiver.mail("crm"))
    assert mail["verified"]


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("scheme", sorted(signature_schemes.STYLES))
def test_a_webhook_is_signed_in_the_style_that_was_chosen(
    scheme: str, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"), signature_scheme=scheme)
    publish(ada, rfp(1))
    [mail] = until(lambda: receiver.mail("crm"))
    names = {name.lower(): value for name, value in mail["headers"].items()}
    sent = int(header(mail, "webhook-timestamp") or 0)
    style = signature_schemes.STYLES[scheme](
        [webhook["signing_secret"]], mail["body"].encode(), sent
    )
    assert names.items() >= style.items()
    assert standard_webhooks.fingerprint(webhook["signing_secret"])
