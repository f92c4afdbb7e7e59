"""Sign in to a mail relay (RFC 5321, RFC 4954, RFC 8314). No mail is sent."""

import asyncio
import base64
from contextlib import suppress
from typing import Any

import aiosmtplib

from portal.connections.checks.drivers.dialled import CHECK_THE_PORT, dial, failed_tls
from portal.connections.checks.progress import Stopped
from portal.connections.checks.report import Failure
from portal.connections.checks.visit import HEAD_SECONDS, Visit
from portal.outbound import Dialled
from portal.providers.filling import fill
from portal.providers.steps import SmtpLogin, Verdict

PORTS = (25, 465, 587)
_US = "[127.0.0.1]"
_NOT_SMTP = Failure("config", "The server does not speak SMTP as it should.", CHECK_THE_PORT)
_NO_TLS = Failure(
    "config",
    "The relay offers no encryption (STARTTLS) on this port.",
    "Use its port for submission with TLS, usually 465 or 587.",
)
_NO_AUTH = Failure(
    "config",
    "The relay offers no way to sign in that the portal knows.",
    "Use its port for submission, usually 465 or 587.",
)
_CLOSED = Failure(
    "transient",
    "The relay closed the connection, or did not answer in time.",
    "Check again; if it stays so, look into the relay's log.",
)


async def prove(visit: Visit, login: SmtpLogin) -> tuple[str, dict[str, Any]]:
    """Sign in, and return the account and the relay's greeting. Raises Stopped."""
    values = visit.values
    implicit = fill(login.tls, values) == "implicit"
    dialled = await dial(visit, fill(login.host, values), fill(login.port, values), PORTS)
    relay = aiosmtplib.SMTP(
        hostname=dialled.name,
        sock=dialled.socket,
        use_tls=implicit,
        start_tls=False,
        local_hostname=_US,
        timeout=HEAD_SECONDS,
        tls_context=visit.client.trust(),
    )
    try:
        await _greet(relay, implicit)
        await visit.progress.passed("tls", _version(relay))
        await _sign_in(visit, relay, fill(login.username, values), fill(login.password, values))
        await _stay(visit, relay)
    except aiosmtplib.SMTPException as error:
        raise _stopped(visit, error) from None
    finally:
        await _close(relay, dialled)
    return visit.quotes.clean(f"{fill(login.username, values)} at {dialled.name}"), {}


async def _greet(relay: aiosmtplib.SMTP, implicit: bool) -> None:
    """Secure the connection and greet the relay."""
    try:
        await relay.connect()
        if not implicit:
            await relay.ehlo()
            if not relay.supports_extension("starttls"):
                raise Stopped(_NO_TLS)
            await relay.starttls()
    except (aiosmtplib.SMTPException, OSError) as error:
        chain = (error, error.__cause__, error.__context__)
        if handshake := next((each for each in chain if _is_of_tls(each)), None):
            raise failed_tls(handshake) from None  # type: ignore[arg-type]
        raise


def _is_of_tls(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and not isinstance(error, aiosmtplib.SMTPException)


async def _sign_in(visit: Visit, relay: aiosmtplib.SMTP, username: str, password: str) -> None:
    await relay.ehlo()
    if not relay.supports_extension("auth") or not relay.supported_auth_methods:
        raise Stopped(_NO_AUTH)
    plain = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
    visit.quotes.hide(plain)
    answer = await relay.login(username, password)
    await visit.progress.passed("sign_in", "The relay accepts the credentials.", answer.code)


async def _stay(visit: Visit, relay: aiosmtplib.SMTP) -> None:
    """Show that the session is open, and leave it as is polite."""
    answer = await relay.noop()
    await visit.progress.passed("who", "The relay keeps the session open.", answer.code)
    with suppress(aiosmtplib.SMTPException, asyncio.TimeoutError):
        await relay.quit(timeout=1.0)


def _version(relay: aiosmtplib.SMTP) -> str:
    secure = relay.get_transport_info("ssl_object")
    return f"{secure.version()}." if secure else ""


def _stopped(visit: Visit, error: aiosmtplib.SMTPException) -> Stopped:
    """Return the end of a check by what the relay answered (RFC 4954, 6; RFC 3463)."""
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
        verdict, said, remedy = _meaning(error.code)
        text = visit.quotes.clean(error.message)
        said += f" It says: “{text}”" if text else ""
        return Stopped(Failure(verdict, said, remedy, error.code))
    lost = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError)
    return Stopped(
        _CLOSED if isinstance(error, (*lost, aiosmtplib.SMTPConnectError)) else _NOT_SMTP
    )


def _meaning(code: int) -> tuple[Verdict, str, str]:
    if code == 535:
        said = "The relay refuses the credentials (535)."
        return (
            "auth_invalid",
            said,
            "Check user name and password; some relays want an app password.",
        )
    if code in (530, 534, 538):
        said = f"The relay wants another way to sign in ({code})."
        return "config", said, "Check the port and the encryption, or allow this way at the relay."
    if 400 <= code < 500:
        said = f"The relay cannot answer at the moment ({code})."
        return "transient", said, "Check again later. Nothing needs to be changed here."
    said = f"The relay answered {code}, which this check does not know."
    return "config", said, "Check the settings, and look into the relay's log."


async def _close(relay: aiosmtplib.SMTP, dialled: Dialled) -> None:
    """Close the connection at once: a TLS connection would wait for the other side's goodbye."""
    transport = relay.transport
    relay.close()
    if isinstance(transport, asyncio.Transport):
        transport.abort()
    else:
        dialled.socket.close()
    await asyncio.sleep(0)  # a transport closes its socket in the loop's next turn
