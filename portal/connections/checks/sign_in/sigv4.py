"""Sign requests to AWS with Signature Version 4, as AWS documents it for its REST APIs."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from portal.outbound import Request

ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an AWS identity; `session` is the token of temporary ones."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session: str | None = field(default=None, repr=False)


def signed(request: Request, keys: Keys, region: str, service: str, now: datetime) -> Request:
    """Return the request with the headers that sign it."""
    at = now.strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(request.body).hexdigest()
    headers = {**request.headers, "X-Amz-Date": at}
    if service == "s3":
        headers["X-Amz-Content-Sha256"] = digest
    if keys.session:
        headers["X-Amz-Security-Token"] = keys.session
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    covered, canonical = canonical_request(request, headers, digest, service)
    to_sign = "\n".join((ALGORITHM, at, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = _signature(keys.secret_access_key, scope, to_sign)
    headers["Authorization"] = (
        f"{ALGORITHM} Credential={keys.access_key_id}/{scope},"
        f" SignedHeaders={covered}, Signature={signature}"
    )
    return replace(request, headers=headers)


def canonical_request(
    request: Request, headers: Mapping[str, str], digest: str, service: str
) -> tuple[str, str]:
    """Return the names of the headers that are signed, and the text whose digest is signed."""
    parts = urlsplit(request.url)
    lowered = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    lowered["host"] = _host(parts.scheme, parts.netloc)
    ordered = sorted(lowered.items())
    names = ";".join(name for name, _ in ordered)
    lines = "".join(f"{name}:{value}\n" for name, value in ordered)
    path = quote(unquote(parts.path or "/"), safe="/" + _UNRESERVED)
    if service != "s3":  # every other service encodes the encoded path once more
        path = quote(path, safe="/" + _UNRESERVED)
    text = "\n".join((request.method, path, _query(parts.query), lines, names, digest))
    return names, text


def _host(scheme: str, place: str) -> str:
    usual = {"https": ":443", "http": ":80"}.get(scheme, "")
    return place.lower().removesuffix(usual)


def _query(query: str) -> str:
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    encoded = sorted((quote(k, safe=_UNRESERVED), quote(v, safe=_UNRESERVED)) for k, v in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _signature(secret: str, scope: str, to_sign: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
