"""Test signatures against published vectors, the official verifier, and malformed input."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from portal.webhooks.signing.standard_webhooks import (
    InvalidKey,
    fingerprint,
    headers,
    new_key_pair,
    new_secret,
    public_key,
    sign,
    verify,
)

# Published with the Svix documentation; the key pair's seed is the bytes 0 to 31.
SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
ID, TIME = "msg_loFOjxBNrRLzqYUf", 1731705121
BODY = b'{"event_type":"ping","data":{"success":true}}'
V1 = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
PRIVATE = (
    "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA=="
)
PUBLIC = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
V1A = "v1a,72BzTrExfhGFUdJv1A30uL9zd7T9aPFuElKNBSNPqTOwLqBjBc+jRVg+94CgCT8ljRuY72fPbHNbxvi8+WEgDA=="


def message(signature: str = V1, **changes: str) -> dict[str, str]:
    return {"webhook-id": ID, "webhook-timestamp": str(TIME), "webhook-signature": signature} | {
        f"webhook-{name}": value for name, value in changes.items()
    }


def check(keys, received, body=BODY, now=TIME):
    return verify(keys, received, body, now=now)


def test_the_published_vectors():
    assert sign(SECRET, ID, TIME, BODY) == V1
    assert sign(PRIVATE, ID, TIME, BODY) == V1A
    assert public_key(PRIVATE) == PUBLIC
    assert check(SECRET, message()).verified
    assert check(PUBLIC, message(V1A)).verified
    assert check(PRIVATE, message(V1A)).verified


def test_a_new_secret_is_256_random_bits():
    secret = new_secret()
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert secret != new_secret()


def test_the_official_verifier_takes_what_we_sign():
    secret, body = new_secret(), '{"name":"Zoë ☃"}'
    signed = headers(secret, "msg_1", body.encode())
    assert Webhook(secret).verify(body, signed) == {"name": "Zoë ☃"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + " ", signed)


@given(st.binary(min_size=24, max_size=64), st.text(st.characters(codec="utf-8")))
def test_we_take_what_the_official_library_signs(raw, body):
    secret = "whsec_" + base64.b64encode(raw).decode()
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(TIME, UTC), body)
    assert sign(secret, "msg_1", TIME, body.encode()) == signature


def test_a_rotation_is_signed_by_both_newest_first():
    old, new = new_secret(), new_secret()
    both = headers([new, old], "msg_1", b"{}", TIME)
    assert [v.split(",")[0] for v in both["webhook-signature"].split(" ")] == ["v1", "v1"]
    assert both["webhook-signature"].split(" ")[0] == sign(new, "msg_1", TIME, b"{}")
    for secret in (old, new):
        assert check(secret, both, b"{}").fingerprint == fingerprint(secret)
        # The official verifier reads the clock of the machine.
        Webhook(secret).verify("{}", headers([new, old], "msg_1", b"{}"))
    assert check([new_secret(), old], both, b"{}").fingerprint == fingerprint(old)


def test_both_kinds_may_stand_side_by_side():
    mixed = headers([PRIVATE, SECRET], ID, BODY, TIME)
    assert mixed["webhook-signature"] == f"{V1A} {V1}"
    assert check(SECRET, mixed).verified
    assert check(PUBLIC, mixed).verified
    assert check(SECRET, message(f"v2,abcd junk {V1}")).verified


def test_a_fingerprint_is_of_the_keys_bytes():
    raw = base64.b64decode(SECRET.removeprefix("whsec_"))
    assert fingerprint(SECRET) == hashlib.sha256(raw).hexdigest()[:12]
    assert fingerprint(PRIVATE) == fingerprint(PUBLIC)
    private, public = new_key_pair()
    assert fingerprint(private) == fingerprint(public)
    assert fingerprint(private) != fingerprint(PRIVATE)


@pytest.mark.parametrize(
    ("received", "body", "now", "code"),
    [
        ({}, BODY, TIME, "missing_header"),
        (message(""), BODY, TIME, "missing_header"),
        (message(id=""), BODY, TIME, "missing_header"),
        (message(timestamp=""), BODY, TIME, "missing_header"),
        (message(id="msg.1"), BODY, TIME, "bad_id"),
        (message(id="msg 1"), BODY, TIME, "bad_id"),
        (message(id="ä"), BODY, TIME, "bad_id"),
        (message(timestamp="soon"), BODY, TIME, "bad_timestamp"),
        (message(timestamp="-5"), BODY, TIME, "bad_timestamp"),
        (message(timestamp=f"{TIME}.0"), BODY, TIME, "bad_timestamp"),
        (message(timestamp=f" {TIME}"), BODY, TIME, "bad_timestamp"),
        (message(timestamp="١٧٣١٧٠٥١٢١"), BODY, TIME, "bad_timestamp"),
        (message(timestamp="9" * 5000), BODY, TIME, "bad_timestamp"),
        (message(), BODY, TIME + 301, "too_old"),
        (message(), BODY, TIME - 301, "too_new"),
        (message("v1"), BODY, TIME, "malformed_signature"),
        (message("v1,"), BODY, TIME, "malformed_signature"),
        (message("v1,!!!"), BODY, TIME, "malformed_signature"),
        (message("v1,a\udc80"), BODY, TIME, "malformed_signature"),
        (message(","), BODY, TIME, "malformed_signature"),
        (message(" "), BODY, TIME, "malformed_signature"),
        (message("☃"), BODY, TIME, "malformed_signature"),
        (message(" ".join([V1] * 200)), BODY, TIME, "malformed_signature"),
        (message("v1a,abc v1"), BODY, TIME, "malformed_signature"),
        (message(V1A), BODY, TIME, "other_kind"),
        (message("v2,abcd"), BODY, TIME, "other_kind"),
        (message(V1.replace("v1,", "v1a,")), BODY, TIME, "other_kind"),
        (message("v1,abcd"), BODY, TIME, "no_match"),
        (message(V1.replace("r", "s", 1)), BODY, TIME, "no_match"),
        (message(id=ID + "x"), BODY, TIME, "no_match"),
        (message(timestamp=f"0{TIME}"), BODY, TIME, "no_match"),
        (message(timestamp=str(TIME + 1)), BODY, TIME, "no_match"),
        (message(), BODY + b" ", TIME, "no_match"),
        (message(), b"\xff\xfe", TIME, "no_match"),
        (message(), b"", TIME, "no_match"),
    ],
)
def test_what_is_not_genuine_is_refused_with_a_reason(received, body, now, code):
    verification = check(SECRET, received, body, now)
    assert not verification.verified
    assert verification.code == code
    assert verification.reason
    assert verification.fingerprint is None


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_five_minutes_either_way_are_tolerated(off):
    assert check(SECRET, message(), now=TIME + off).verified


def test_header_names_come_in_any_case():
    assert check(SECRET, {name.title(): value for name, value in message().items()}).verified


def test_a_public_key_is_never_a_shared_secret():
    """Check a message that anybody can forge, with the published key as if it were an HMAC
    secret."""
    forged = "whsec_" + PUBLIC.removeprefix("whpk_")
    assert check(PUBLIC, message(sign(forged, ID, TIME, BODY))).code == "other_kind"
    as_v1a = sign(forged, ID, TIME, BODY).replace("v1,", "v1a,")
    assert check(PUBLIC, message(as_v1a)).code == "no_match"


@pytest.mark.parametrize(
    "key",
    [
        "", "secret", "whsec_", "whsec_!!!!", "whsec_YWJj", "whsec_" + "YWJj" * 30,
        SECRET.removeprefix("whsec_"), "whsk_" + SECRET.removeprefix("whsec_"),
        "whpk_" + PRIVATE.removeprefix("whsk_"), PRIVATE[:-6] + "AAAA==", "whsec_\udc80",
        SECRET + " ", SECRET + "\n",
    ],
)  # fmt: skip
def test_what_is_no_key_is_named_so_without_repeating_it(key):
    assert check(key, message()).code == "bad_key"
    for attempt in (lambda: sign(key, ID, TIME, BODY), lambda: fingerprint(key)):
        with pytest.raises(InvalidKey) as refusal:
            attempt()
        assert len(key) < 7 or key not in str(refusal.value)


def test_a_public_key_signs_nothing():
    with pytest.raises(InvalidKey):
        sign(PUBLIC, ID, TIME, BODY)


@pytest.mark.parametrize("bad", ["", "msg.1", "a b", "a\n", "ä", "x" * 257])
def test_an_id_that_would_be_ambiguous_is_not_signed(bad):
    with pytest.raises(ValueError, match="message id"):
        sign(SECRET, bad, TIME, BODY)


def test_without_a_secret_nothing_is_verified():
    assert check([], message()).code == "no_secret"


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "x"]),
        st.one_of(st.text(), st.sampled_from([ID, str(TIME), V1, "v1,", "v1a,"])),
    ),
    st.binary(),
)
def test_no_junk_makes_it_raise(received, body):
    for key in (SECRET, PUBLIC):
        assert not check(key, received, body + b"x").verified


def test_the_timestamp_of_now_is_the_default():
    received = headers(SECRET, ID, BODY)
    assert verify(SECRET, received, BODY).verified
    sent = datetime.fromtimestamp(int(received["webhook-timestamp"]), UTC)
    assert abs(datetime.now(UTC) - sent) < timedelta(minutes=1)
