"""Dial a server for a driver, and tell the steps of the connection."""

import ssl

from portal.connections.checks.progress import Stopped
from portal.connections.checks.report import Failure
from portal.connections.checks.visit import Visit
from portal.outbound import Dialled, Undialled
from portal.outbound.dialling import tls_words
from portal.providers.steps import Verdict

CHECK_THE_PORT = "Check the port, and that it is this server's."


async def dial(visit: Visit, host: str, port: str, ports: tuple[int, ...]) -> Dialled:
    """Return a connected socket to a host. Raises Stopped."""
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
    try:
        dialled = await visit.client.dial(host, number, ports)
    except Undialled as undialled:
        outcome = undialled.outcome
        await visit.progress.connection(outcome, f"tcp://{host}")
        raise AssertionError from None
    for name in ("address", "connect"):
        await visit.progress.arrived(name, dialled.timings)
    visit.progress.begin()
    return dialled


def failed_tls(error: OSError) -> Stopped:
    """Return the end of a check whose TLS handshake failed."""
    said, remedy = tls_words(error)
    verdict: Verdict = "transient" if isinstance(error, TimeoutError) else "config"
    said, remedy = (text.replace("receiver", "server") for text in (said, remedy))
    return Stopped(Failure(verdict, said, remedy.replace("speaks HTTPS", "speaks TLS")))


def unchecked(trust: ssl.SSLContext) -> ssl.SSLContext:
    """Make a context of our own accept any certificate: the setting asks for encryption alone."""
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    return trust
