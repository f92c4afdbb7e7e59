"""Get access tokens (RFC 6749, RFC 7523), for a check and for whoever leases one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, urlsplit, urlunsplit

import orjson

from portal.connections.checks.answers import Reading, Table, row
from portal.connections.checks.documents import NoDocument, end_of, json_of, look, seconds_of
from portal.connections.checks.progress import Stopped
from portal.connections.checks.report import Failure, Fetched
from portal.connections.checks.sign_in.assertions import assertion_of
from portal.connections.checks.sign_in.signers import basic
from portal.connections.checks.visit import FORM, Signer, Visit, form
from portal.core.deadlines import elapsed
from portal.outbound import Request
from portal.providers.answers import SHARED
from portal.providers.filling import fill_all, fill_url
from portal.providers.sign_in import Token
from portal.providers.steps import Answer, Verdict

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JSON = {"Accept": "application/json"}
_LONGEST_TOKEN = 16 * 1024
_RESOURCE_METADATA = re.compile(r'resource_metadata\s*=\s*"([^"\s]+)"', re.IGNORECASE)


def _error(verdict: Verdict, *codes: str, says: str | None = None) -> Answer:
    return row(verdict, path="error", says=says, **{"is": codes})


# RFC 6749, 5.2, whatever the status is: some answer 200 with an error.
ERRORS: tuple[Answer, ...] = (
    row("auth_expired", contains="AADSTS7000222", says="The client secret has expired."),
    _error("auth_invalid", "invalid_client", "invalid_client_id", "invalid_client_credentials",
           says="The provider does not know the client, or refuses its secret."),
    _error("auth_invalid", "invalid_grant", says="The provider refuses the signed assertion."),
    # Keycloak's code for a wrong secret is that of a client which lacks a right.
    row("auth_invalid", 401, contains="Invalid client or Invalid client credentials",
        says="The provider does not know the client, or refuses its secret."),
    _error("auth_scope", "unauthorized_client", "access_denied",
           says="The client may not get a token in this way."),
    _error("auth_scope", "invalid_scope", "invalid_target",
           says="The client may not ask for these scopes."),
    _error("rate_limited", "slow_down"),
    _error("transient", "server_error", "temporarily_unavailable"),
)  # fmt: skip
PASSED = row("passed", 200, 201)
_NO_TOKEN = Failure(
    "config",
    "The provider's answer has no access token.",
    "Check that the settings lead to the provider's token address.",
)


@dataclass(frozen=True, slots=True)
class Got:
    """A token, and the answer that brought it."""

    fetched: Fetched
    document: Any
    status: int | None


async def get_token(visit: Visit, way: Token) -> Got:
    """Get a token and let the visit's requests carry it. Raises Stopped or Unfilled."""
    url = await _address(visit, way)
    request = _request(visit, way, url)
    begun, asked_at = datetime.now(UTC), elapsed()
    reading = await _reading_of(visit, request, (*ERRORS, PASSED, *SHARED))
    value = look(reading.document, way.token_path)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TOKEN:
        raise Stopped(replace(_NO_TOKEN, status=reading.status))
    said = look(reading.document, way.expires_path)
    fetched = Fetched(value, end_of(said, begun), seconds_of(said), asked_at)
    visit.token = fetched
    visit.quotes.hide(value)
    visit.discover(way.discovers, reading.document, url)
    visit.sign = _carrying(visit.fill(way.header))
    return Got(fetched, reading.document, reading.status)


def _carrying(header: str) -> Signer:
    name, _, value = header.partition(":")
    added = {name.strip(): value.strip()}
    return lambda request: replace(request, headers={**request.headers, **added})


async def _reading_of(visit: Visit, request: Request, rows: tuple[Answer, ...]) -> Reading:
    outcome = await visit.send(request)
    reading = visit.reader.read(outcome, Table(rows, must_be_json=True), visit.values)
    if not reading.passed:
        raise Stopped(reading.failure())
    return reading


def _request(visit: Visit, way: Token, url: str) -> Request:
    fields: dict[str, str] = {}
    headers = dict(JSON)
    if way.grant == "exchange":
        assertion = _assertion(visit, way, url)
        headers["Authorization"] = f"Bearer {assertion}"
    else:
        fields |= _granted(visit, way, url)
    fields |= _client(visit, way, url, headers)
    scopes = fill_all(way.scopes, visit.values)
    if scopes:
        fields["scope"] = way.separator.join(scopes)
    if way.resource:
        fields["resource"] = fill_url(way.resource, visit.values)
    fields |= fill_all(way.parameters, visit.values)
    if way.body == "json":
        headers["Content-Type"] = "application/json"
        return Request("POST", url, headers, orjson.dumps(fields))
    headers["Content-Type"] = FORM
    return Request("POST", url, headers, form(fields))


def _granted(visit: Visit, way: Token, url: str) -> dict[str, str]:
    if way.grant == "jwt_bearer":
        return {"grant_type": JWT_BEARER, "assertion": _assertion(visit, way, url)}
    return {"grant_type": "client_credentials"}


def _client(visit: Visit, way: Token, url: str, headers: dict[str, str]) -> dict[str, str]:
    """Return the fields that prove the client, or put them into the headers."""
    match way.client_auth:
        case "none":
            return {}
        case "private_key_jwt":
            return {
                "client_id": visit.fill(way.client_id),
                "client_assertion_type": ASSERTION,
                "client_assertion": _assertion(visit, way, url),
            }
        case "basic":
            client, secret = visit.fill(way.client_id), visit.fill(way.client_secret)
            headers |= basic(visit, f"{quote_plus(client)}:{quote_plus(secret)}")
            return {}
        case "body":
            return {
                "client_id": visit.fill(way.client_id),
                "client_secret": visit.fill(way.client_secret),
            }


def _assertion(visit: Visit, way: Token, url: str) -> str:
    if way.assertion is None:
        raise LookupError("the entry of the catalogue has no assertion")
    made = assertion_of(way.assertion, visit.values, url)
    visit.quotes.hide(made)
    return made


# --- the token address ----------------------------------------------------------------------------


async def _address(visit: Visit, way: Token) -> str:
    """Return the token address: the entry's, or the one that the issuer's metadata name."""
    if way.token_url is not None:
        return fill_url(way.token_url, visit.values)
    if way.issuer is not None:
        issuer = fill_url(way.issuer, visit.values)
    else:
        issuer = await _issuer_of(visit, fill_url(way.resource or "", visit.values))
    metadata = await _first(visit, _well_known(issuer, "openid-configuration", at_the_end=True),
                            _well_known(issuer, "oauth-authorization-server"))  # fmt: skip
    named, url = metadata.get("issuer"), metadata.get("token_endpoint")
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        raise Stopped(_other("The metadata at the issuer's address are those of another issuer."))
    if not isinstance(url, str) or not _as_safe(url, issuer):
        raise Stopped(_other("The issuer's metadata name no token address that can be used."))
    _keep_to_origin(visit, url)
    return url


def _keep_to_origin(visit: Visit, url: str) -> None:
    """Note where the token address is. Raises Stopped if these credentials were saved for another
    origin: nothing secret has been sent then."""
    origin, known = _origin(url).lower(), visit.token_origin
    if known is None:
        visit.token_origin = origin
    elif known != origin:
        named, kept = visit.quotes.clean(origin), visit.quotes.clean(known)
        said = f"The token address is now at {named}, and nothing was sent there: these credentials"
        remedy = "If the provider has moved, enter all of the credentials again."
        raise Stopped(Failure("config", f"{said} have been used with {kept} alone.", remedy))


async def _issuer_of(visit: Visit, resource: str) -> str:
    """Return the issuer that the metadata of a protected resource name (RFC 9728)."""
    kind = "oauth-protected-resource"
    places = [_well_known(resource, kind)]
    answer = await visit.send(Request("GET", resource, JSON))
    found = _RESOURCE_METADATA.search(answer.header("www-authenticate") or "")
    if found and _origin(found[1]) == _origin(resource):
        places.insert(0, found[1])
    metadata = await _first(visit, *places, _well_known(_origin(resource), kind))
    about, issuers = metadata.get("resource"), metadata.get("authorization_servers")
    if not isinstance(about, str) or not _covers(about, resource):
        raise Stopped(_other("The metadata at the server's address are those of another server."))
    issuer = issuers[0] if isinstance(issuers, list) and issuers else None
    if not isinstance(issuer, str) or not _as_safe(issuer, resource):
        raise Stopped(_other("The server's metadata name no authorization server."))
    return issuer


async def _first(visit: Visit, *urls: str) -> Mapping[str, Any]:
    """Return the first metadata that are found; nothing has been sent but the request."""
    last = None
    for url in dict.fromkeys(urls):
        outcome = await visit.send(Request("GET", url, JSON))
        if outcome.succeeded:
            try:
                found = json_of(outcome)
            except NoDocument:
                found = None
            if isinstance(found, dict):
                return found
        last = outcome
        if outcome.status is None:
            break
    rows = (row("config", 200, says="A web page came instead of metadata."),)
    assert last is not None  # noqa: S101 - there is at least one address
    raise Stopped(visit.reader.read(last, Table((*rows, *SHARED)), visit.values).failure())


def _well_known(url: str, name: str, at_the_end: bool = False) -> str:
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    place = f"{path}/.well-known/{name}" if at_the_end else f"/.well-known/{name}{path}"
    return urlunsplit((parts.scheme, parts.netloc, place, "", ""))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _covers(about: str, resource: str) -> bool:
    about, resource = about.rstrip("/"), resource.rstrip("/")
    return resource == about or (resource.startswith(about + "/") and _origin(about) == about)


def _as_safe(url: str, known: str) -> bool:
    """Tell whether credentials are as safe on their way to `url` as to the address we know."""
    schemes = ("https",) if known.startswith("https:") else ("https", "http")
    return urlsplit(url).scheme in schemes and len(url) < 2048


def _other(said: str) -> Failure:
    return Failure("config", said, "Check the address in the settings, down to its last slash.")
