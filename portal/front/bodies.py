"""Receive the body of each request completely, within limits of time, size and memory."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from granian.rsgi import ProtocolClosed

from portal.core.errors import (
    BadRequest,
    PortalError,
    RateLimited,
    RequestTimeout,
    TooLarge,
    Unavailable,
)
from portal.rest.openapi import PREFIX

SECONDS = 10.0  # for a whole body
SLOW_SECONDS = 1.0  # a body that takes longer counts as one of its source's slow ones
SLOW_BODIES = 32  # of one source at a time
LOOK_SECONDS = 0.5  # between two checks of the bodies that are being received
RESERVED = 64 * 1024 * 1024  # bytes of bodies that may be received at the same time
SMALL = 64 * 1024  # bytes; smaller bodies do not count towards RESERVED, and arrive in one piece
LARGEST = 1024 * 1024
LARGEST_OF: Mapping[str, int] = {
    f"{PREFIX}/api-keys/verify": 16 * 1024,
    "/oauth/token": 16 * 1024,
    "/oauth/introspect": 16 * 1024,
    "/auth/backchannel-logout": SMALL,
    "/auth/logout": 16 * 1024,
    "/look": 4 * 1024,
}
"""Path → the largest body in bytes that it accepts, where that is less than LARGEST."""
CUT = "The body ended before it was whole. Send the request again."


@dataclass(slots=True, eq=False)
class _OnItsWay:
    """A body that is being received, and the error that it was refused with, if any."""

    source: str
    began: float
    task: "asyncio.Task[Any]"
    refused: PortalError | None = None

    def refuse(self, refused: PortalError) -> None:
        self.refused = refused
        self.task.cancel()


class Bodies:
    """Receive bodies, and watch those that are being received. For one event loop."""

    def __init__(self) -> None:
        self._on_their_way: set[_OnItsWay] = set()
        self._reserved = 0

    async def receive(self, protocol: Any, path: str, length: str | None, source: str) -> bytes:
        """Return the whole body of a request. `length` is its Content-Length, if it has one.

        Raises TooLarge, BadRequest for a body that ends too soon, RequestTimeout for one that
        arrives too slowly, RateLimited if its source sends too many slowly, Unavailable if too many
        bytes are being received.
        """
        largest = LARGEST_OF.get(path, LARGEST)
        size = largest if length is None else int(length)
        if size > largest:
            raise TooLarge(f"Send at most {largest // 1024} KiB.")
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs
        one = _OnItsWay(source, time.monotonic(), task)
        self._on_their_way.add(one)
        try:
            if length is not None and size <= SMALL:
                return bytes(await protocol())
            return await self._larger(protocol, size, largest, length is not None)
        except ProtocolClosed:
            raise BadRequest(CUT) from None
        except asyncio.CancelledError:
            if one.refused is None:
                raise
            task.uncancel()
            raise one.refused from None
        finally:
            self._on_their_way.discard(one)

    async def _larger(self, protocol: Any, size: int, largest: int, exact: bool) -> bytes:
        """Receive the body piece by piece. It has `size` bytes if `exact`.

        The server ends every body with an empty piece. One more empty piece means that the body was
        cut or wrong, or had trailers, which nothing here reads. A partial body is never used as the
        whole: it may be valid JSON, or empty, and would be executed.
        """
        if self._reserved + size > RESERVED:
            raise Unavailable("Too much is being sent right now. Try again in a moment.")
        self._reserved += size
        received, empty = bytearray(), 0
        try:
            async for piece in protocol:
                received += piece
                empty += not piece
                if len(received) > largest:
                    raise TooLarge(f"Send at most {largest // 1024} KiB.")
        finally:
            self._reserved -= size
        if empty > 1 or (exact and len(received) != size):
            raise BadRequest(CUT)
        return bytes(received)

    async def watch(self) -> None:
        """Refuse slow bodies, and the newest of a source with many slow ones. Never return."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        slow = Counter[str]()
        for one in sorted(self._on_their_way, key=lambda one: one.began):
            if one.refused is not None or now - one.began < SLOW_SECONDS:
                continue
            slow[one.source] += 1
            if now - one.began > SECONDS:
                one.refuse(RequestTimeout(f"The request did not arrive within {SECONDS:.0f} s."))
            elif slow[one.source] > SLOW_BODIES:
                one.refuse(RateLimited("Too many requests from your address arrive slowly."))
