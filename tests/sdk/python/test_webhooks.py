"""Only a genuine delivery is an event; anything else is a VerificationError."""

import base64
import json
import re
import time
from typing import Any

import pytest
import standardwebhooks
from cpod_integration import CpodError, Secret, VerificationError, webhooks
from hypothesis import example, given
from hypothesis import strategies as st

from portal.webhooks.signing import standard_webhooks
from tests import ROOT

VECTORS = json.loads((ROOT / "tests/sdk/vectors.json").read_text())["cases"]
SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
BODY = b'{"type":"rfp.created","data":{"id":"rfp_1"}}'
NOW = 1731705121


def body_of(case: dict[str, Any]) -> bytes:
    return case["body"].encode() if "body" in case else base64.b64decode(case["body_base64"])


def verified(case: dict[str, Any]) -> Any:
    """Return the event, or the code of the refusal."""
    try:
        return webhooks.verify(
            case["headers"], body_of(case), case["secrets"],
            now=case["now"], tolerance=case.get("tolerance", 300),
        )  # fmt: skip
    except VerificationError as refusal:
        return refusal.code


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_a_vector(case):
    assert verified(case) == case.get("event", case.get("refused"))


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_the_portal_agrees(case):
    found = standard_webhooks.verify(
        case["secrets"], case["headers"], body_of(case),
        now=case["now"], tolerance=case.get("tolerance", 300),
    )  # fmt: skip
    # The portal looks at the signature alone, and does not read the body.
    assert found.code == {"not_json": "verified"}.get(refused := case.get("refused"), refused) or (
        found.verified and refused is None
    )


def signed(secret: str = SECRET, body: bytes = BODY, at: int = NOW) -> dict[str, str]:
    return standard_webhooks.headers(secret, "evt_1", body, at)


def test_the_official_verifier_agrees():
    now = int(time.time())
    headers = signed(at=now)
    assert standardwebhooks.Webhook(SECRET).verify(BODY, headers) == webhooks.verify(
        headers, BODY, SECRET
    )
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(BODY + b" ", headers)
    with pytest.raises(VerificationError):
        webhooks.verify(headers, BODY + b" ", SECRET)


def test_what_the_official_signer_signs_is_verified():
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    signature = standardwebhooks.Webhook(SECRET).sign("evt_1", now, BODY.decode())
    headers = {
        "Webhook-Id": "evt_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": signature,
    }
    assert webhooks.verify(headers, BODY, Secret(SECRET))["type"] == "rfp.created"


@pytest.mark.parametrize(
    "headers",
    [
        list(signed().items()),
        [(name.encode(), value.encode()) for name, value in signed().items()],
        {**signed(), "webhook-other": ["a", "b"], 3: None},
    ],
    ids=["pairs", "bytes, as ASGI gives them", "beside others"],
)
def test_headers_as_servers_give_them(headers):
    assert webhooks.verify(headers, BODY, SECRET, now=NOW)["type"] == "rfp.created"


def test_a_header_that_is_there_twice_is_refused():
    headers = [*signed().items(), ("Webhook-Id", "evt_2")]
    with pytest.raises(VerificationError) as refusal:
        webhooks.verify(headers, BODY, SECRET, now=NOW)
    assert refusal.value.code == "repeated_header"


ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | st.just(object()) | st.lists(st.text() | st.binary() | st.none(), max_size=3)
)  # fmt: skip
VALUES = ANYTHING | st.sampled_from(list(signed().values()))
NAMED = st.sampled_from([*signed(), *(name.title() for name in signed())])
HEADERS = (
    ANYTHING | st.dictionaries(NAMED | st.text(), VALUES) | st.lists(st.tuples(NAMED, VALUES))
    | st.fixed_dictionaries(dict.fromkeys(signed(), VALUES))
)  # fmt: skip


@example(headers=signed(), body="\ud800", secret=SECRET, now=NOW)
@example(headers=signed(), body=b"[" * 100_000, secret=SECRET, now=NOW)
@example(headers=signed(), body=BODY, secret=SECRET, now=float("nan"))
@example(headers=signed(), body=BODY, secret=SECRET, now=float("inf"))
@example(headers=signed(), body=BODY, secret="whsec_é", now=NOW)
@given(
    headers=HEADERS,
    body=ANYTHING | st.just(BODY),
    secret=ANYTHING | st.just(SECRET) | st.text().map("whsec_".__add__),
    now=st.just(NOW) | st.floats(),
)
def test_any_input_is_an_event_or_a_refusal(headers, body, secret, now):
    try:
        found: Any = webhooks.verify(headers, body, secret, now=now)
    except VerificationError as refusal:
        found = repr(refusal)
    assert found == json.loads(BODY) or SECRET[6:] not in found


@given(body=st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=5,
))  # fmt: skip
def test_what_is_signed_is_read_whole(body):
    raw = json.dumps({"data": body}).encode()
    headers = signed(body=raw)
    assert webhooks.verify(headers, raw, SECRET, now=NOW) == {"data": body}
    for name, value in headers.items():
        changed = {**headers, name: re.sub(r"[0-9A-Za-z]$", "!", value.rstrip("="))}
        with pytest.raises(VerificationError):
            webhooks.verify(changed, raw, SECRET, now=NOW)


def test_deeply_nested_json_is_a_refusal():
    raw = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    with pytest.raises(VerificationError) as refusal:
        webhooks.verify(signed(body=raw), raw, SECRET, now=NOW)
    assert refusal.value.code == "not_json"
    assert isinstance(refusal.value, CpodError)
