"""Explain every outcome in words: what happened, and what a person can do about it.

No text repeats an exception's message: these name internal addresses.
"""

import socket
import ssl
from collections.abc import Iterator

from portal.outbound.outcome import Kind, Stage

Words = tuple[str, str]

_KINDS: dict[Kind, Words] = {
    "delivered": ("The receiver answered {status}.", ""),
    "redirect": (
        "The receiver answered {status} and points to another address. Redirects are not followed.",
        "Enter the address that it points to, if you trust it.",
    ),
    "forbidden_address": (
        "This address is not allowed: it does not lead to a public internet address.",
        "Use an address that is reachable from the internet, or ask the operator to allow your"
        " network.",
    ),
    "invalid_request": (
        "The request could not be made: its address or one of its headers is not valid.",
        "Correct the address and the custom headers.",
    ),
    "dns": (
        "The host name could not be found in DNS.",
        "Check the spelling, and that the name is published.",
    ),
    "refused": (
        "The receiver's machine refused the connection: nothing listens on that port.",
        "Start the receiver, or correct the port.",
    ),
    "unreachable": (
        "There is no way to the receiver's machine.",
        "Check that it is up and that no firewall is in the way.",
    ),
    "reset": (
        "The receiver closed the connection before its answer was complete.",
        "Look into the receiver's log for a crash, and into the proxy before it for a limit.",
    ),
    "too_large": (
        "The receiver's answer is larger than what is read here.",
        "Answer with a status and little else.",
    ),
    "protocol_error": (
        "What the receiver sent is not a correct HTTP answer.",
        "Check that the address leads to an HTTP server, and that nothing on the way changes the"
        " answer.",
    ),
    "cancelled": (
        "The request was stopped on this side before it was answered.",
        "Send it again.",
    ),
}

_STATUSES: dict[int, Words] = {
    400: ("", "The receiver did not accept the content: compare it with what it expects."),
    401: ("", "Add the credential that the receiver expects as a custom header."),
    403: ("", "The receiver does not let this request in: check its credential and firewall."),
    404: ("", "Nothing lives at this path: check the address."),
    405: ("", "The receiver does not take this method at this path: check the address."),
    410: ("", "The receiver says that this address is gone for good: remove or replace it."),
    413: ("", "The event is too large for the receiver: raise its limit."),
    415: ("", "The receiver does not take this content type."),
    429: ("", "The receiver asks to be called less often."),
    503: ("", "The receiver is overloaded or down for the moment."),
}

_TIMEOUTS: dict[Stage, Words] = {
    "connect": (
        "The receiver's machine did not take the connection in time.",
        "Check that it is up and that no firewall drops the connection.",
    ),
    "tls": (
        "The receiver did not finish the TLS handshake in time.",
        "Check that the port speaks HTTPS.",
    ),
    "wait": (
        "The receiver took the request but did not answer in time.",
        "Answer first and do the work afterwards, or raise the timeout.",
    ),
    "read": (
        "The receiver began to answer ({status}) but did not finish in time.",
        "Answer with a status and little else.",
    ),
}
_SLOW_DNS = ("The name server did not answer in time.", "Check the name servers of the domain.")

# OpenSSL's X509_V_ERR_* codes, x509_vfy.h.
_CERTIFICATES: dict[int, Words] = {
    9: ("The receiver's certificate is not valid yet.", "Check the clock and the certificate."),
    10: ("The receiver's certificate has expired.", "Renew the certificate."),
    18: (
        "The receiver's certificate is self-signed.",
        "Use a certificate of a public authority, for example Let's Encrypt.",
    ),
    19: (
        "The receiver's certificate was issued by an authority that is not trusted here.",
        "Use a certificate of a public authority, for example Let's Encrypt.",
    ),
    20: (
        "The receiver's certificate cannot be traced to a trusted authority.",
        "Serve the whole chain, the intermediate certificates included.",
    ),
    62: (
        "The receiver's certificate is for another host name.",
        "Use the name that the certificate was issued for.",
    ),
    64: (
        "The receiver's certificate is not for this IP address.",
        "Use the name that the certificate was issued for.",
    ),
}
_BAD_CERTIFICATE = ("The receiver's certificate is not valid.", "Check the certificate.")
_NO_TLS = (
    "No TLS connection could be made with the receiver.",
    "Check that the port speaks HTTPS, with TLS 1.2 or newer.",
)


def explain(
    kind: Kind,
    stage: Stage = "dns",
    status: int | None = None,
    error: BaseException | None = None,
) -> Words:
    """Return two sentences: what happened, and what to do (may be empty)."""
    if kind == "http_error":
        said, remedy = f"The receiver answered {status}.", _STATUSES.get(status or 0, ("", ""))[1]
        if not remedy and (status or 0) >= 500:
            remedy = "The receiver failed while it handled the request: look into its log."
        return said, remedy
    if kind == "tls":
        return _explain_tls(error)
    if kind == "timeout":
        said, remedy = _TIMEOUTS.get(stage, _TIMEOUTS["wait"])
    elif kind == "dns" and isinstance(error, TimeoutError):
        said, remedy = _SLOW_DNS
    else:
        said, remedy = _KINDS[kind]
    return said.format(status=status), remedy


def _explain_tls(error: BaseException | None) -> Words:
    cause = getattr(error, "certificate_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _CERTIFICATES.get(cause.verify_code, _BAD_CERTIFICATE)
    return _NO_TLS


def is_unknown_name(error: BaseException | None) -> bool:
    """Tell whether a name server answered that there is no such name, or no address for it."""
    answers = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
    return any(
        isinstance(cause, socket.gaierror) and cause.errno in answers for cause in causes(error)
    )


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what caused it."""
    while error is not None:
        yield error
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__
