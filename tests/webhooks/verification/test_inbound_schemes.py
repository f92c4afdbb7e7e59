"""Test every inbound scheme against a vector, and inputs that no scheme may ever accept.

Published vectors are the providers' own. The computed ones follow the documented formula in a few
lines here, and share no code with the verifier.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from portal.webhooks.verification.codes import Code
from portal.webhooks.verification.documents import documents
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import SCHEMES
from portal.webhooks.verification.signature_check import key_problem, verify, wanted
from tests.thorough import times

NOW = 1_731_705_121
STAMP = str(NOW)
SECRET = "a-shared-secret-of-the-tests"
BODY = b'{"id":"evt_1","type":"invoice.paid","data":{"amount":12}}'
URL = "https://portal.example/in/whk_1?source=x"
CODES = {code for kinds in get_args(Code) for code in get_args(kinds)}


@dataclass(frozen=True)
class Vector:
    """One genuine request of a scheme."""

    headers: Mapping[str, str]
    body: bytes = BODY
    secret: str = SECRET
    now: float = NOW
    url: str = URL
    method: str = "POST"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def message(self, **changes: Any) -> Message:
        given = {"headers": tuple(self.headers.items()), "body": self.body, "url": self.url}
        return Message(**{"method": self.method, **given, **changes})


def hexed(content: bytes | str, kind: str = "sha256", key: str = SECRET) -> str:
    content = content.encode() if isinstance(content, str) else content
    return hmac.new(key.encode(), content, kind).hexdigest()


def b64ed(content: bytes | str, kind: str = "sha256", key: str = SECRET) -> str:
    content = content.encode() if isinstance(content, str) else content
    return base64.b64encode(hmac.new(key.encode(), content, kind).digest()).decode()


TEXT = BODY.decode()
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
P256 = generate_private_key(SECP256R1())
P256_PUBLIC = base64.b64encode(
    P256.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
).decode()
ISO = datetime.fromtimestamp(NOW, UTC).isoformat()
LINEAR = json.dumps({"type": "Issue", "webhookTimestamp": NOW * 1000}).encode()
MAILGUN = json.dumps(
    {
        "signature": {"timestamp": STAMP, "token": "t" * 50, "signature": hexed(STAMP + "t" * 50)},
        "event-data": {"event": "delivered"},
    }
).encode()
GRAPH = json.dumps(
    {"value": [{"clientState": SECRET, "changeType": "created"}, {"clientState": SECRET}]}
).encode()
SLACK = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
STANDARD = Vector(
    {
        "webhook-id": "msg_loFOjxBNrRLzqYUf",
        "webhook-timestamp": "1731705121",
        "webhook-signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    },
    b'{"event_type":"ping","data":{"success":true}}',
    "whsec_plJ3nmyCDGBKInavdOK15jsl",
)

DIGEST = hashlib.sha256(BODY).hexdigest()
DIGEST_64 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
RSA, EC = RSAKey.generate_key(2048), ECKey.generate_key("P-256", {"kid": "one"})
SHARED = OctKey.import_key(SECRET)
RSA_PUBLIC, EC_PUBLIC = RSA.as_pem(private=False).decode(), json.dumps(EC.as_dict(private=False))


def token(kind: str, key: Any, digest: str | None, **claims: Any) -> str:
    """Return a token as a sender makes it: valid for five minutes from NOW, for this body."""
    said = {"iat": NOW, "exp": NOW + 300, **claims}
    said |= {"request_body_sha256": digest} if digest else {}
    head = {"alg": kind} | ({"kid": key.kid} if key.kid else {})
    return jws.serialize_compact(head, json.dumps(said).encode(), key, algorithms=[kind])


TOPIC = "arn:aws:sns:eu-central-1:123456789012:orders"
CERTIFICATE_AT = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem"
AMAZON = generate_rsa(65537, 2048)


def certificate(days: int = 365) -> bytes:
    """Return a stand-in for Amazon's certificate, valid from NOW until so many days from today."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    begins, ends = datetime.fromtimestamp(NOW - 1, UTC), datetime.now(UTC) + timedelta(days)
    made = x509.CertificateBuilder(name, name, AMAZON.public_key(), x509.random_serial_number())
    made = made.not_valid_before(begins).not_valid_after(ends)
    return made.sign(AMAZON, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def sns(kind: str = "Notification", version: str = "2", **changes: Any) -> bytes:
    """Return a message of Amazon SNS, signed over its documented list of names and values."""
    said: dict[str, Any] = {
        "Type": kind,
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "TopicArn": TOPIC,
        "Message": '{"order":1}',
        "Timestamp": "2024-11-15T21:12:01.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_AT,
        **changes,
    }
    names = ["Message", "MessageId", "Timestamp", "TopicArn", "Type"]
    if kind == "Notification":
        names[2:2] = ["Subject"] if "Subject" in said else []
    else:
        names[2:2] = ["SubscribeURL"]
        names[4:4] = ["Token"]
    text = "".join(f"{name}\n{said[name]}\n" for name in names).encode()
    kinds: dict[str, Any] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303
    signature = AMAZON.sign(text, PKCS1v15(), kinds[version])
    return json.dumps({**said, "Signature": base64.b64encode(signature).decode()}).encode()


documents.keep(CERTIFICATE_AT, certificate(), "tnt_test")
SNS = Vector({}, sns(Subject="An order"), TOPIC)

PUBLISHED = {
    "standard-webhooks": STANDARD,
    "inbox": STANDARD,
    "github": Vector(
        {
            "X-Hub-Signature-256": "sha256="
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        },
        b"Hello, World!",
        "It's a Secret to Everybody",
    ),
    "slack": Vector(
        {
            "X-Slack-Request-Timestamp": "1531420618",
            "X-Slack-Signature": "v0="
            "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        },
        SLACK,
        "8f742231b10e8888abcd99yyyzzz85a5",
        now=1531420618,
    ),
    "twilio": Vector(
        {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": "0/KCTR6DLpKmkAf8muzZqo1nDgQ=",
        },
        b"CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030"
        b"&To=%2B18005551212",
        "12345",
        url="https://mycompany.com/myapp.php?foo=1&bar=2",
    ),
}
COMPUTED = {
    "stripe": Vector(
        {"Stripe-Signature": f"t={STAMP},v1={hexed(f'{STAMP}.{TEXT}')},v0={'0' * 64}"}
    ),
    "shopify": Vector({"X-Shopify-Hmac-SHA256": b64ed(BODY)}),
    "sendgrid": Vector(
        {
            "X-Twilio-Email-Event-Webhook-Timestamp": STAMP,
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(
                P256.sign(STAMP.encode() + BODY, ECDSA(hashes.SHA256()))
            ).decode(),
        },
        secret=P256_PUBLIC,
    ),
    "hubspot": Vector(
        {
            "X-HubSpot-Request-Timestamp": f"{STAMP}000",
            "X-HubSpot-Signature-v3": b64ed(f"POST{URL}{TEXT}{STAMP}000"),
        }
    ),
    "square": Vector({"x-square-hmacsha256-signature": b64ed(URL + TEXT)}),
    "zoom": Vector(
        {
            "x-zm-request-timestamp": STAMP,
            "x-zm-signature": "v0=" + hexed(f"v0:{STAMP}:{TEXT}"),
        }
    ),
    "gitlab": Vector({"X-Gitlab-Token": SECRET}),
    "jira": Vector({"X-Hub-Signature": "sha256=" + hexed(BODY)}),
    "linear": Vector({"Linear-Signature": hexed(LINEAR)}, LINEAR),
    "pagerduty": Vector({"X-PagerDuty-Signature": f"v1={'0' * 64},v1={hexed(BODY)}"}),
    "sentry": Vector({"Sentry-Hook-Signature": hexed(BODY)}),
    "zendesk": Vector(
        {
            "X-Zendesk-Webhook-Signature": b64ed("2024-11-15T21:12:01Z" + TEXT),
            "X-Zendesk-Webhook-Signature-Timestamp": "2024-11-15T21:12:01Z",
        }
    ),
    "intercom": Vector({"X-Hub-Signature": "sha1=" + hexed(BODY, "sha1")}),
    "meta": Vector({"X-Hub-Signature-256": "sha256=" + hexed(BODY)}),
    "twitter": Vector({"X-Twitter-Webhooks-Signature": "sha256=" + b64ed(BODY)}),
    "paddle": Vector(
        {"Paddle-Signature": f"ts={STAMP};h1={'0' * 64};h1={hexed(f'{STAMP}:{TEXT}')}"}
    ),
    "discord": Vector(
        {
            "X-Signature-Timestamp": STAMP,
            "X-Signature-Ed25519": ED25519.sign(STAMP.encode() + BODY).hex(),
        },
        secret=ED25519.public_key().public_bytes_raw().hex(),
    ),
    "docusign": Vector(
        {
            "X-DocuSign-Signature-1": b64ed(BODY, key="another key of the account"),
            "X-DocuSign-Signature-2": b64ed(BODY),
        }
    ),
    "mailgun": Vector({"Content-Type": "application/json"}, MAILGUN),
    "typeform": Vector({"Typeform-Signature": "sha256=" + b64ed(BODY)}),
    "calendly": Vector({"Calendly-Webhook-Signature": f"t={STAMP},v1={hexed(f'{STAMP}.{TEXT}')}"}),
    "dropbox": Vector({"X-Dropbox-Signature": hexed(BODY)}),
    "box": Vector({"BOX-DELIVERY-TIMESTAMP": ISO, "BOX-SIGNATURE-PRIMARY": b64ed(TEXT + ISO)}),
    "vercel": Vector({"x-vercel-signature": hexed(BODY, "sha1")}),
    "woocommerce": Vector({"X-WC-Webhook-Signature": b64ed(BODY)}),
    "webflow": Vector(
        {
            "x-webflow-timestamp": f"{STAMP}000",
            "x-webflow-signature": hexed(f"{STAMP}000:{TEXT}"),
        }
    ),
    "elevenlabs": Vector({"ElevenLabs-Signature": f"t={STAMP},v0={hexed(f'{STAMP}.{TEXT}')}"}),
    "gitea": Vector({"X-Gitea-Signature": hexed(BODY)}),
    "okta": Vector({"Authorization": SECRET}),
    "microsoft-graph": Vector({}, GRAPH),
    "contentful": Vector(
        {
            "x-contentful-signed-headers": "content-type,x-contentful-timestamp",
            "x-contentful-timestamp": f"{STAMP}000",
            "Content-Type": "application/json",
            "x-contentful-signature": hexed(
                "POST\n/in/whk_1?source=x\n"
                f"content-type:application/json;x-contentful-timestamp:{STAMP}000\n{TEXT}"
            ),
        }
    ),
    "azure-event-grid": Vector({"X-Webhook-Secret": SECRET}),
    "aws-sns": SNS,
    "fusionauth": Vector(
        {"X-FusionAuth-Signature-JWT": token("RS256", RSA, DIGEST_64)}, secret=RSA_PUBLIC
    ),
    "plaid": Vector({"Plaid-Verification": token("ES256", EC, DIGEST)}, secret=EC_PUBLIC),
    "jwt": Vector({"Authorization": "Bearer " + token("HS256", SHARED, None)}),
    "hmac-sha256-hex": Vector({"X-Signature": hexed(BODY)}),
    "hmac-sha256-base64": Vector({"X-Signature": b64ed(BODY)}),
    "hmac-sha512-hex": Vector({"X-Signature": hexed(BODY, "sha512")}),
    "hmac-sha1-hex": Vector({"X-Signature": hexed(BODY, "sha1")}),
    "timestamped-hmac": Vector({"X-Signature": f"t={STAMP},v1={hexed(f'{STAMP}.{TEXT}')}"}),
    "bearer": Vector({"Authorization": f"Bearer {SECRET}"}),
    "api-key": Vector({"X-API-Key": SECRET}),
    "basic": Vector(
        {"Authorization": "Basic " + base64.b64encode(b"splunk:pa:ss").decode()},
        secret="splunk:pa:ss",
    ),
}
VECTORS = PUBLISHED | COMPUTED
every_scheme = pytest.mark.parametrize("name", sorted(SCHEMES))


def judge(name: str, vector: Vector, *, secrets: list[str] | None = None, **changes: Any) -> Any:
    known = [vector.secret] if secrets is None else secrets
    return verify(SCHEMES[name], known, vector.message(**changes), now=vector.now)


def other_secret(name: str) -> str:
    """Return a valid secret of the scheme's kind, but not the right one."""
    return {
        "standard-webhooks": "whsec_" + base64.b64encode(bytes(24)).decode(),
        "inbox": "whsec_" + base64.b64encode(bytes(24)).decode(),
        "aws-sns": TOPIC + "-of-others",
        "fusionauth": RSAKey.generate_key(2048).as_pem(private=False).decode(),
        "plaid": json.dumps(ECKey.generate_key("P-256").as_dict(private=False)),
        "discord": Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex(),
        "sendgrid": base64.b64encode(
            generate_private_key(SECP256R1())
            .public_key()
            .public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        ).decode(),
    }.get(name, "somebody:elses-secret")


def test_every_scheme_has_a_vector() -> None:
    assert set(VECTORS) == set(SCHEMES)
    assert len(SCHEMES) >= 40


@every_scheme
def test_a_genuine_request_is_verified(name: str) -> None:
    found = judge(name, VECTORS[name])
    assert (found.verified, found.code) == (True, "verified"), found
    assert found.secret == VECTORS[name].secret
    assert found.secret not in repr(found)


@every_scheme
def test_header_names_come_in_any_case(name: str) -> None:
    vector = VECTORS[name]
    upper = replace(vector, headers={k.upper(): v for k, v in vector.headers.items()})
    assert judge(name, upper).verified


@every_scheme
def test_a_foreign_secret_verifies_nothing_and_one_of_several_is_enough(name: str) -> None:
    vector = VECTORS[name]
    found = judge(name, vector, secrets=[other_secret(name)])
    assert (found.verified, found.code) == (False, "no_match")
    assert judge(name, vector, secrets=[other_secret(name), vector.secret]).verified


@every_scheme
def test_without_a_secret_nothing_is_verified(name: str) -> None:
    for secrets in ([], [""]):
        found = judge(name, VECTORS[name], secrets=secrets)
        assert (found.verified, found.code) == (False, "no_secret")


UNSIGNED_BODY = {"mailgun", "microsoft-graph"} | {
    name for name, scheme in SCHEMES.items() if scheme.hides_credential
}


@every_scheme
def test_one_changed_byte_of_the_body_is_noticed(name: str) -> None:
    vector = VECTORS[name]
    found = judge(name, vector, body=vector.body.replace(b"1", b"2", 1) + b" ")
    if name in UNSIGNED_BODY:  # their providers do not sign the body, as the page says
        assert SCHEMES[name].note
        return
    assert not found.verified


@every_scheme
def test_without_its_headers_it_is_refused_with_a_reason(name: str) -> None:
    found = judge(name, VECTORS[name], headers=(), body=b"")
    assert not found.verified
    assert found.code in CODES
    assert found.reason.endswith(".")


@pytest.mark.parametrize("name", [n for n, s in sorted(SCHEMES.items()) if s.tolerance])
def test_the_past_and_the_future_are_refused(name: str) -> None:
    vector, tolerance = VECTORS[name], SCHEMES[name].tolerance
    scheme, secrets, message = SCHEMES[name], [vector.secret], vector.message()
    assert verify(scheme, secrets, message, now=vector.now + tolerance).verified
    old = verify(scheme, secrets, message, now=vector.now + tolerance + 2)
    new = verify(scheme, secrets, message, now=vector.now - tolerance - 2)
    assert [old.code, new.code] == ["too_old", "too_new"]


def test_a_body_that_the_address_does_not_name_is_refused() -> None:
    body = b'{"a": 1}'
    url = f"https://portal.example/in/x?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": b64ed(url, "sha1")}
    vector = Vector(headers, body, url=url)
    assert judge("twilio", vector).verified
    assert judge("twilio", vector, body=b'{"a": 2}').code == "body_changed"


def test_an_address_is_verified_with_its_port_and_without() -> None:
    signed = "https://portal.example:443/in/x?y=1"
    vector = Vector({"x-square-hmacsha256-signature": b64ed(signed + TEXT)})
    assert judge("square", vector, url="https://portal.example/in/x?y=1").verified
    assert not judge("square", vector, url="https://portal.example:8443/in/x?y=1").verified


def test_every_item_must_have_the_right_credential() -> None:
    items = [{"clientState": SECRET}] * 30 + [{"clientState": "foreign"}]
    assert not judge("microsoft-graph", Vector({}, json.dumps({"value": items}).encode())).verified


def test_a_public_key_is_no_shared_secret() -> None:
    public = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    raw = base64.b64decode(public.removeprefix("whpk_"))
    signed = b"msg_1." + STAMP.encode() + b"." + BODY
    forged = base64.b64encode(hmac.digest(raw, signed, "sha256")).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": STAMP, "webhook-signature": forged}
    for entry in (f"v1,{forged}", f"v1a,{forged}"):
        vector = Vector({**headers, "webhook-signature": entry}, secret=public)
        assert not judge("standard-webhooks", vector).verified


def test_svix_headers_are_known() -> None:
    renamed = {k.replace("webhook", "svix"): v for k, v in STANDARD.headers.items()}
    assert judge("standard-webhooks", replace(STANDARD, headers=renamed)).verified


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("discord", "zz"),
        ("discord", "ab" * 31),
        ("sendgrid", "bm90IGEga2V5"),
        ("standard-webhooks", "my-secret"),
        ("standard-webhooks", "whsec_***"),
        ("basic", "without-a-colon"),
        ("aws-sns", "orders"),
        ("jwt", "too short"),
        ("plaid", '{"keys": []}'),
        ("plaid", '{"keys": [{"kty": "oct", "k": "c2VjcmV0LW9mLWV2ZXJ5Ym9keQ"}]}'),
        ("fusionauth", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
    ],
)
def test_what_cannot_be_a_key_is_said(name: str, secret: str) -> None:
    assert key_problem(SCHEMES[name], secret)
    assert secret not in (key_problem(SCHEMES[name], secret) or "")
    assert not judge(name, replace(VECTORS[name], secret=secret)).verified


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_its_own_secret_is_no_problem(name: str) -> None:
    assert key_problem(SCHEMES[name], VECTORS[name].secret) is None


# ---------------------------------------------------------------- tokens


@pytest.mark.parametrize(
    ("kind", "key", "secret"),
    [
        ("HS512", SHARED, SECRET),
        ("PS256", RSA, RSA_PUBLIC),
        ("RS256", RSA, json.dumps({"keys": [EC.as_dict(), RSA.as_dict(private=False)]})),
        ("ES256", EC, json.dumps({"keys": [RSA.as_dict(private=False), EC.as_dict()]})),
    ],
)
def test_a_token_is_taken_in_every_algorithm_of_its_key(kind: str, key: Any, secret: str) -> None:
    public = json.loads(secret) if secret.startswith("{") else None
    if public:
        for one in public["keys"]:
            one.pop("d", None)
        secret = json.dumps(public)
    sent = Vector({"Authorization": f"Bearer {token(kind, key, None)}"}, secret=secret)
    assert judge("jwt", sent).verified


def test_the_key_says_the_algorithm_and_not_the_token() -> None:
    """Check a token that uses the public key as a shared secret, and one without a signature."""

    def part(text: bytes) -> str:
        return base64.urlsafe_b64encode(text).decode().rstrip("=")

    claims = part(json.dumps({"exp": NOW + 9}).encode())
    shared = part(b'{"alg":"HS256"}') + "." + claims
    mac = hmac.digest(RSA_PUBLIC.encode(), shared.encode(), "sha256")
    for forged in (f"{shared}.{part(mac)}", part(b'{"alg":"none"}') + f".{claims}."):
        sent = Vector({"Authorization": f"Bearer {forged}"}, secret=RSA_PUBLIC)
        assert judge("jwt", sent).code == "no_match"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": NOW - 100}, "too_old"),
        ({"nbf": NOW + 100}, "too_new"),
        ({"iat": NOW + 100}, "too_new"),
        ({"exp": "soon"}, "bad_timestamp"),
    ],
)
def test_a_token_holds_for_its_time(claims: dict[str, Any], code: str) -> None:
    sent = Vector({"Authorization": f"Bearer {token('HS256', SHARED, None, **claims)}"})
    assert judge("jwt", sent).code == code


def test_a_token_that_holds_for_ever_is_none() -> None:
    endless = jws.serialize_compact({"alg": "HS256"}, b'{"sub": "x"}', SHARED)
    sent = Vector({"Authorization": f"Bearer {endless}"})
    assert judge("jwt", sent).code == "bad_timestamp"


def test_a_token_that_names_a_body_is_held_to_it() -> None:
    for digest in (DIGEST, DIGEST_64, DIGEST_64.replace("+", "-").replace("/", "_").rstrip("=")):
        sent = Vector({"Authorization": f"Bearer {token('HS256', SHARED, digest)}"})
        assert judge("jwt", sent).verified
        assert judge("jwt", sent, body=BODY + b" ").code == "body_changed"
    without = Vector({"Plaid-Verification": token("ES256", EC, None)}, secret=EC_PUBLIC)
    assert judge("plaid", without).code == "body_changed"


PUBLIC_DER = base64.b64encode(
    serialization.load_pem_public_key(RSA_PUBLIC.encode()).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
).decode()
KNOWN_TO_ALL = {
    "an address in capitals": "HTTPS://login.example.com/.well-known/jwks.json",
    "an address without TLS": "http://login.example.com/.well-known/jwks.json",
    "an address without a scheme": "login.example.com/.well-known/jwks.json",
    "a key without PEM lines": PUBLIC_DER,
    "a key in several lines": "\n".join(re.findall(".{1,64}", PUBLIC_DER)),
    "a key for addresses": PUBLIC_DER.replace("+", "-").replace("/", "_").rstrip("="),
    "a key in hex": base64.b64decode(PUBLIC_DER).hex(),
    "a list of keys": json.dumps([RSA.as_dict(private=False)]),
}


@pytest.mark.parametrize("scheme", ["jwt", "fusionauth"])
@pytest.mark.parametrize("secret", KNOWN_TO_ALL.values(), ids=KNOWN_TO_ALL)
def test_what_everybody_knows_is_no_shared_secret(scheme: str, secret: str) -> None:
    key = OctKey.import_key(secret)
    forged = token("HS256", key, DIGEST)
    headers = {"Authorization": f"Bearer {forged}", "X-FusionAuth-Signature-JWT": forged}
    assert not judge(scheme, Vector(headers, secret=secret)).verified


def test_a_list_of_keys_is_a_set_of_them() -> None:
    said = token("RS256", RSA, None)
    both = json.dumps([EC.as_dict(private=False), RSA.as_dict(private=False)])
    assert judge("jwt", Vector({"Authorization": f"Bearer {said}"}, secret=both)).verified


def test_a_private_key_is_not_taken_for_a_public_one() -> None:
    said = key_problem(SCHEMES["jwt"], RSA.as_pem(private=True).decode())
    assert "private key" in (said or "")


# ---------------------------------------------------------------- Amazon SNS


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("kind", ["Notification", "SubscriptionConfirmation"])
def test_messages_of_both_kinds_and_versions_are_verified(kind: str, version: str) -> None:
    body = sns(kind, version, SubscribeURL="https://sns.eu-central-1.amazonaws.com/?x", Token="t")
    assert judge("aws-sns", replace(SNS, body=body)).verified
    assert judge("aws-sns", replace(SNS, body=body.replace(b"order", b"0rder"))).code == "no_match"


@pytest.mark.parametrize(
    "address",
    [
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-central-1.amazonaws.com/a.pem",
        "https://evil@sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com/a.txt",
        "https://bucket.s3.amazonaws.com/a.pem",
        "https://sns.s3-us-west-2.amazonaws.com/a.pem",
        "https://sns.s3-accelerate.amazonaws.com/a.pem",
        "https://sns.s3-website-us-east-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com\\@evil.example/a.pem",
        7,
    ],
)
def test_a_certificate_of_any_other_place_is_not_even_asked_for(address: Any) -> None:
    vector = replace(SNS, body=sns(SigningCertURL=address))
    assert judge("aws-sns", vector).code == "no_certificate"
    assert wanted(SCHEMES["aws-sns"], [TOPIC], vector.message()) == []


def test_a_certificate_is_asked_for_only_for_the_own_topic() -> None:
    address = "https://sns.eu-central-1.amazonaws.com/another.pem"
    message = replace(SNS, body=sns(SigningCertURL=address)).message()
    assert wanted(SCHEMES["aws-sns"], [TOPIC], message) == [address]
    assert wanted(SCHEMES["aws-sns"], [f"{TOPIC}-of-others"], message) == []


def test_a_certificate_that_has_run_out_signs_nothing() -> None:
    def judged_at(moment: float) -> str:
        look, message = (lambda _: certificate(days=-1)), SNS.message()
        return verify(SCHEMES["aws-sns"], [TOPIC], message, now=moment, look=look).code

    assert judged_at(datetime.now(UTC).timestamp()) == "no_match"
    assert judged_at(NOW) == "verified", "what was kept is judged by the clock of then"


JUNK = st.text(max_size=60) | st.sampled_from(
    [
        "v1,",
        "v1,!!!",
        "v1a,abc v1",
        "sha256=",
        "sha256=é",
        "t=,v1=",
        "t=1,v1=zz",
        ",,,",
        "=",
        "Basic",
    ]
)


def mangled(draw: Callable[[Any], Any], vector: Vector) -> Message:
    headers = [(name, draw(JUNK)) for name in vector.headers]
    return vector.message(headers=headers, body=draw(st.binary(max_size=80)))


@settings(max_examples=times(400), deadline=None)
@given(st.data())
def test_junk_is_refused_and_never_fails(data: Any) -> None:
    name = data.draw(st.sampled_from(sorted(SCHEMES)))
    vector = VECTORS[name]
    message = mangled(data.draw, vector)
    found = verify(SCHEMES[name], [vector.secret], message, now=NOW)
    assert not found.verified
    assert found.code in CODES


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b'{"value":[{"clientState":"\\ud800"}]}',
        b"[" * 100_000,
        b'{"webhookTimestamp": ' + b"9" * 5000 + b"}",
        b'{"signature": {"timestamp": 1e400, "token": [], "signature": {}}}',
    ],
)
@every_scheme
def test_hostile_bodies_are_refused_and_never_fail(name: str, body: bytes) -> None:
    found = judge(name, VECTORS[name], body=body)
    if name not in UNSIGNED_BODY:
        assert not found.verified
