"""Map exceptions of the HTTP library to kinds of failure."""

import errno
import socket
import ssl
from collections.abc import Iterator

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from portal.outbound.address_guard import ForbiddenAddress
from portal.outbound.outcome import Kind, Stage

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
    causes = list(_causes(error))
    if any(isinstance(cause, ForbiddenAddress) for cause in causes):
        return "forbidden_address"
    if closed:
        return "cancelled"
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return "dns" if stage == "dns" else "timeout"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "dns"
    if stage == "tls" or any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "tls"
    return _http_kind(error, causes)


def is_unknown_name(error: BaseException | None) -> bool:
    """Tell whether a name server answered that there is no such name, or no address for it."""
    answers = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
    return any(
        isinstance(cause, socket.gaierror) and cause.errno in answers for cause in _causes(error)
    )


def _http_kind(error: BaseException, causes: list[BaseException]) -> Kind:
    for cause in causes:
        if isinstance(cause, LineTooLong) or "Too many headers" in str(cause):
            return "too_large"
        if isinstance(cause, OSError) and cause.errno in _ERRNOS:
            return _ERRNOS[cause.errno]
    if isinstance(error, _NOT_HTTP):
        return "protocol_error"
    if isinstance(error, _INVALID):
        return "invalid_request"
    return "reset"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__
