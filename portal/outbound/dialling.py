"""Connect sockets to checked addresses, for protocols other than HTTP."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp.abc import ResolveResult

from portal.outbound.outcome import Outcome, Timings
from portal.outbound.outcome_texts import Words, explain


@dataclass(frozen=True, slots=True)
class Dialled:
    """A connected socket, and the name that its certificate must have. Its user closes it."""

    socket: socket.socket
    name: str
    address: str
    timings: Timings

    async def secured(
        self, trust: ssl.SSLContext
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return TLS streams over the socket. Raises OSError (see `tls_words`)."""
        return await asyncio.open_connection(sock=self.socket, ssl=trust, server_hostname=self.name)


class Undialled(Exception):
    """No connection was made. `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.kind)
        self.outcome = outcome


def tls_words(error: OSError) -> Words:
    """Return what happened in a TLS handshake that failed, and what to do."""
    return explain("timeout" if isinstance(error, TimeoutError) else "tls", "tls", None, error)


async def connected(
    found: Sequence[ResolveResult],
    make: Callable[[tuple[Any, ...]], socket.socket],
    seconds: float | None,
) -> socket.socket:
    """Return a socket of `make` that is connected to the first address that answers."""
    failure: OSError = OSError("no address")
    async with asyncio.timeout(seconds):
        for one in found:
            where = (one["host"], one["port"])
            dialled = make((one["family"], socket.SOCK_STREAM, 0, "", where))
            try:
                await asyncio.get_running_loop().sock_connect(dialled, where)
            except OSError as error:
                dialled.close()
                failure = error
            except BaseException:
                dialled.close()
                raise
            else:
                return dialled
    raise failure
