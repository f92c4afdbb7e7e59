"""Check every outgoing address, when it is resolved and again when it is dialled.

The second check decides. It sees the very address that the socket connects to, so a name that
changes its address between the two gains nothing.
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from portal.outbound.attempt import current
from portal.outbound.networks import Network, forbidden, listed

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses. Raises OSError when there are none."""

DNS_SECONDS = 2.0
MAX_ADDRESSES = 8

THREADS = 256
"""For lookups only. A name server that does not answer blocks a thread of the C library for ten
seconds and longer, whatever our budget. So a tenant gets at most half of the threads that the
others leave: names that nobody resolves keep no other tenant waiting."""

TURN_SECONDS = 0.05
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="dns")
_running = Counter[str]()  # lookups, by who asks
_counting = threading.Lock()
asker: ContextVar[str] = ContextVar("asker", default="")
"""The tenant for which this task sends; empty for requests that wait in a `client.turn`."""


class ForbiddenAddress(OSError):
    """The address may not be dialled. The error says nothing about it, on purpose."""


async def system_lookup(host: str, port: int) -> Sequence[str]:
    """Return the addresses from the machine's own resolver, once there is a thread for it."""
    who = asker.get()
    while not _has_thread(who):
        await asyncio.sleep(TURN_SECONDS)
    running = _threads.submit(_getaddrinfo, host, port)
    running.add_done_callback(lambda _: _end(who))  # also long after the caller has given up
    found = await asyncio.wrap_future(running)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _has_thread(who: str) -> bool:
    """Take a thread for a lookup, if the asker has not got its share yet."""
    with _counting:
        left = THREADS - _running.total() + _running[who]
        if _running[who] >= left // 2:
            return False
        _running[who] += 1
        return True


def _end(who: str) -> None:
    with _counting:
        _running[who] -= 1
        if not _running[who]:
            del _running[who]


def _getaddrinfo(host: str, port: int) -> list[tuple[Any, ...]]:
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except UnicodeError as error:  # labels that are invalid in DNS
        raise socket.gaierror(socket.EAI_NONAME, "no such name") from error


class GuardedResolver(AbstractResolver):
    """Resolve within a time budget, and refuse a name if any of its addresses is forbidden."""

    def __init__(self, allow: Sequence[Network], lookup: Lookup, seconds: float) -> None:
        self._allow = allow
        self._lookup = lookup
        self._seconds = seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the checked addresses. Raises OSError, ForbiddenAddress or TimeoutError."""
        async with asyncio.timeout(self._seconds):
            addresses = await self._lookup(host, port)
        if not addresses:
            raise socket.gaierror(socket.EAI_NODATA, "no address")
        if any(forbidden(address, self._allow) for address in addresses):
            raise ForbiddenAddress
        return [_resolved(host, address, port) for address in addresses[:MAX_ADDRESSES]]

    async def close(self) -> None:
        """Do nothing: the threads are shared."""


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    }


def guarded_socket(allow: Sequence[Network]) -> Callable[[Any], socket.socket]:
    """Return a factory that creates a socket only for an address that may be dialled."""

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, kind, proto, _, where = info
        if forbidden(where[0], allow) or _is_own(family, where, allow):
            raise ForbiddenAddress
        if attempt := current.get():
            attempt.dialled(str(where[0]))
        dialled = socket.socket(family, kind, proto)
        dialled.setblocking(False)
        return dialled

    return make


def _is_own(family: int, where: tuple[Any, ...], allow: Sequence[Network]) -> bool:
    """Tell whether a public address belongs to this machine: its internal ports would be open.

    Connecting a datagram socket sends nothing. It only finds the local address that would be used,
    which is the same one if the target is this machine.
    """
    if listed(where[0], allow):
        return False
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(where)
        except OSError:  # no route: the real connection will fail
            return False
        return bool(probe.getsockname()[0] == where[0])
