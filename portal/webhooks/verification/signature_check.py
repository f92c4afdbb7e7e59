"""Check a request by any scheme: over the raw bytes, in constant time, fail closed.

Any input gives a Verdict with a reason for people. Only a signature by one of the secrets makes it
verified.
"""

import base64
import binascii
import hmac
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from portal.webhooks.signing import standard_webhooks
from portal.webhooks.verification import canonical, json_web_tokens, sns
from portal.webhooks.verification.codes import Code
from portal.webhooks.verification.documents import Look, documents
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import Scheme

KEYS_AWAY: Final = "keys_away"
"""The keys cannot be fetched right now: if the sender sends the request again, it may verify."""
KEYS_AGAIN = 60.0
"""Seconds after which a cached key set is fetched again if it lacks a key, which may be new."""
ANY_AUDIENCE = "Until an audience is set, any token of its issuer is taken."
MAYBE_ANY_AUDIENCE = (
    "None. If the secret is the address of a key set, any token of its issuer is taken."
)
_MAX_SIGNATURES = 20
# Addresses, certificates and keys in PEM, and the names of Amazon's topics: no shared secret.
PUBLIC = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*+://|-----BEGIN |arn:aws)")
_TOKEN = re.compile(r"\{([a-z]+(?::[^}]+)?)\}")
# Each format has a fixed length, or a clear beginning and end. So nobody can move the border if
# time and body are joined without a separator.
_TIMES = {
    "s": re.compile(r"[1-9][0-9]{9}", re.ASCII),
    "ms": re.compile(r"[1-9][0-9]{12}", re.ASCII),
    "iso": re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
        r"(?:Z|[+-][0-9]{2}:[0-9]{2})",
        re.ASCII,
    ),
}
_UNITS = {
    "s": "whole number of seconds since 1970",
    "ms": "whole number of milliseconds since 1970",
    "iso": "date and time with its zone",
}
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check: genuine or not. `code` says which, `reason` is a sentence.

    `secret` is the one that matched, `signed_at` is the signed time in seconds.
    """

    verified: bool
    code: Code
    reason: str
    secret: str | None = field(default=None, repr=False)
    signed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The unverified claims of a request: its signatures, and the time and the id beside them."""

    signatures: tuple[str, ...] = field(repr=False)
    timestamp: str = ""
    seconds: float | None = None
    id: str = ""


class Refused(Exception):
    """The request cannot be genuine, whatever the secret is."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def verify(
    scheme: Scheme,
    secrets: Sequence[str],
    message: Message,
    *,
    now: float | None = None,
    look: Look = documents.get,
) -> Verdict:
    """Tell whether one of the secrets signed this request, by this scheme, at about `now`
    (seconds).

    `look` returns certificates and key sets by their URLs, from the cache; see `wanted`.
    """
    secrets = [secret for secret in secrets if secret]
    if not secrets:
        return Verdict(False, "no_secret", "No secret is known for this webhook yet.")
    moment = time.time() if now is None else now
    if scheme.method == "standard":
        return _standard(secrets, message, moment)
    try:
        if scheme.method == "jwt":
            return _token(scheme, secrets, message, moment, look)
        if scheme.method == "sns":
            return _sns(scheme, secrets, message, moment, look)
        claim = read(scheme, message)
        _check_time(scheme, claim, moment)
        _check_readable(scheme, message)
        found = _match(scheme, secrets, message, claim)
    except Refused as error:
        return Verdict(False, error.code, error.reason)
    return replace(found, signed_at=claim.seconds)


# ---------------------------------------------------------------- the claims of a request


def read(scheme: Scheme, message: Message) -> Claim:
    """Return the signatures, the time and the id of a request. Raises Refused if a signature or the
    time is missing or malformed."""
    values = message.values(scheme.signature)
    if not values:
        raise Refused("missing_header", f"{_place(scheme.signature)} is missing.")
    parts = _parts(scheme, values[0]) if scheme.parts else {}
    if scheme.parts:
        signatures = [value for name in scheme.parts for value in parts.get(name, ())]
    else:
        signatures = [_without(scheme.prefix, value) for value in values]
    signatures = [signature for signature in signatures if signature]
    if not signatures:
        wanted = f"{scheme.parts[0]}=…" if scheme.parts else f"{scheme.prefix}…"
        raise Refused(
            "malformed_signature", f"{_place(scheme.signature)} is not of the form {wanted}."
        )
    stamp = _stamp(scheme, message, parts)
    message_id = (message.first(scheme.id) or "") if "{id}" in scheme.content else ""
    return Claim(tuple(signatures), stamp, _seconds(scheme, stamp), message_id)


def _place(place: str) -> str:
    kind, _, name = place.partition(":")
    return {"header": f"The header {name}", "body": f"The field {name} of the body"}.get(kind, name)


def _without(prefix: str, value: str) -> str:
    if value[: len(prefix)].lower() != prefix.lower():
        return ""
    return value[len(prefix) :].strip()


def _parts(scheme: Scheme, value: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in value.split(scheme.separator):
        name, is_pair, text = part.strip().partition("=")
        if is_pair and text:
            found.setdefault(name.strip(), []).append(text.strip())
    return found


def _stamp(scheme: Scheme, message: Message, parts: Mapping[str, Sequence[str]]) -> str:
    """Return the signed time as it was written; empty if the scheme signs none."""
    if not scheme.timestamp:
        return ""
    kind, _, name = scheme.timestamp.partition(":")
    values = parts.get(name, ()) if kind == "part" else message.values(scheme.timestamp)
    if not values:
        where = f"The part {name}= of the signature" if kind == "part" else _place(scheme.timestamp)
        raise Refused("missing_header", f"{where}, the time of signing, is missing.")
    return values[0]


def _seconds(scheme: Scheme, stamp: str) -> float | None:
    if not scheme.timestamp:
        return None
    problem = Refused("bad_timestamp", f"The time of signing is no {_UNITS[scheme.unit]}.")
    if not _TIMES[scheme.unit].fullmatch(stamp):
        raise problem
    if scheme.unit != "iso":
        return int(stamp) / (1000 if scheme.unit == "ms" else 1)
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError):
        raise problem from None


def _check_time(scheme: Scheme, claim: Claim, now: float) -> None:
    if claim.seconds is None or scheme.tolerance is None:
        return
    age = now - claim.seconds
    if age > scheme.tolerance:
        raise Refused(
            "too_old",
            f"It was signed {int(age)} s ago, more than the {scheme.tolerance} s allowed.",
        )
    if -age > scheme.tolerance:
        raise Refused("too_new", f"Its time lies {int(-age)} s in the future: compare the clocks.")


def _check_readable(scheme: Scheme, message: Message) -> None:
    """Check that the parts of the signed text cannot be confused (see `canonical`).

    With Twitter and Zoom a stranger can have us sign a challenge. So only an object can be an event
    there: the answer to a challenge is never the signature of an event.
    """
    if scheme.challenge in ("twitter", "zoom") and not isinstance(message.json, dict):
        raise Refused("bad_body", "The body is no JSON object.")
    if problem := canonical.problem(scheme, message):
        raise Refused(*problem)


# ---------------------------------------------------------------- the comparison


def _match(scheme: Scheme, secrets: Sequence[str], message: Message, claim: Claim) -> Verdict:
    if scheme.method in ("equal", "basic"):
        return _equal(scheme, secrets, claim)
    given = [decode(scheme.encoding, signature) for signature in claim.signatures]
    readable = [signature for signature in given if signature][:_MAX_SIGNATURES]
    if not readable:
        raise Refused("malformed_signature", f"The signature is no {_WORDS[scheme.encoding]}.")
    wanted = [(key_of(scheme, secret), secret) for secret in secrets]
    for content in contents(scheme, message, claim):
        for (key, secret), signature in product(wanted, readable):
            if key.accepts(signature, content):
                return Verdict(True, "verified", "Signature verified.", secret)
    raise Refused("no_match", "It was signed with another secret, or it was changed on the way.")


def _equal(scheme: Scheme, secrets: Sequence[str], claim: Claim) -> Verdict:
    given = [_bytes(credential(scheme, signature)) for signature in claim.signatures]
    for secret in secrets:
        # All items must match: one with another secret makes the whole request invalid.
        same = [hmac.compare_digest(value, secret.encode()) for value in given]
        if all(same):
            return Verdict(True, "verified", "The credential is the right one.", secret)
    raise Refused("no_match", "The credential that was sent is another one.")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def credential(scheme: Scheme, sent: str) -> str:
    """Return a credential as people know it, for a Basic header `user:password`. Raises Refused."""
    if scheme.method != "basic":
        return sent
    kind, _, encoded = sent.partition(" ")
    if kind.lower() != "basic" or (raw := decode("base64", encoded)) is None:
        raise Refused("malformed_signature", "The header Authorization is not of the form Basic ….")
    return raw.decode("utf-8", "replace")


_WORDS = {"hex": "hexadecimal text", "base64": "base64 text"}


def decode(encoding: str, text: str) -> bytes | None:
    """Decode hex or base64 strictly (standard alphabet, padded); return None for anything else."""
    try:
        if encoding == "hex":
            return bytes.fromhex(text) if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text) else None
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


class _Hmac:
    def __init__(self, scheme: Scheme, secret: str) -> None:
        self._secret, self._hash = _bytes(secret), scheme.hash

    def accepts(self, signature: bytes, content: bytes) -> bool:
        wanted = hmac.digest(self._secret, content, self._hash)
        return hmac.compare_digest(wanted, signature)


class _Ed25519:
    def __init__(self, scheme: Scheme, secret: str) -> None:
        raw = decode("hex", secret)
        if raw is None or len(raw) != 32:
            raise Refused("bad_key", "The public key has 64 hexadecimal digits; this one has not.")
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    def accepts(self, signature: bytes, content: bytes) -> bool:
        try:
            self._key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


class _Ecdsa:
    def __init__(self, scheme: Scheme, secret: str) -> None:
        try:
            key = load_der_public_key(decode("base64", secret) or b"")
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, EllipticCurvePublicKey):
            raise Refused("bad_key", "This is no public key on an elliptic curve in base64.")
        self._key = key

    def accepts(self, signature: bytes, content: bytes) -> bool:
        try:
            self._key.verify(signature, content, ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


Key = _Hmac | _Ed25519 | _Ecdsa
_KEYS: Mapping[str, type[Key]] = {"hmac": _Hmac, "ed25519": _Ed25519, "ecdsa": _Ecdsa}


def key_of(scheme: Scheme, secret: str) -> Key:
    """Return the key that checks signatures of this secret. Raises Refused if the secret is no such
    key."""
    return _KEYS[scheme.method](scheme, secret)


def key_problem(scheme: Scheme, secret: str) -> str | None:
    """Return why this text cannot be the secret of a scheme, or None."""
    if scheme.method == "standard":
        try:
            standard_webhooks.fingerprint(secret)
        except standard_webhooks.InvalidKey as error:
            return f"It must be a Standard Webhooks secret: {error}."
        return None
    if scheme.method == "jwt":
        return json_web_tokens.problem(secret)
    if scheme.method == "sns":
        is_topic = sns.TOPIC.fullmatch(secret)
        return None if is_topic else "Give the topic's ARN: arn:aws:sns:…:….:name."
    if is_shared(scheme, secret) and PUBLIC.match(secret):
        return "Others know this too. Give the secret that only you and the sender have."
    if scheme.method == "basic":
        return None if ":" in secret else "Give it as user:password."
    return None if scheme.method == "equal" else _why_no_key(scheme, secret)


def lacks_audience(scheme: Scheme, secret: str) -> bool:
    """Tell whether an audience is missing: an issuer whose keys are at an address may make tokens
    for many others."""
    is_open = scheme.takes("audience") and not scheme.audience
    return is_open and json_web_tokens.is_address(secret)


def _why_no_key(scheme: Scheme, secret: str) -> str | None:
    try:
        key_of(scheme, secret)
    except Refused as error:
        return error.reason
    return None


def is_shared(scheme: Scheme, secret: str) -> bool:
    """Tell whether both sides keep this secret to themselves: a public key is known to all."""
    if scheme.method == "jwt":
        return json_web_tokens.is_shared(secret)
    return scheme.method not in ("ed25519", "ecdsa", "sns")


# ---------------------------------------------------------------- the signed text


def contents(scheme: Scheme, message: Message, claim: Claim) -> Iterator[bytes]:
    """Yield every text that may have been signed; there are several only if the URL is part of
    it."""
    for url in _addresses(message.url) if scheme.signs_url else [message.url]:
        yield content(scheme.content, message, claim, url)


def content(template: str, message: Message, claim: Claim, url: str) -> bytes:
    """Return the signed bytes for a template; the bytes of the body are inserted unchanged."""
    pieces = _TOKEN.split(template)
    filled = [
        _piece(name, message, claim, url) if number % 2 else name.encode()
        for number, name in enumerate(pieces)
    ]
    return b"".join(filled)


def _piece(name: str, message: Message, claim: Claim, url: str) -> bytes:
    if name == "body":
        return message.body
    if name == "form":
        pairs = sorted(set(message.form))
        return "".join(key + value for key, value in pairs).encode("utf-8", "replace")
    if name == "listed":
        return _listed_headers(message).encode("utf-8", "replace")
    if name == "path":
        return canonical.local_part(url).encode("utf-8", "replace")
    known: Mapping[str, Any] = {
        "timestamp": claim.timestamp,
        "id": claim.id,
        "method": message.method.upper(),
        "url": url,
    }
    value = known.get(name)
    if value is None:
        value = message.first((name,)) or ""
    return str(value).encode("utf-8", "replace")


def _listed_headers(message: Message) -> str:
    """Return the headers that x-contentful-signed-headers lists, in the format in which they are
    signed."""
    names = canonical.listed(message)
    return ";".join(f"{name}:{message.named.get(name, '').strip()}" for name in names)


def _addresses(url: str) -> list[str]:
    """Return the URL with and without the default port: senders differ in which one they sign."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return [url]
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or port not in (None, default):
        return [url]
    host = parts.netloc.removesuffix(f":{default}")
    bare = parts._replace(netloc=host).geturl()
    return [bare, parts._replace(netloc=f"{host}:{default}").geturl()]


def signed_text(scheme: Scheme, message: Message) -> bytes | None:
    """Return the text that the signature of a request covers; None if there is none.

    It does not depend on how the signature is written, nor on anything that is not signed.
    """
    if scheme.method == "standard":
        headers = _standard_headers(message)
        named = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}."
        return named.encode("utf-8", "replace") + message.body
    if scheme.method == "sns":
        return sns.signed_text(message.json) if isinstance(message.json, dict) else None
    if scheme.method == "jwt":
        return json_web_tokens.signed_part(_token_of(scheme, message) or "", scheme.body_hash)
    if scheme.method in ("equal", "basic"):
        return None
    try:
        return next(contents(scheme, message, read(scheme, message)))
    except Refused:
        return None


# ---------------------------------------------------------------- Standard Webhooks

_ALIASES = {f"svix-{name}": f"webhook-{name}" for name in ("id", "timestamp", "signature")}


def _standard_headers(message: Message) -> Mapping[str, str]:
    headers = dict(message.named)
    for alias, name in _ALIASES.items():
        if alias in headers:
            headers.setdefault(name, headers[alias])
    return headers


def _standard(secrets: Sequence[str], message: Message, now: float) -> Verdict:
    headers = _standard_headers(message)
    found = standard_webhooks.verify(secrets, headers, message.body, now=now)
    reason = found.reason[:1].upper() + found.reason[1:] + "."
    stamp = headers.get("webhook-timestamp", "")
    signed_at = float(stamp) if found.verified else None
    marks = {standard_webhooks.fingerprint(one): one for one in secrets} if found.verified else {}
    secret = marks.get(found.fingerprint or "")
    return Verdict(found.verified, found.code, reason, secret, signed_at)


# ---------------------------------------------------------------- tokens, and Amazon's certificates


def sources(scheme: Scheme, secrets: Sequence[str], message: Message) -> list[str]:
    """Return the URLs of the documents that verify this request, if they may be fetched."""
    if scheme.method == "sns":
        url = sns.certificate_url(message.json)
        return [url] if url and sns.matching(secrets, message.json) else []
    return (
        [one for one in secrets if json_web_tokens.is_address(one)]
        if scheme.method == "jwt"
        else []
    )


def wanted(scheme: Scheme, secrets: Sequence[str], message: Message) -> list[str]:
    """Return the URLs among `sources` that must be fetched before the request can be verified."""
    return [
        url
        for url in sources(scheme, secrets, message)
        if documents.needs(url)
        or (_lacks_key(url, scheme, message, documents.get) and documents.needs(url, KEYS_AGAIN))
    ]


def _lacks_key(url: str, scheme: Scheme, message: Message, look: Look) -> bool:
    """Tell whether the key that a token names is missing in the key set of this URL."""
    if scheme.method != "jwt":
        return False
    return not json_web_tokens.has_key(
        url, json_web_tokens.key_id(_token_of(scheme, message) or ""), look
    )


def _token_of(scheme: Scheme, message: Message) -> str | None:
    values = message.values(scheme.signature)
    return _without(scheme.prefix, values[0]) or None if values else None


def _token(
    scheme: Scheme, secrets: Sequence[str], message: Message, now: float, look: Look
) -> Verdict:
    text = read(scheme, message).signatures[0]
    found = _opened(text, scheme, secrets, message, look)
    if problem := json_web_tokens.time_problem(found.claims, now):
        raise Refused(*problem)
    if problem := json_web_tokens.claim_problem(found.claims, scheme):
        raise Refused(*problem)
    name = scheme.body_hash or json_web_tokens.BODY_CLAIM
    if scheme.body_hash and name not in found.claims:
        raise Refused("body_changed", f"The token does not say {name}, the body's digest.")
    if name in found.claims and not json_web_tokens.fits_body(found.claims[name], message.body):
        raise Refused("body_changed", f"The body is not the one that {name} in the token names.")
    signed_at = found.claims.get("iat")
    reason = "The token is genuine."
    if lacks_audience(scheme, found.secret):
        reason = f"{reason} {ANY_AUDIENCE}"
    return Verdict(True, "verified", reason, found.secret, signed_at=signed_at)


def _opened(
    text: str, scheme: Scheme, secrets: Sequence[str], message: Message, look: Look
) -> json_web_tokens.Token:
    addresses = sources(scheme, secrets, message)
    try:
        found = json_web_tokens.opened(text, secrets, look)
    except json_web_tokens.BadKey as error:
        if addresses:
            raise Refused(KEYS_AWAY, f"The sender's key set cannot be read. {error}") from None
        raise Refused("bad_key", str(error)) from None
    if found is not None:
        return found
    for url in addresses:
        if (why := documents.problem(url)) and _lacks_key(url, scheme, message, look):
            raise Refused(KEYS_AWAY, f"The sender's key set could not be had. {why}")
    raise Refused("no_match", "The token was signed with another key, or is no token at all.")


def _sns(
    scheme: Scheme, topics: Sequence[str], message: Message, now: float, look: Look
) -> Verdict:
    claim, body = read(scheme, message), message.json
    topic = sns.matching(topics, body)
    if topic is None:
        raise Refused("no_match", "It is of another topic than the one that is taken here.")
    url = sns.certificate_url(body)
    if url is None:
        raise Refused("no_certificate", "Its certificate is at no address of Amazon SNS.")
    if problem := sns.form_problem(message.body, body):
        raise Refused("bad_body", problem)
    pem, signature = look(url), decode("base64", claim.signatures[0])
    if signature is None:
        raise Refused("malformed_signature", "The signature is no base64 text.")
    if pem is None:
        why = documents.problem(url)
        raise Refused(KEYS_AWAY, f"The certificate of Amazon SNS could not be had. {why}")
    if not sns.is_signed(body, signature, pem, now):
        raise Refused("no_match", "It was changed on the way, or Amazon did not sign it.")
    return Verdict(True, "verified", "Signature verified.", topic)
