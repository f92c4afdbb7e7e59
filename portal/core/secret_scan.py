"""Find text that looks like a credential in places for non-secret text, and a known secret in every
spelling.

The patterns are formats that the issuers publish, so false alarms are rare. A password has no
format of its own and is found by the name of its field.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from portal.core.key_shape import SHAPE

SHORTEST = 4  # characters of base64 that tell anything
FORMATS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a GitHub token", re.compile(r"\b(?:github_pat_\w{22,}|gh[pousr]_[A-Za-z0-9]{36,})")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9._-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a Stripe key", re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}")),
    ("an Okta API token", re.compile(r"^00[A-Za-z0-9_-]{40}$")),
    ("a HubSpot token", re.compile(r"\bpat-[a-z]{2,4}\d?-[0-9a-f-]{36}")),
    ("a Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    (
        "a signed token (JWT)",
        # The lookahead tests each run of letters only once, so that any text takes linear time.
        re.compile(r"(?<![\w-])(?=[\w-]*+\.eyJ[\w-]{8,}+\.)[\w-]*?\beyJ[\w-]{8,}\."),
    ),
    ("a webhook signing secret", re.compile(r"\bwhsec_[A-Za-z0-9+/_=-]{16,}")),
    ("an API key of this platform", SHAPE),
    ("an address with a password in it", re.compile(r"://[^/\s:@]*:[^/\s@]+@")),
)
# Names of fields whose value is secret in any format; case and separators are ignored.
NAMES = {
    "password": "a password",
    "passwd": "a password",
    "passphrase": "a passphrase",
    "secret": "a secret",
    "clientsecret": "a client secret",
    "token": "a token",
    "accesstoken": "an access token",
    "refreshtoken": "a refresh token",
    "apitoken": "an API token",
    "apikey": "an API key",
    "appkey": "an application key",
    "secretaccesskey": "a secret access key",
    "secretkey": "a secret key",
    "signingkey": "a signing key",
    "privatekey": "a private key",
    "privatekeypem": "a private key",
    "privatejwk": "a private key",
    "clientkeypem": "a private key",
    "authorization": "an authorization header",
}


def looks_like(text: str) -> str | None:
    """Return the kind of credential in the text, in words (“a GitHub token”), or None."""
    return next((kind for kind, form in FORMATS if form.search(text)), None)


def spellings(secret: str) -> set[str]:
    """Return the texts in which a secret may be written: as it is, in an address, in source code,
    in JSON, and in base64."""
    encoded = secret.encode("utf-8", "surrogatepass")
    in_addresses = {quote(encoded), quote(encoded, safe=""), quote_plus(encoded)}
    in_code = {repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    return {secret} | in_addresses | in_code | _in_base64(encoded)


def _in_base64(secret: bytes) -> set[str]:
    """Return what base64 makes of a secret, alone and within a longer text."""
    found = {base64.b64encode(secret).decode().rstrip("=")}
    for before in (1, 2):
        text = base64.b64encode(b"\0" * before + secret).decode().rstrip("=")
        found.add(text[before + 1 : -1])
    return {text for text in found if len(text) >= SHORTEST}


def findings(document: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield (path, kind of credential) for each one in a JSON document, by value or field name."""
    if isinstance(document, dict):
        for name, value in document.items():
            if looks_like(name):
                yield path, "a credential as a name"
                continue
            by_name = NAMES.get(re.sub(r"[\W_]", "", name.lower()))
            if by_name and isinstance(value, str) and value:
                yield f"{path}.{name}", by_name
            else:
                yield from findings(value, f"{path}.{name}")
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from findings(value, f"{path}.{number}")
    elif isinstance(document, str) and (kind := looks_like(document)):
        yield path, kind
