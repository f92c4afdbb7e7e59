"""Sign outgoing requests: Standard Webhooks, and the formats of others for receivers that already
verify those.

    standard-webhooks           webhook-signature: v1,<base64>         HMAC-SHA256 of id.time.body
    standard-webhooks-ed25519   webhook-signature: v1a,<base64>        ed25519 of id.time.body
    github                      x-hub-signature-256: sha256=<hex>      HMAC-SHA256 of the body
    stripe                      cpod-signature: t=<time>,v1=<hex>[,…]  HMAC-SHA256 of time.body
    hmac-sha256-hex             cpod-signature: <hex>                  HMAC-SHA256 of the body
    hmac-sha256-base64          cpod-signature: <base64>               HMAC-SHA256 of the body

All but the first two use the whole text of the secret as their key. If a format has room for only
one signature, that of the previous secret, while it still signs, is sent in a second header, whose
name ends in `-previous`. Those of secrets before that one are sent in `-previous-2` and
`-previous-3`. The id and the time are sent in every format.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, get_args

from portal.core.config import running
from portal.webhooks.signing import standard_webhooks

Scheme = Literal[
    "standard-webhooks",
    "standard-webhooks-ed25519",
    "github",
    "stripe",
    "hmac-sha256-hex",
    "hmac-sha256-base64",
]
SCHEMES: tuple[str, ...] = get_args(Scheme)
OWN_HEADER = "cpod-signature"
Headers = dict[str, str]


def new_secret(scheme: str) -> str:
    """Return a new secret to sign with: a shared secret, or for ed25519 a key pair."""
    is_pair = scheme == "standard-webhooks-ed25519"
    return standard_webhooks.new_key_pair()[0] if is_pair else standard_webhooks.new_secret()


def shown(secret: str) -> str:
    """Return what the receiver needs to verify: the shared secret, or the public key of a key
    pair."""
    return standard_webhooks.public_key(secret) if secret.startswith("whsk_") else secret


def headers(
    scheme: str, keys: Sequence[str], message_id: str, body: bytes, timestamp: int
) -> Headers:
    """Return the headers that identify and sign one attempt. The key in use must come first."""
    if scheme not in STYLES:
        return standard_webhooks.headers(keys, message_id, body, timestamp)
    named = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    return {**named, **STYLES[scheme](keys, body, timestamp)}


def github(keys: Sequence[str], body: bytes, timestamp: int) -> Headers:
    """Return the headers in the format of GitHub (docs.github.com, "Validating webhook
    deliveries")."""
    return _one_each("x-hub-signature-256", [f"sha256={_hex(key, body)}" for key in keys])


def stripe(keys: Sequence[str], body: bytes, timestamp: int) -> Headers:
    """Return the headers in the format of Stripe (docs.stripe.com, "Verify webhook signatures
    manually")."""
    signed = f"{timestamp}.".encode() + body
    entries = [f"v1={_hex(key, signed)}" for key in keys]
    return {OWN_HEADER: ",".join([f"t={timestamp}", *entries])}


def plain_hex(keys: Sequence[str], body: bytes, timestamp: int) -> Headers:
    """Return the headers with the plain HMAC, in hex."""
    return _one_each(OWN_HEADER, [_hex(key, body) for key in keys])


def plain_base64(keys: Sequence[str], body: bytes, timestamp: int) -> Headers:
    """Return the headers with the plain HMAC, in base64."""
    return _one_each(OWN_HEADER, [base64.b64encode(_digest(key, body)).decode() for key in keys])


STYLES: Mapping[str, Callable[[Sequence[str], bytes, int], Headers]] = {
    "github": github,
    "stripe": stripe,
    "hmac-sha256-hex": plain_hex,
    "hmac-sha256-base64": plain_base64,
}


@dataclass(frozen=True, slots=True)
class Style:
    """The signature of a sent request: its header, its signed text as a template, how to check
    it."""

    header: str
    content: str
    how: str

    def signed_text(self, headers: Mapping[str, str], body: str) -> str:
        """Return the exact text that was signed."""
        text = self.content.replace("{id}", headers.get("webhook-id", ""))
        text = text.replace("{time}", headers.get("webhook-timestamp", ""))
        return text.replace("{body}", body)


def style_of(headers: Mapping[str, str]) -> Style:
    """Return the style of a sent request by its own headers: the webhook's setting may have changed
    since."""
    if "x-hub-signature-256" in headers:
        how = "sha256= and the HMAC-SHA256 of that text in hex. The key is the secret's whole text."
        return Style("x-hub-signature-256", "{body}", how)
    if (sent := headers.get(OWN_HEADER)) is not None:
        if sent.startswith("t="):
            how = (
                "the time as t=, and for each secret that signs v1= and the HMAC-SHA256 of that"
                " text in hex. The key is the secret's whole text."
            )
            return Style(OWN_HEADER, "{time}.{body}", how)
        how = (
            "the HMAC-SHA256 of that text, in hex or base64 as the webhook says. The key is the"
            " secret's whole text."
        )
        return Style(OWN_HEADER, "{body}", how)
    if headers.get("webhook-signature", "").startswith("v1a,"):
        how = (
            "an entry for each key that signs: v1a, a comma, and the ed25519 signature of that text"
            " in base64. The public key is what follows whpk_, base64-decoded."
        )
    else:
        how = (
            "an entry for each secret that signs: v1, a comma, and the HMAC-SHA256 of that text in"
            " base64. The key is what follows whsec_, base64-decoded."
        )
    return Style("webhook-signature", "{id}.{time}.{body}", how)


def _one_each(name: str, signatures: Sequence[str]) -> Headers:
    names = (f"{name}{end}" for end in ("", "-previous", "-previous-2", "-previous-3"))
    return dict(zip(names, signatures, strict=False))


def _hex(key: str, signed: bytes) -> str:
    return _digest(key, signed).hex()


def _digest(key: str, signed: bytes) -> bytes:
    return hmac.digest(key.encode(), signed, "sha256")


def fingerprints(webhook_id: str, secret: str) -> list[str]:
    """Return the texts of 12 hex digits that identify a webhook's secret without revealing it.
    Store the first; compare with all.

    A Standard Webhooks key is random, and both sides see the same fingerprint of it. Any other
    secret may be a password: its fingerprint is keyed and of this webhook only, so that it can
    neither be guessed nor be compared with others. The last one is that of older releases.
    """
    with suppress(standard_webhooks.InvalidKey):
        return [standard_webhooks.fingerprint(secret)]
    named = f"fingerprint of a secret of {webhook_id}\n{secret}".encode("utf-8", "replace")
    keyed = [digest.hex()[:12] for digest in running().secret_key.digests(named)]
    return [*keyed, plain_fingerprint(secret)]


def plain_fingerprint(secret: str) -> str:
    """Return 12 hex digits of the SHA-256 of a secret. Show it only to who gave the secret: a
    password can be guessed from it."""
    try:
        return standard_webhooks.fingerprint(secret)
    except standard_webhooks.InvalidKey:
        return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()[:12]
