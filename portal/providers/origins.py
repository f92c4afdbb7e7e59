"""Tell to which origins the credentials of a connector may go, from its settings alone."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from portal.providers.entries import Provider, Variant
from portal.providers.filling import Unfilled, fill, fill_url
from portal.providers.sign_in import Browser, Nothing, Token, Unproven
from portal.providers.steps import Call, Check, McpHello, PostgresLogin, Proof, SmtpLogin

_LABELS = r"[a-z0-9-]+(\.[a-z0-9-]+)*"
_HOST = re.compile(rf"(?i)({_LABELS}\.[a-z][a-z0-9-]*|\d+(\.\d+){{3}})(:\d+)?")
USUAL_PORTS = {"http": 80, "https": 443}


def origins(provider: Provider, variant: Variant, config: Mapping[str, Any]) -> frozenset[str]:
    """Return every origin to which the portal may send stored credentials of this sign-in.

    An origin is `https://host`, with its port unless it is the usual one, or for a driver
    `postgresql://host:port`, with the mode of TLS where that is not verify-full. An address that a
    setting does not give yet, or that the other side tells only when it is asked, is left out.
    Credentials that only their user can send go to every address of the settings.
    """
    if isinstance(variant.sign_in, Nothing):
        return frozenset()
    if isinstance(variant.sign_in, Unproven):
        return frozenset(_written(config))
    values = provider.with_defaults(config)
    addresses = _addresses(variant, provider.check_of(variant))
    return frozenset(found for each in addresses if (found := _origin(each, values)))


def _addresses(variant: Variant, check: Check | None) -> Iterator[str]:
    """Yield the texts of all addresses to which an entry sends something."""
    match variant.sign_in:
        case Token(token_url=str(url)) | Token(issuer=str(url)) | Token(resource=str(url)):
            yield url
        case Browser(token_url=url):
            yield url
        case _:
            pass
    if variant.revocation:
        yield variant.revocation.url
    if check:
        calls = [*check.before, *(need.call for need in check.needs if need.call), check.who]
        yield from (found for call in calls if (found := _address(call)))


def _address(step: Proof) -> str | None:
    match step:
        case Call(url=url) | McpHello(url=url):
            return url
        case PostgresLogin(host=host, port=port, sslmode=mode):
            return f"postgresql://{host}:{port}?sslmode={mode}"
        case SmtpLogin(host=host, port=port):
            return f"smtp://{host}:{port}"
        case _:
            return None


def _written(value: Any) -> Iterator[str]:
    """Yield the addresses and host names that stand anywhere in settings."""
    if isinstance(value, Mapping):
        yield from (found for part in value.values() for found in _written(part))
    elif isinstance(value, list):
        yield from (found for part in value for found in _written(part))
    elif isinstance(value, str) and "://" in value:
        yield _origin(value, {}) or value
    elif isinstance(value, str) and _HOST.fullmatch(value):
        yield value.lower()


def _origin(text: str, values: Mapping[str, Any]) -> str | None:
    scheme, separator, rest = text.partition("://")
    is_whole = text.startswith("{")  # a setting that is itself an address
    try:
        if separator and scheme not in USUAL_PORTS:
            return fill(text, values).lower().removesuffix("?sslmode=verify-full")
        until = text.index("}") + 1 if is_whole else len(scheme) + 3 + len(rest.partition("/")[0])
        found = urlsplit(fill_url(text[:until], values))
        port = found.port
    except (Unfilled, ValueError):
        return None
    shown = "" if port in (None, USUAL_PORTS.get(found.scheme)) else f":{port}"
    host = f"[{found.hostname}]" if ":" in (found.hostname or "") else found.hostname
    return f"{found.scheme}://{host}{shown}"
