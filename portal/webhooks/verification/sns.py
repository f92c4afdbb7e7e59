"""Verification of Amazon SNS messages.

Amazon signs for all its customers, so the topic that is set as the secret decides. The signed text
is a list of names and values, each on its own line, and anybody can have Amazon sign any message to
a topic of their own. So a message is accepted only if its text can be read in one way: all values
but the message itself have one line, and its type is known.

Source: docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages". Certificates,
and the address that confirms a subscription, are only fetched from Amazon's own SNS hosts.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

TOPIC = re.compile(r"arn:aws[a-z-]{0,10}:sns:[a-z0-9-]{3,30}:[0-9]{12}:[A-Za-z0-9_.-]{1,256}")
# The middle is a region: sns.s3-us-west-2.amazonaws.com is the bucket of whoever named one sns.
HOST = re.compile(r"sns\.[a-z]{2}(?:-[a-z]{1,20}){1,3}-[0-9]{1,2}\.amazonaws\.com(?:\.cn)?")
CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED: Mapping[str, Sequence[str]] = {
    "Notification": NOTIFICATION,
    **dict.fromkeys(CONFIRMATIONS, CONFIRMATION),
}
"""The type of a message → the names of the signed fields, in the order of signing."""
OPTIONAL = "Subject"
MANY_LINES = "Message"
LINE_BREAKS = re.compile(r"[\r\n]")
# Version 1 (SHA-1) is accepted because Amazon uses it unless version 2 was chosen for the topic.
HASHES: Mapping[str, type[HashAlgorithm]] = {"1": SHA1, "2": SHA256}


def is_amazons(url: Any) -> bool:
    """Tell whether a URL is on one of Amazon's SNS hosts, over https and without a port."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and port is None
        and "@" not in parts.netloc
        and HOST.fullmatch(parts.netloc) is not None
    )


def certificate_url(body: Any) -> str | None:
    """Return the URL of a message's certificate; None if it may not be fetched."""
    url = body.get("SigningCertURL") if isinstance(body, dict) else None
    if not isinstance(url, str) or not is_amazons(url):
        return None
    return url if urlsplit(url).path.endswith(".pem") else None


def topic_of(body: Any) -> str:
    """Return the topic that a message names; empty if it names none."""
    topic = body.get("TopicArn") if isinstance(body, dict) else None
    return topic if isinstance(topic, str) else ""


def confirmation_of(body: Any) -> str | None:
    """Return the URL that confirms a subscription, if the message asks for that; else None."""
    if not isinstance(body, dict) or body.get("Type") != CONFIRMATIONS[0]:
        return None
    url = body.get("SubscribeURL")
    return url if is_amazons(url) else None


def form_problem(raw: bytes, body: Mapping[str, Any]) -> str | None:
    """Return a sentence if the message could be read in another way than it was signed, else
    None."""
    if not has_each_name_once(raw):
        return "The message has a name twice."
    names = SIGNED.get(body["Type"]) if isinstance(body.get("Type"), str) else None
    if names is None:
        return f"Its Type is none of {', '.join(SIGNED)}."
    for name in names:
        value = body.get(name)
        if value is None and name == OPTIONAL:
            continue
        if not isinstance(value, str) or not _is_unicode(value):
            return f"Its {name} is missing, or is no text."
        if name != MANY_LINES and LINE_BREAKS.search(value):
            return f"Its {name} has a line break."
    return None


def has_each_name_once(raw: bytes) -> bool:
    """Tell whether no object of a JSON document has a name twice: parsers differ in which one they
    use."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError
        return found

    try:
        json.loads(raw, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return False
    return True


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair would be signed as another character
        return False
    return True


def signed_text(body: Mapping[str, Any]) -> bytes:
    """Return the signed names and values, each on its own line. The message must have no
    `form_problem`."""
    names = SIGNED.get(str(body.get("Type")), NOTIFICATION)
    lines = [f"{name}\n{body[name]}\n" for name in names if isinstance(body.get(name), str)]
    return "".join(lines).encode("utf-8", "replace")


def is_signed(body: Mapping[str, Any], signature: bytes, pem: bytes, now: float) -> bool:
    """Tell whether the key of a certificate, which must be valid at `now` (seconds), signed a
    message."""
    chosen = HASHES.get(str(body.get("SignatureVersion")))
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except ValueError:
        return False
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    holds = begins.timestamp() <= now <= ends.timestamp()
    if chosen is None or not isinstance(key, RSAPublicKey) or not holds:
        return False
    try:
        key.verify(signature, signed_text(body), PKCS1v15(), chosen())
    except InvalidSignature:
        return False
    return True


def matching(topics: Sequence[str], body: Any) -> str | None:
    """Return the topic of a message if it is one of these, else None."""
    return next((topic for topic in topics if topic == topic_of(body)), None)
