"""Make signers of the credentials that are stored."""

import base64
import re
import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from portal.connections.checks.answers import Table, row
from portal.connections.checks.progress import Stopped
from portal.connections.checks.report import Failure
from portal.connections.checks.sign_in import sigv4
from portal.connections.checks.sign_in.assertions import assertion_of, refusal
from portal.connections.checks.visit import FORM, Signer, Visit, form
from portal.core.asymmetric_keys import RefusedKey
from portal.outbound import Request
from portal.providers.answers import SHARED
from portal.providers.filling import fill, fill_all, fill_url
from portal.providers.sign_in import (
    Basic,
    ClientCertificate,
    Headers,
    PlacedKey,
    SignedToken,
    SigV4,
)
from portal.providers.steps import Answer

_NO_PAIR = Failure(
    "auth_invalid",
    "The certificate and the private key cannot be used: one cannot be read, or they are no pair.",
    "Enter both whole, from -----BEGIN to -----END, the key without a passphrase.",
)
_ROLE = re.compile(r"<(AccessKeyId|SecretAccessKey|SessionToken)>([^<]+)<")
AWS_ERRORS: tuple[Answer, ...] = (
    row("auth_invalid", 400, 403, contains="InvalidClientTokenId",
        says="There is no such access key id."),
    row("auth_invalid", 400, 403, contains="SignatureDoesNotMatch",
        says="The secret access key does not belong to this access key id."),
    row("auth_expired", 400, 403, contains="ExpiredToken"),
    row("auth_scope", 400, 403, contains="AccessDenied", says="The key may not take this role."),
    row("passed", 200, contains="<SecretAccessKey>"),
    *SHARED,
)  # fmt: skip


async def signer_of(visit: Visit) -> Signer:
    """Return the function that signs each request of a check. Raises Stopped or Unfilled."""
    way, values = visit.variant.sign_in, visit.values
    match way:
        case Headers():
            return _adding(fill_all(way.headers, values), fill_all(way.query, values))
        case PlacedKey():
            named = {fill(way.name, values): fill(fill(way.value, values), values)}
            in_query = fill(way.place, values) == "query"
            return _adding({}, named) if in_query else _adding(named, {})
        case Basic():
            pair = f"{fill(way.username, values)}:{_password(visit, way)}"
            return _adding(basic(visit, pair), {})
        case SignedToken():
            token = assertion_of(way.assertion, values, audience="")
            visit.quotes.hide(token)
            return _adding(fill_all(way.headers, {**values, "access_token": token}), {})
        case SigV4():
            return await _aws(visit, way)
        case ClientCertificate():
            return _certificate(visit, way)
        case _:
            return lambda request: request


def basic(visit: Visit, pair: str) -> dict[str, str]:
    """Return the header of RFC 7617 for a user and a password."""
    encoded = base64.b64encode(pair.encode()).decode()
    visit.quotes.hide(encoded)
    return {"Authorization": f"Basic {encoded}"}


def _password(visit: Visit, way: Basic) -> str:
    # An empty one is usual: some providers take a key as the user name alone.
    return fill(way.password, visit.values) if way.password else ""


def _adding(headers: Mapping[str, str], query: Mapping[str, str]) -> Signer:
    added = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in query.items())

    def sign(request: Request) -> Request:
        url = request.url
        if added:
            url += ("&" if "?" in url else "?") + added
        return replace(request, url=url, headers={**request.headers, **headers})

    return sign


def _certificate(visit: Visit, way: ClientCertificate) -> Signer:
    trust = presenting(visit, visit.fill(way.certificate), visit.fill(way.key))
    return lambda request: replace(request, trust=trust)


def presenting(visit: Visit, certificate: str, key: str) -> ssl.SSLContext:
    """Return a new TLS context that presents a certificate if one is given. Raises Stopped."""
    try:
        return visit.client.trust(certificate, key)
    except RefusedKey as refused:
        raise Stopped(refusal(refused)) from None
    except ValueError:
        raise Stopped(_NO_PAIR) from None


async def _aws(visit: Visit, way: SigV4) -> Signer:
    region = visit.fill(way.region)
    keys = sigv4.Keys(visit.fill(way.access_key_id), visit.fill(way.secret_access_key))
    if way.role_arn:
        keys = await _as_role(visit, way, keys, region)

    def sign(request: Request) -> Request:
        return sigv4.signed(request, keys, region, way.service, datetime.now(UTC))

    return sign


async def _as_role(visit: Visit, way: SigV4, keys: sigv4.Keys, region: str) -> sigv4.Keys:
    """Return temporary keys of the role, from AWS's token service (STS)."""
    fields: dict[str, Any] = {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": visit.fill(way.role_arn or ""),
        "RoleSessionName": "cpod-check",
        "DurationSeconds": "900",
    }
    if way.external_id:
        fields["ExternalId"] = visit.fill(way.external_id)
    url = fill_url(way.sts_url, visit.values)
    request = Request("POST", url, {"Content-Type": FORM}, form(fields))
    outcome = await visit.send(sigv4.signed(request, keys, region, "sts", datetime.now(UTC)))
    reading = visit.reader.read(outcome, Table(AWS_ERRORS), visit.values)
    if not reading.passed:
        raise Stopped(reading.failure())
    found = dict(_ROLE.findall(outcome.text))
    for secret in found.values():
        visit.quotes.hide(secret)
    return sigv4.Keys(
        found.get("AccessKeyId", ""), found["SecretAccessKey"], found.get("SessionToken")
    )
