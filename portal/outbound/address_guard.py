"""Check every outgoing address, when it is resolved and again when it is dialled.

The second check decides. It sees the very address that the socket connects to, so a name that
changes its address between the two gains nothing.
"""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from portal.outbound.attempt import current
from portal.outbound.networks import EVERYWHERE, Network, forbidden, listed

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses. Raises OSError when there are none."""

DNS_SECONDS = 2.0
KNOWN_SECONDS = 60.0
MOST_KNOWN = 4096  # names
MAX_ADDRESSES = 8

THREADS = 256
"""For lookups only. A name server that does not answer blocks a thread of the C library for ten
seconds and longer, whatever our budget. So a tenant gets at most half of the threads that the
others leave: names that nobody resolves keep no other tenant waiting."""

TURN_SECONDS = 0.1
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="dns")
_running = Counter[str]()  # lookups, by who asks
_counting = threading.Lock()
asker: ContextVar[str] = ContextVar("asker", default="")
"""The tenant for which this task sends; empty for the portal's own requests."""


class ForbiddenAddress(OSError):
    """The address may not be dialled. The error says nothing about it, on purpose."""


async def system_lookup(host: str, port: int) -> Sequence[str]:
    """Return the addresses from the machine's own resolver, once there is a thread for it. Raises
    TimeoutError if there is none in time."""
    who = asker.get()
    async with asyncio.timeout(DNS_SECONDS):  # or lookups that nobody waits for would pile up
        while not _has_thread(who):
            await asyncio.sleep(TURN_SECONDS)
    try:
        running = _threads.submit(_getaddrinfo, host, port)
    except BaseException:  # no thread can be started
        _end(who)
        raise
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
    """Resolve within a time budget, and refuse a name if any of its addresses is forbidden.

    What was found is known for `KNOWN_SECONDS`. Lookups of one name at the same time are one, but
    not those of two tenants: the one that has to wait for a thread makes no other one wait.
    """

    def __init__(self, allow: Sequence[Network], lookup: Lookup, seconds: float) -> None:
        self._allow = allow
        self._lookup = lookup
        self._seconds = seconds
        self._known: dict[tuple[str, int], tuple[float, Sequence[str]]] = {}
        self._running: dict[tuple[str, str, int], asyncio.Task[Sequence[str]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the checked addresses. Raises OSError, ForbiddenAddress or TimeoutError."""
        until, addresses = self._known.get((host, port), (0.0, ()))
        if until <= time.monotonic():
            async with asyncio.timeout(self._seconds):
                addresses = await asyncio.shield(self._joined(host, port))
        if not addresses:
            raise socket.gaierror(socket.EAI_NODATA, "no address")
        if any(forbidden(address, self._allow) for address in addresses):
            raise ForbiddenAddress
        return [_resolved(host, address, port) for address in addresses[:MAX_ADDRESSES]]

    def _joined(self, host: str, port: int) -> "asyncio.Task[Sequence[str]]":
        """Return the lookup that runs for this asker, or a new one. It goes on when all who wait
        for it have given up."""
        key = (asker.get(), host, port)
        if key not in self._running:
            task = asyncio.get_running_loop().create_task(self._found(host, port))
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return self._running[key]

    async def _found(self, host: str, port: int) -> Sequence[str]:
        addresses = await self._lookup(host, port)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[host, port] = (time.monotonic() + KNOWN_SECONDS, addresses)
        return addresses

    def _forget(self, key: tuple[str, str, int], done: "asyncio.Task[Sequence[str]]") -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # perhaps nobody waits for it any more

    async def close(self) -> None:
        """Do nothing: the threads are shared."""


def unguarded_resolver() -> GuardedResolver:
    """Return a resolver for an address that the operator chose: every network is allowed."""
    return GuardedResolver(EVERYWHERE, system_lookup, DNS_SECONDS)


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
