"""Standard Webhooks 1.0.0: signing with a shared secret (v1) or a key pair (v1a), and verifying.

    whsec_<base64 of 24-64 random bytes>   v1: HMAC-SHA256; both sides know it
    whsk_<base64 of seed and public key>   v1a: ed25519; the sender's key
    whpk_<base64 of the public key>        v1a: ed25519; the receiver's key

A key of one kind is never accepted in place of another: a verifier that used a public key as a
shared secret would accept any message that somebody signed with that public key.
Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

TOLERANCE = 300
"""Seconds by which a timestamp may lie in the past or in the future."""

SECRET_BYTES = 32
_MIN_SECRET, _MAX_SECRET = 16, 64  # the specification asks for 24, but its example has 18
_MAX_SIGNATURES = 4096
_ID = re.compile(r"[!-\-/-~]{1,256}")  # visible ASCII without "."
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)

Code = Literal[
    "verified",
    "no_secret",
    "bad_key",
    "missing_header",
    "bad_id",
    "bad_timestamp",
    "too_old",
    "too_new",
    "malformed_signature",
    "other_kind",
    "no_match",
]


class InvalidKey(ValueError):
    """The text is not a key of the kind that its prefix names, or it has no known prefix."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a verification, with the reason as a code and as a sentence for people.

    `fingerprint` identifies the key that matched.
    """

    verified: bool
    code: Code
    reason: str
    fingerprint: str | None = None


def new_secret() -> str:
    """Return a shared secret of 256 random bits."""
    return "whsec_" + _encode(secrets.token_bytes(SECRET_BYTES))


def new_key_pair() -> tuple[str, str]:
    """Return an ed25519 pair: the sender's `whsk_…` and the receiver's `whpk_…`."""
    seed = secrets.token_bytes(32)
    public = _public_of(seed)
    return "whsk_" + _encode(seed + public), "whpk_" + _encode(public)


def public_key(signing_key: str) -> str:
    """Return the `whpk_…` that belongs to a `whsk_…`. Raises InvalidKey for anything else."""
    return "whpk_" + _encode(_public_of(_read_seed(signing_key)))


def fingerprint(secret: str) -> str:
    """Return a text that identifies a key without revealing it: 12 hex digits of a SHA-256.

    The hash is over the key's raw bytes, not their base64 text; for a key pair over those of the
    public key, so that sender and receiver see the same fingerprint. Raises InvalidKey if the text
    is not a key.
    """
    if secret.startswith("whsec_"):
        raw = _read_secret(secret)
    elif secret.startswith("whsk_"):
        raw = _public_of(_read_seed(secret))
    else:
        raw = _read_public(secret)
    return hashlib.sha256(raw).hexdigest()[:12]


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one entry of `webhook-signature`: `v1,…` by a `whsec_…`, `v1a,…` by a `whsk_…`.

    `timestamp` is the time of this attempt, in seconds. Raises InvalidKey for a bad key, and
    ValueError for an invalid id (such as one with a dot) or a negative timestamp.
    """
    signed = _content(message_id, timestamp, body)
    if secret.startswith("whsk_"):
        key = Ed25519PrivateKey.from_private_bytes(_read_seed(secret))
        return "v1a," + _encode(key.sign(signed))
    return "v1," + _encode(_hmac(_read_secret(secret), signed))


def headers(
    keys: str | Sequence[str], message_id: str, body: bytes, timestamp: int | None = None
) -> dict[str, str]:
    """Return the three headers of one attempt. With several keys (a rotation) the newest comes
    first."""
    now = int(time.time()) if timestamp is None else timestamp
    keys = [keys] if isinstance(keys, str) else keys
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(sign(key, message_id, now, body) for key in keys),
    }


def verify(
    keys: str | Iterable[str],
    received: Mapping[str, str],
    body: bytes,
    *,
    now: float | None = None,
    tolerance: int = TOLERANCE,
) -> Verification:
    """Tell whether one of the keys signed these headers and this raw body, within the tolerance.

    Any input, however malformed, gives a Verification and raises nothing. Header names may be in
    any case.
    """
    try:
        checks = [_Check(key) for key in ([keys] if isinstance(keys, str) else keys)]
    except InvalidKey as error:
        return _no("bad_key", str(error))
    if not checks:
        return _no("no_secret", "no secret known yet")
    values = {
        name.lower(): value
        for name, value in received.items()
        if isinstance(name, str) and isinstance(value, str)
    }
    message_id, timestamp, signatures = (
        values.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    refusal = _refuse_frame(message_id, timestamp, signatures)
    if refusal is None:
        refusal = _refuse_time(int(timestamp), time.time() if now is None else now, tolerance)
    if refusal is not None:
        return refusal
    # The timestamp exactly as it was sent, with leading zeros: those bytes were signed.
    signed = f"{message_id}.{timestamp}.".encode() + body
    return _match(checks, signatures, signed)


def _refuse_frame(message_id: str, timestamp: str, signatures: str) -> Verification | None:
    named = {"id": message_id, "timestamp": timestamp, "signature": signatures}
    for name, value in named.items():
        if not value:
            return _no("missing_header", f"the header webhook-{name} is missing")
    if not _ID.fullmatch(message_id):
        return _no("bad_id", "webhook-id contains a dot or another character that no id has")
    if not _TIMESTAMP.fullmatch(timestamp):
        return _no("bad_timestamp", "webhook-timestamp is not a whole number of seconds")
    return None


def _refuse_time(timestamp: int, now: float, tolerance: int) -> Verification | None:
    age = now - timestamp
    if age > tolerance:
        return _no(
            "too_old", f"it was signed {int(age)} s ago, more than the {tolerance} s allowed"
        )
    if -age > tolerance:
        return _no("too_new", f"its timestamp lies {int(-age)} s in the future: compare the clocks")
    return None


def _match(checks: Sequence["_Check"], signatures: str, signed: bytes) -> Verification:
    """Try every entry with every key of its kind. Entries of unknown versions are skipped."""
    if len(signatures) > _MAX_SIGNATURES:
        return _no("malformed_signature", "webhook-signature is too long")
    entries = [_read_entry(entry) for entry in signatures.split(" ") if entry]
    readable = [entry for entry in entries if entry is not None]
    if not readable:
        return _no("malformed_signature", "webhook-signature is not of the form v1,<base64>")
    versions = {check.version for check in checks}
    if not any(version in versions for version, _ in readable):
        return _no("other_kind", "it is signed in another way than this secret can verify")
    for version, signature in readable:
        for check in checks:
            if check.version == version and check.accepts(signature, signed):
                return Verification(True, "verified", "signature verified", check.fingerprint)
    return _no("no_match", "it was signed with another secret, or the body was changed on the way")


class _Check:
    """One key, prepared to check signatures of its own version and of no other."""

    def __init__(self, key: str) -> None:
        self.fingerprint = fingerprint(key)
        self._secret = _read_secret(key) if key.startswith("whsec_") else None
        self.version = "v1a" if self._secret is None else "v1"
        if self._secret is None:
            public = public_key(key) if key.startswith("whsk_") else key
            self._public = Ed25519PublicKey.from_public_bytes(_read_public(public))

    def accepts(self, signature: bytes, signed: bytes) -> bool:
        if self._secret is not None:
            return hmac.compare_digest(_hmac(self._secret, signed), signature)
        try:
            self._public.verify(signature, signed)
        except InvalidSignature:
            return False
        return True


def _no(code: Code, reason: str) -> Verification:
    return Verification(False, code, reason)


def _content(message_id: str, timestamp: int, body: bytes) -> bytes:
    if not _ID.fullmatch(message_id):
        raise ValueError("a message id is 1 to 256 visible ASCII characters without a dot")
    if timestamp < 0:
        raise ValueError("a timestamp is seconds since 1970")
    return f"{message_id}.{timestamp}.".encode() + body


def _hmac(secret: bytes, signed: bytes) -> bytes:
    return hmac.digest(secret, signed, "sha256")


def _read_entry(entry: str) -> tuple[str, bytes] | None:
    version, comma, encoded = entry.partition(",")
    signature = _decode(encoded)
    return (version, signature) if comma and signature else None


def _read_secret(key: str) -> bytes:
    raw = _read(key, "whsec_")
    if not _MIN_SECRET <= len(raw) <= _MAX_SECRET:
        raise InvalidKey(f"a whsec_ key has {_MIN_SECRET} to {_MAX_SECRET} bytes")
    return raw


def _read_seed(key: str) -> bytes:
    raw = _read(key, "whsk_")
    if len(raw) != 64 or _public_of(raw[:32]) != raw[32:]:
        raise InvalidKey("a whsk_ key is a 32-byte seed followed by its own public key")
    return raw[:32]


def _read_public(key: str) -> bytes:
    raw = _read(key, "whpk_")
    if len(raw) != 32:
        raise InvalidKey("a whpk_ key has 32 bytes")
    return raw


def _read(key: str, prefix: str) -> bytes:
    raw = _decode(key.removeprefix(prefix)) if key.startswith(prefix) else None
    if raw is None:  # the message never shows the text: it may be a key of another kind
        raise InvalidKey(f"a key that begins with {prefix} and goes on in base64 is needed here")
    return raw


def _public_of(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes | None:
    """Decode base64 strictly (standard alphabet, padded); return None for anything else."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
