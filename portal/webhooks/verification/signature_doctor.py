"""The signature doctor: find out why a signature fails.

It tries the usual mistakes, one at a time and then two together: another key, the key read in
another way, a body that was rewritten, another hash, another signed text. The mistake that makes
the signature match is the reason. It never shows a signature that it computed, unless the caller
gave it the secret.
"""

import base64
import binascii
import gzip
import hmac
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any
from urllib.parse import urlsplit

from portal.core.key_shape import shown
from portal.webhooks.signing.signature_schemes import plain_fingerprint
from portal.webhooks.verification import sns
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import SCHEMES, Scheme
from portal.webhooks.verification.signature_check import (
    KEYS_AWAY,
    Claim,
    Refused,
    Verdict,
    content,
    credential,
    decode,
    read,
    verify,
)

MAX_BODY = 256 * 1024
MAX_PAIRED = 64 * 1024
SHOWN = 2000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A secret to try, and its name for people, such as “the current secret”.

    `mark` is its fingerprint, if it is one of a webhook.
    """

    secret: str = field(repr=False)
    name: str
    is_current: bool = True
    mark: str | None = None

    @property
    def fingerprint(self) -> str:
        """Return the text that identifies the secret."""
        return self.mark or plain_fingerprint(self.secret)


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: what is wrong, and what to do about it."""

    code: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The verdict, the findings, the text that should have been signed, and the fingerprint of the
    secret that matched."""

    verdict: Verdict
    findings: Sequence[Finding]
    signed_text: str = ""
    expected: str | None = field(default=None, repr=False)
    fingerprint: str | None = None

    @property
    def title(self) -> str:
        """Return the verdict in a few words."""
        if self.verdict.code == KEYS_AWAY:
            return "The signature could not be checked"
        return f"The signature is {'' if self.verdict.verified else 'not '}right"


@dataclass(frozen=True, slots=True)
class _Change:
    """One deviation from the scheme: the part that differs, its value, and the finding to
    report."""

    part: str
    value: Any
    finding: Finding | None = None


def examine(
    scheme: Scheme,
    message: Message,
    candidates: Sequence[Candidate],
    *,
    now: float,
    reveal: bool = False,
    is_pasted: bool = False,
) -> Diagnosis:
    """Return the diagnosis of a request at the moment `now` (seconds).

    With `reveal` it contains the expected signature: set it only if the caller gave the secret
    itself. `is_pasted` means that the body went through a text box, which changes line ends.
    """
    current = [one.secret for one in candidates if one.is_current]
    message = replace(message, body=message.body[:MAX_BODY])
    if is_pasted:
        message = _as_sent(scheme, message, candidates, now)
    verdict = verify(scheme, current, message, now=now)
    claim = _claim(scheme, message)
    signed = _text(scheme, message, claim)
    findings = [] if verdict.verified else list(_find(scheme, message, candidates, verdict, now))
    expected = _expected(scheme, candidates, signed) if reveal and claim else None
    shown = signed[:SHOWN].decode("utf-8", "replace") if claim else ""
    matched = next((one.fingerprint for one in candidates if one.secret == verdict.secret), None)
    return Diagnosis(verdict, findings, shown, expected, matched)


def _find(
    scheme: Scheme,
    message: Message,
    candidates: Sequence[Candidate],
    verdict: Verdict,
    now: float,
) -> Iterator[Finding]:
    yield from _about_keys(scheme, candidates)
    yield from _about_bytes(message)
    yield from _about_time(scheme, message, candidates, verdict)
    yield from _about_claims(verdict)
    if found := _matching(scheme, message, candidates):
        yield from found
        return
    if scheme.hides_credential:
        yield from _about_credential(scheme, message, candidates)
    if other := list(_about_scheme(scheme, message, candidates, now)):
        yield from other
        return
    if verdict.code == "no_match" and candidates:
        yield Finding(
            "another_secret",
            "Nothing that usually goes wrong explains it: most likely it was signed with a secret"
            " that is not known here.",
            "Give the sender's secret here again, or make a new secret and give it to both sides.",
        )


# ---------------------------------------------------------------- simple mistakes first


def _about_keys(scheme: Scheme, candidates: Sequence[Candidate]) -> Iterator[Finding]:
    if not candidates:
        yield Finding(
            "no_secret",
            "No secret is known.",
            "Give the sender's secret, or choose the webhook that has it.",
        )
    for one in candidates:
        if one.secret.startswith("whpk_") and scheme.method in ("hmac", "standard"):
            yield Finding(
                "public_key",
                f"{_upper(one.name)} is a public key (whpk_…), and signatures of the kind v1 need"
                " the shared secret (whsec_…).",
                "Everybody may know a public key: whoever takes it as a shared secret can be"
                " deceived by anybody. Use the whsec_… secret.",
            )
        elif one.secret != one.secret.strip():
            yield Finding(
                "space_in_secret",
                f"{_upper(one.name)} begins or ends with a space or a line break.",
                "Copy it without.",
            )


def _about_bytes(message: Message) -> Iterator[Finding]:
    said = message.named.get("content-length", "")
    if said.isascii() and said.isdigit() and len(said) < 12 and int(said) != len(message.body):
        yield Finding(
            "other_length",
            f"The sender says that the body has {int(said):,} bytes; here it has"
            f" {len(message.body):,}.",
            "Something between the sender and here changed it (a proxy, a framework that reads and"
            " writes JSON, a text box). Take the raw bytes.",
        )
    if message.named.get("content-encoding", "identity") not in ("", "identity"):
        yield Finding(
            "encoded",
            "The body is compressed on its way (Content-Encoding).",
            "Check the signature over the bytes that the sender signed, most often before they"
            " were compressed.",
        )


def _about_time(
    scheme: Scheme, message: Message, candidates: Sequence[Candidate], verdict: Verdict
) -> Iterator[Finding]:
    if verdict.code not in ("too_old", "too_new"):
        return
    claim = _claim(scheme, message)
    if claim is None or claim.seconds is None:
        return
    secrets = [one.secret for one in candidates if one.is_current]
    then = verify(scheme, secrets, message, now=claim.seconds)
    rest = "Its signature is right." if then.verified else "Its signature is wrong, too."
    yield Finding(
        "clock",
        f"{verdict.reason} {rest}",
        "Compare the clocks of both machines (NTP). Was it kept and sent again later, then the"
        " sender must sign it anew.",
    )


def _about_claims(verdict: Verdict) -> Iterator[Finding]:
    if verdict.code == "wrong_claim":
        yield Finding(
            "wrong_claim",
            f"{verdict.reason} It is genuine, but may have been made for somebody else.",
            "If the sender is yours, compare its token with the audience, issuer and subject of the"
            " webhook, and correct one of them.",
        )


def _about_credential(
    scheme: Scheme, message: Message, candidates: Sequence[Candidate]
) -> Iterator[Finding]:
    try:
        sent = {credential(scheme, one) for one in read(scheme, message).signatures}
    except Refused:
        return
    for one in candidates:
        if not one.is_current and any(_same(value, one.secret) for value in sent):
            yield _earlier(one)
        if any(_same(_bare(value), _bare(one.secret)) for value in sent if value != one.secret):
            yield Finding(
                "credential_form",
                "The credential is the right one but for its case, spaces, quotes or a word such"
                " as Bearer before it.",
                "Send it exactly as it is kept here.",
            )


def _about_scheme(
    scheme: Scheme, message: Message, candidates: Sequence[Candidate], now: float
) -> Iterator[Finding]:
    """Yield a finding for each other provider whose signature header the request has."""
    secrets = [one.secret for one in candidates]
    own = scheme.signature.lower()
    for other in SCHEMES.values():
        foreign = other.signature.startswith("header:") and other.signature.lower() != own
        if not foreign or other.name in ("inbox", scheme.name) or other.is_generic:
            continue
        if other.signature == "header:Authorization" or not message.values(other.signature):
            continue
        if verify(other, secrets, message, now=now).verified:
            what = f"It is signed as {other.title} signs, and by that it is genuine."
        else:
            what = f"It carries the signature of {other.title}, and {scheme.title} is expected."
        yield Finding("other_scheme", what, f"Choose the scheme {other.name} for this webhook.")


def _earlier(one: Candidate) -> Finding:
    return Finding(
        "earlier_secret",
        f"It was signed with {one.name} (…{one.fingerprint[-4:]}).",
        "Give the sender the secret of now.",
    )


def _bare(text: str) -> str:
    word, _, rest = text.strip().strip("\"'").partition(" ")
    return (rest if word.lower() in ("bearer", "token", "basic") and rest else text).strip().lower()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


# ---------------------------------------------------------------- the deviation that matches


def _matching(scheme: Scheme, message: Message, candidates: Sequence[Candidate]) -> list[Finding]:
    """Return the findings of the fewest deviations (one or two) with which the signature is
    right."""
    claim = _claim(scheme, message)
    if claim is None or scheme.method not in ("hmac", "standard"):
        return []
    signatures = _Signatures(scheme, claim)
    changes = [*_keys(scheme, candidates), *_bodies(message), *_hashes(scheme)]
    changes += [*_templates(scheme), *_urls(scheme, message)]
    if found := signatures.other_encoding(scheme):
        changes.append(found)
    ordinary = [change for change in changes if change.part == "key" and change.finding is None]
    others = [change for change in changes if change.finding is not None]
    for size in (0, 1, 2) if len(message.body) <= MAX_PAIRED else (0, 1):
        for chosen in combinations(others, size):
            parts = [change.part for change in chosen]
            if len(set(parts)) < len(parts):
                continue
            keys = [None] if "key" in parts else ordinary
            for key in keys:
                tried = [*chosen, *([key] if key else [])]
                if _matches(scheme, message, claim, signatures, tried):
                    return [change.finding for change in chosen if change.finding is not None]
    return []


def _matches(
    scheme: Scheme,
    message: Message,
    claim: Claim,
    signatures: "_Signatures",
    tried: Iterable[_Change],
) -> bool:
    set_to = {change.part: change.value for change in tried}
    body = set_to.get("body", message.body)
    url = set_to.get("url", message.url)
    template = set_to.get("template", scheme.content)
    text = content(template, replace(message, body=body), claim, url)
    digest = hmac.digest(set_to["key"], text, set_to.get("hash", scheme.hash))
    return any(
        hmac.compare_digest(digest, given) for given in signatures.read(set_to.get("encoding"))
    )


class _Signatures:
    """The signatures of a request, decoded as the scheme says or in another encoding."""

    def __init__(self, scheme: Scheme, claim: Claim) -> None:
        self._texts, self._encoding = claim.signatures, scheme.encoding

    def read(self, encoding: str | None) -> list[bytes]:
        found = [_decode_any(encoding or self._encoding, text) for text in self._texts]
        return [one for one in found if one]

    def other_encoding(self, scheme: Scheme) -> _Change | None:
        """Return the other encoding as a change, if the signature is written in it."""
        other = "base64" if scheme.encoding == "hex" else "hex"
        if self.read(None) and not (other == "hex" and self.read("hex")):
            return None
        finding = Finding(
            "encoding",
            f"The signature is written in {other}, and {scheme.encoding} is expected.",
            f"Write the digest in {scheme.encoding}.",
        )
        return _Change("encoding", other, finding)


def _decode_any(encoding: str, text: str) -> bytes | None:
    if encoding == "base64":  # the URL-safe alphabet and missing padding are accepted, too
        text = text.replace("-", "+").replace("_", "/")
        text += "=" * (-len(text) % 4)
    return decode(encoding, text)


def _keys(scheme: Scheme, candidates: Sequence[Candidate]) -> Iterator[_Change]:
    seen: set[bytes] = set()
    for one in candidates:
        for form, key in _readings(one.secret):
            is_ordinary = form == ("decoded" if scheme.method == "standard" else "whole")
            if key in seen or not key:
                continue
            seen.add(key)
            if is_ordinary:
                yield _Change("key", key, None if one.is_current else _earlier(one))
            elif one.is_current:
                yield _Change("key", key, _key_finding(form, one))


def _readings(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield every way in which people turn the text of a secret into a key."""
    bare = secret.strip()
    encoded = bare.partition("_")[2] if bare.startswith(("whsec_", "whpk_", "whsk_")) else bare
    decoded = decode("base64", encoded + "=" * (-len(encoded) % 4)) or b""
    if bare.startswith("whpk_"):
        yield "public", decoded
    else:
        yield "decoded", decoded
    yield "whole", secret.encode("utf-8", "replace")
    yield "stripped", bare.encode("utf-8", "replace")
    if encoded != bare:
        yield "unprefixed", encoded.encode("utf-8", "replace")
    yield "line", bare.encode("utf-8", "replace") + b"\n"
    yield "hex", decode("hex", bare) or b""


_KEY_WORDS = {
    "decoded": (
        "the key was decoded from base64, and the text itself is the key",
        "Use the secret's text as it stands.",
    ),
    "whole": (
        "the whole text was taken as the key, and not the bytes that it stands for",
        "Take off whsec_ and decode the rest from base64: these bytes are the key.",
    ),
    "unprefixed": (
        "the text after whsec_ was taken as the key, and not the bytes that it stands for",
        "Decode the part after whsec_ from base64: these bytes are the key.",
    ),
    "stripped": ("spaces around the secret belong to the key here and not there", "Remove them."),
    "line": (
        "the key has a line break at its end",
        "Read the secret without it (printf, not echo).",
    ),
    "hex": ("the key was decoded from hexadecimal", "Use the secret's text as it stands."),
    "public": (
        "a public key (whpk_…) was taken as a shared secret, which anybody can do",
        "Take nothing that is signed so: use the whsec_… secret.",
    ),
}


def _key_finding(form: str, one: Candidate) -> Finding:
    what, remedy = _KEY_WORDS[form]
    return Finding(f"key_{form}", f"With {one.name} it matches, but {what}.", remedy)


def _bodies(message: Message) -> Iterator[_Change]:
    again = "The sender signed other bytes: verify the raw body, before anything parses it."
    for how, body in _written_anew(message.body):
        if body is not None and body != message.body:
            finding = Finding("body_changed", f"The body was changed after signing: {how}.", again)
            yield _Change("body", body, finding)


def _written_anew(body: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Yield the possible original bodies, before something on the way changed this one."""
    yield "a line break at its end is new", body.rstrip(b"\r\n")
    yield "the line break at its end is gone", body + b"\n"
    yield "line ends became \\r\\n", body.replace(b"\r\n", b"\n")
    yield "line ends became \\n", body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    yield "a byte order mark is new", body.removeprefix(b"\xef\xbb\xbf")
    yield "it was unpacked", None
    yield "it is still packed with gzip", _unpacked(body)
    yield "it was left out", b""
    yield from _as_json(body)


def _as_json(body: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    for escaped in (False, True):
        for how, options in (
            ("it was parsed and written anew with spaces", {"separators": (",", ":")}),
            ("it was parsed and written anew without spaces", {}),
            ("it was parsed and written anew in one line", {"indent": 2}),
            ("it was parsed and written anew in one line", {"indent": 4}),
            ("its keys were put into another order", {"sort_keys": True}),
            (
                "its keys were put into another order",
                {"sort_keys": True, "separators": (",", ":")},
            ),
        ):
            text = json.dumps(value, ensure_ascii=escaped, **options)
            yield how, text.encode("utf-8", "surrogatepass")
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    yield "slashes were escaped when it was signed (PHP)", text.encode("utf-8", "surrogatepass")


def _unpacked(body: bytes) -> bytes | None:
    if body[:2] != b"\x1f\x8b":
        return None
    try:
        return zlib.decompressobj(wbits=31).decompress(body, MAX_BODY)
    except (zlib.error, gzip.BadGzipFile, binascii.Error):
        return None


def _hashes(scheme: Scheme) -> Iterator[_Change]:
    for other in ("sha1", "sha256", "sha512"):
        if other != scheme.hash:
            finding = Finding(
                "hash",
                f"It was signed with {other.upper()}, and {scheme.hash.upper()} is expected.",
                f"Sign with HMAC-{scheme.hash.upper()}.",
            )
            yield _Change("hash", other, finding)


def _templates(scheme: Scheme) -> Iterator[_Change]:
    named = {
        "{body}": "the body alone",
        "{timestamp}.{body}": "time, dot, body",
        "{timestamp}{body}": "time and body without anything between",
        "{timestamp}:{body}": "time, colon, body",
        "{body}{timestamp}": "body, then time",
        "{id}.{timestamp}.{body}": "id, dot, time, dot, body",
        "{id}.{body}": "id, dot, body",
        "v0:{timestamp}:{body}": "v0, colon, time, colon, body",
        "{url}{body}": "address and body",
    }
    for template, words in named.items():
        if template != scheme.content:
            finding = Finding(
                "content",
                f"Another text was signed: {words}. It should be {scheme.content}.",
                "Put the text under the signature together as the scheme says.",
            )
            yield _Change("template", template, finding)


def _urls(scheme: Scheme, message: Message) -> Iterator[_Change]:
    if not scheme.signs_url:
        return
    for url in _addresses(message.url):
        if url != message.url:
            finding = Finding(
                "address",
                f"It was signed for the address {shown(url, 200)}, and it came to"
                f" {shown(message.url, 200)}.",
                "Give the sender exactly the address that the webhook's page shows; a proxy must"
                " not change it.",
            )
            yield _Change("url", url, finding)


def _addresses(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    for scheme in ("https", "http"):
        for path in (parts.path, parts.path.rstrip("/"), parts.path.rstrip("/") + "/"):
            for query in (parts.query, ""):
                yield parts._replace(scheme=scheme, path=path, query=query).geturl()
    yield parts.path


# ---------------------------------------------------------------- the claims of a request


def _claim(scheme: Scheme, message: Message) -> Claim | None:
    """Return the claims of a request, also of Standard Webhooks; None if it has no signature."""
    if scheme.method != "standard":
        try:
            return read(scheme, message)
        except Refused:
            return None
    named = {name: message.named.get(f"webhook-{name}") for name in ("id", "timestamp")}
    entries = message.named.get("webhook-signature", message.named.get("svix-signature", ""))
    found = [
        text for _, comma, text in (entry.partition(",") for entry in entries.split()) if comma
    ]
    if not found:
        found = [entries] if entries else []
    stamp = named["timestamp"] or message.named.get("svix-timestamp", "")
    seconds = float(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) < 13 else None
    message_id = named["id"] or message.named.get("svix-id", "")
    return Claim(tuple(found), stamp, seconds, message_id) if found else None


def _text(scheme: Scheme, message: Message, claim: Claim | None) -> bytes:
    """Return the text that should be signed; empty if the scheme signs nothing of the request."""
    if claim is None or scheme.method in ("equal", "basic", "jwt"):
        return b""
    if scheme.method == "sns":
        return sns.signed_text(message.json) if isinstance(message.json, dict) else b""
    return content(scheme.content, message, claim, message.url)


def _expected(scheme: Scheme, candidates: Sequence[Candidate], signed: bytes) -> str | None:
    if scheme.method not in ("hmac", "standard") or not candidates:
        return None
    forms = dict(_readings(candidates[0].secret))
    key = forms.get("decoded" if scheme.method == "standard" else "whole", b"")
    if not key:
        return None
    digest = hmac.digest(key, signed, scheme.hash)
    text = digest.hex() if scheme.encoding == "hex" else base64.b64encode(digest).decode()
    return f"v1,{text}" if scheme.method == "standard" else f"{scheme.prefix}{text}"


def _as_sent(
    scheme: Scheme, message: Message, candidates: Sequence[Candidate], now: float
) -> Message:
    """Return the request with the body as it was before the text box, as far as signature or length
    show it."""
    body = message.body.replace(b"\r\n", b"\n")
    secrets = [one.secret for one in candidates]
    said = message.named.get("content-length")
    fitting: Callable[[bytes], bool] = lambda one: str(len(one)) == said  # noqa: E731
    forms = [body, body.rstrip(b"\n"), body + b"\n", message.body]
    for one in forms:
        if verify(scheme, secrets, replace(message, body=one), now=now).verified:
            return replace(message, body=one)
    return replace(message, body=next((one for one in forms if fitting(one)), body))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
