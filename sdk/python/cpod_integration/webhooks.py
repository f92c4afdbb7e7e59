"""Verify what the portal sends to your webhook (Standard Webhooks 1.0.0).

    event = webhooks.verify(request.headers, request.get_data(), signing_secret)

Pass the body exactly as it was received. During a rotation pass both secrets.
"""

import base64
import binascii
import hmac
import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NoReturn

from cpod_integration.errors import CpodError
from cpod_integration.secret import Secret, revealed

__all__ = ["Code", "VerificationError", "verify"]

Code = Literal[
    "no_secret",
    "bad_key",
    "missing_header",
    "repeated_header",
    "bad_id",
    "bad_timestamp",
    "too_old",
    "too_new",
    "malformed_signature",
    "other_kind",
    "no_match",
    "not_json",
]
Headers = Mapping[Any, Any] | Iterable[tuple[Any, Any]]

TOLERANCE = 300
"""Seconds by which the sender's clock may differ from the receiver's."""

_ID = re.compile(r"[!-\-/-~]{1,256}")  # visible ASCII without "."
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_LONGEST_SIGNATURE = 4096
_SHORTEST_SECRET, _LONGEST_SECRET = 16, 64


class VerificationError(CpodError):
    """The message is not genuine, or it is too old. `code` is for programs. Answer with 401."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(code, message)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[1])


def verify(
    headers: Headers,
    body: bytes | str,
    secret: str | Secret | Iterable[str | Secret],
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> dict[str, Any]:
    """Return the event, if one of the secrets signed exactly this body within the tolerance.

    Raises VerificationError for anything else, however malformed, and never another exception.
    `now` is your clock in seconds, for tests.
    """
    checks = [_Check(revealed(each)) for each in _several(secret)]
    if not checks:
        _refuse("no_secret", "There is no secret to verify with.")
    raw = _bytes(body)
    message_id, timestamp, signatures = _three(headers)
    _check_frame(message_id, timestamp, signatures)
    _check_time(int(timestamp), time.time() if now is None else now, tolerance)
    # The timestamp exactly as it was sent, with leading zeros: those bytes were signed.
    _check_signatures(checks, signatures, f"{message_id}.{timestamp}.".encode() + raw)
    return _event(raw)


def _refuse(code: Code, message: str) -> NoReturn:
    raise VerificationError(code, message) from None


def _several(secret: Any) -> list[str | Secret]:
    if isinstance(secret, str | Secret):
        return [secret]
    try:
        found = list(secret)
    except TypeError:
        found = [secret]
    if not all(isinstance(each, str | Secret) for each in found):
        _refuse("bad_key", "A secret is a text that begins with whsec_.")
    return found


def _bytes(body: Any) -> bytes:
    try:
        return body.encode() if isinstance(body, str) else bytes(memoryview(body))
    except (TypeError, UnicodeEncodeError):
        _refuse("no_match", "Pass the body as the bytes that were received.")


def _three(headers: Any) -> tuple[str, str, str]:
    try:
        pairs = list(headers.items() if hasattr(headers, "items") else headers)
    except TypeError:
        pairs = []
    found: dict[str, str] = {}
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            continue
        name, value = _header(pair[0]).lower(), _header(pair[1])
        if name in _NAMES and found.setdefault(name, value) != value:
            _refuse("repeated_header", f"The header {name} is there twice.")
    for name in _NAMES:
        if not found.get(name):
            _refuse("missing_header", f"The header {name} is missing.")
    message_id, timestamp, signatures = (found[name] for name in _NAMES)
    return message_id, timestamp, signatures


_NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")


def _header(value: Any) -> str:
    """Return a name or value as text. ASGI servers give bytes."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def _check_frame(message_id: str, timestamp: str, signatures: str) -> None:
    if not _ID.fullmatch(message_id):
        _refuse("bad_id", "webhook-id contains a dot or another character that no id has.")
    if not _TIMESTAMP.fullmatch(timestamp):
        _refuse("bad_timestamp", "webhook-timestamp is not a whole number of seconds.")
    if len(signatures) > _LONGEST_SIGNATURE:
        _refuse("malformed_signature", "webhook-signature is too long.")


def _check_time(timestamp: int, now: float, tolerance: float) -> None:
    age = now - timestamp
    if age > tolerance:
        _refuse(
            "too_old", f"It was signed {age:.0f} s ago, more than the {tolerance:.0f} s allowed."
        )
    if not -age <= tolerance:  # also if one of the numbers is no number
        _refuse("too_new", f"Its timestamp lies {-age:.0f} s in the future: compare the clocks.")


def _check_signatures(checks: "list[_Check]", signatures: str, signed: bytes) -> None:
    entries = [entry for text in signatures.split(" ") if (entry := _entry(text))]
    if not entries:
        _refuse("malformed_signature", "webhook-signature is not of the form v1,<base64>.")
    versions = {check.version for check in checks}
    known = [(version, signature) for version, signature in entries if version in versions]
    if not known:
        _refuse("other_kind", "It is signed in another way than this secret can verify.")
    for version, signature in known:
        for check in checks:
            if check.version == version and check.accepts(signature, signed):
                return
    _refuse("no_match", "Another secret signed it, or the body was changed on the way.")


def _entry(text: str) -> tuple[str, bytes] | None:
    version, _, encoded = text.partition(",")
    signature = _decoded(encoded)
    return (version, signature) if signature else None


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _event(raw: bytes) -> dict[str, Any]:
    try:
        event = json.loads(raw.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        _refuse("not_json", "It is signed, but the body is not a JSON object.")
    return event


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


class _Check:
    """One secret, ready to check signatures of its own version and of no other.

    A public key that was used as a shared secret would accept what anybody signs with it.
    """

    def __init__(self, key: str) -> None:
        self.version = "v1a" if key.startswith("whpk_") else "v1"
        prefix = "whpk_" if self.version == "v1a" else "whsec_"
        raw = _decoded(key.removeprefix(prefix)) if key.startswith(prefix) else None
        lengths = (32, 32) if self.version == "v1a" else (_SHORTEST_SECRET, _LONGEST_SECRET)
        if raw is None or not lengths[0] <= len(raw) <= lengths[1]:
            _refuse("bad_key", "A secret begins with whsec_ (or whpk_) and goes on in base64.")
        self._key = raw

    def accepts(self, signature: bytes, signed: bytes) -> bool:
        if self.version == "v1":
            return hmac.compare_digest(hmac.digest(self._key, signed, "sha256"), signature)
        return _ed25519(self._key, signature, signed)


def _ed25519(public_key: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        _refuse("bad_key", "For a whpk_ key install cpod-integration[ed25519].")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except InvalidSignature:
        return False
    return True
