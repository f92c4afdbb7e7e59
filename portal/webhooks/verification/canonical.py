"""Check that a signed text, which joins several parts, can be read in one way only.

Otherwise somebody with a genuine request could move the border between two parts: the signature
stays valid, but for another event. `signature_check` also checks the format of times, and `sns` the
lists of names in Amazon's messages.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from portal.webhooks.verification.codes import Problem
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import Scheme

# Characters that a URL may have unescaped (RFC 3986). A JSON document always has others.
_ADDRESS = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_NEXT_HEADER = re.compile(r";[!#$%&'*+.^_`|~0-9A-Za-z-]+:")  # a token (RFC 9110, 5.6.2)
_LISTED, _LISTED_TIME = "x-contentful-signed-headers", "x-contentful-timestamp"


def problem(scheme: Scheme, message: Message) -> Problem | None:
    """Return why the signed text could be read in another way; None for nearly all requests."""
    if scheme.signs_url:
        if not _ADDRESS.fullmatch(local_part(message.url)):
            return "bad_body", "The address has a character that must be written as % and digits."
        return _of_form(scheme, message) if scheme.body_hash else _of_document(message)
    return _of_list(message) if "{listed}" in scheme.content else None


def local_part(url: str) -> str:
    """Return the path and the query of a URL."""
    parts = urlsplit(url)
    return url[len(f"{parts.scheme}://{parts.netloc}") :]


def listed(message: Message) -> Sequence[str]:
    """Return the names of the signed headers, which the request itself lists."""
    names = message.named.get(_LISTED, "").split(",")
    return [name.strip().lower() for name in names if name.strip()]


def _of_list(message: Message) -> Problem | None:
    """Check that the time is signed, and that no value continues like a further header."""
    names = listed(message)
    if _LISTED_TIME not in names:
        return "missing_header", f"The header {_LISTED} does not list {_LISTED_TIME}."
    if any(_NEXT_HEADER.search(message.named.get(name, "")) for name in names):
        return (
            "malformed_signature",
            "A listed header has a value that reads like a further header.",
        )
    return None


def _of_document(message: Message) -> Problem | None:
    """Check that the body is JSON: then its first character cannot continue the URL."""
    if message.body[:1] in (b"{", b"[") and isinstance(message.json, dict | list):
        return None
    return "bad_body", "The body is no JSON object or list, and its sender sends nothing else."


def _of_form(scheme: Scheme, message: Message) -> Problem | None:
    """Check the field names of a form, because nothing separates names from values in the signed
    text; deduplication counts every reading of it as one delivery. Check any other body by its
    digest at the end of the URL."""
    if message.form:
        if all(_FIELD.fullmatch(name) for name, _ in message.form):
            return None
        return "bad_body", "A field of the form has a name that its sender does not use."
    _, _, wanted = message.url.rpartition(f"{scheme.body_hash}=")
    found = hashlib.sha256(message.body).hexdigest()
    if _SHA256.fullmatch(wanted) and hmac.compare_digest(wanted.lower().encode(), found.encode()):
        return None
    place = f"{scheme.body_hash} at the end of the address"
    return "body_changed", f"The body is not the one that {place} names."
