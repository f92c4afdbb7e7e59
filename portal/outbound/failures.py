"""Map exceptions of the HTTP library to kinds of failure."""

import errno
import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from portal.outbound.address_guard import ForbiddenAddress
from portal.outbound.outcome import Kind, Stage
from portal.outbound.outcome_texts import causes

_ERRNOS: dict[int, Kind] = {
    errno.ECONNREFUSED: "refused",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
    errno.EACCES: "unreachable",
    errno.EPERM: "unreachable",
    errno.ETIMEDOUT: "timeout",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
}
_INVALID = (aiohttp.InvalidURL, ValueError, TypeError)
_NOT_HTTP = (HttpProcessingError, aiohttp.ClientPayloadError)


def kind_of(error: BaseException, stage: Stage, *, closed: bool) -> Kind:
    """Return the kind of failure. `closed`: this side closed the client during the request."""
    reasons = list(causes(error))
    if any(isinstance(cause, ForbiddenAddress) for cause in reasons):
        return "forbidden_address"
    if closed:
        return "cancelled"
    if any(isinstance(cause, TimeoutError) for cause in reasons):
        return "dns" if stage == "dns" else "timeout"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "dns"
    if stage == "tls" or any(isinstance(cause, ssl.SSLError) for cause in reasons):
        return "tls"
    return _http_kind(error, reasons)


def _http_kind(error: BaseException, reasons: list[BaseException]) -> Kind:
    for cause in reasons:
        if isinstance(cause, LineTooLong) or "Too many headers" in str(cause):
            return "too_large"
        if isinstance(cause, OSError) and cause.errno in _ERRNOS:
            return _ERRNOS[cause.errno]
    if isinstance(error, _NOT_HTTP):
        return "protocol_error"
    if isinstance(error, _INVALID):
        return "invalid_request"
    return "reset"
