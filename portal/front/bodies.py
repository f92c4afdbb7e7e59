"""Receive the body of each request completely, within limits of time, size and memory."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from granian.rsgi import ProtocolClosed

from portal.core.errors import (
    BadRequest,
    FieldError,
    RateLimited,
    RequestTimeout,
    TooLarge,
)
from portal.front.room import OnItsWay, Room
from portal.rest.openapi import PREFIX

SECONDS = 10.0  # for a whole body
SLOW_SECONDS = 1.0  # a body that takes longer counts as one of its source's slow ones
SLOW_BODIES = 32  # of one source at a time
LOOK_SECONDS = 0.5  # between two checks of the bodies that are being received
ROOM = 64 * 1024 * 1024  # bytes of unfinished bodies; beyond it the largest source is refused
SMALL = 64 * 1024  # bytes; smaller bodies take no part of ROOM, and arrive in one piece
PIECES = 4000  # that a body may have whatever their size; each is a turn of the loop
PIECE = 16  # bytes that the pieces of one with more have on average
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
TOO_MUCH = "Too much is being sent from your address at once. Try again in a moment."
TOO_SLOW = "Too many requests from your address arrive slowly."
LATE = f"The request did not arrive within {SECONDS:.0f} s."
TINY = "comes in too many small pieces. Send the request again, with its body in larger pieces."
CUT = "ended before it was whole. Send the request again."
CUT_OR_TRAILERS = (
    "ended before it was whole, or has trailers, which are not taken. Send the request again,"
    " without trailers."
)


def _unsound(problem: str) -> BadRequest:
    return BadRequest(f"The body {problem}", errors=[FieldError("body", f"This {problem}")])


class Bodies:
    """Receive bodies, and watch those that are being received. For one event loop."""

    def __init__(self) -> None:
        self._room = Room(ROOM)

    async def receive(self, protocol: Any, path: str, length: str | None, source: str) -> bytes:
        """Return the whole body of a request. `length` is its Content-Length, if it has one.

        Raises TooLarge, BadRequest for a body that ends too soon or comes in too many pieces,
        RequestTimeout for one that arrives too slowly, RateLimited if its source sends too many
        slowly, or sends the most of what is being received when that is too much.
        """
        largest = LARGEST_OF.get(path, LARGEST)
        size = largest if length is None else int(length)
        if size > largest:
            raise TooLarge(f"Send at most {largest // 1024} KiB.")
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs
        one = OnItsWay(source, time.monotonic(), task)
        self._room.enter(one)
        try:
            if length is not None and size <= SMALL:
                return bytes(await protocol())
            return await self._larger(protocol, one, largest, None if length is None else size)
        except ProtocolClosed:
            raise _unsound(CUT) from None
        except asyncio.CancelledError:
            if one.refused is None:
                raise
            task.uncancel()
            raise one.refused() from None
        finally:
            self._room.leave(one)

    async def _larger(self, protocol: Any, one: OnItsWay, largest: int, size: int | None) -> bytes:
        """Receive the body piece by piece. It has `size` bytes, if that is known.

        The server ends every body with an empty piece. One more empty piece means that the body was
        cut or wrong, or had trailers: the server tells these apart only for a body that it receives
        in one piece, however large that is. A partial body is never used as the whole: it may be
        valid JSON, or empty, and would be executed.
        """
        received, pieces, empty = bytearray(), 0, 0
        async for piece in protocol:
            received += piece
            pieces += bool(piece)
            empty += not piece
            if pieces > PIECES and len(received) < pieces * PIECE:
                raise _unsound(TINY)
            if len(received) > largest:
                raise TooLarge(f"Send at most {largest // 1024} KiB.")
            if not self._room.take(one, len(piece), partial(RateLimited, TOO_MUCH)):
                raise RateLimited(TOO_MUCH)
        if size is None and empty > 1:
            raise _unsound(CUT_OR_TRAILERS)
        if size is not None and len(received) != size:
            raise _unsound(CUT)
        return bytes(received)

    async def watch(self) -> None:
        """Refuse slow bodies, and the newest of a source with many slow ones. Never return."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        slow = Counter[str]()
        for one in sorted(self._room.on_their_way, key=lambda one: one.began):
            if one.refused is not None or now - one.began < SLOW_SECONDS:
                continue
            slow[one.source] += 1
            if now - one.began > SECONDS:
                one.refuse(partial(RequestTimeout, LATE))
            elif slow[one.source] > SLOW_BODIES:
                one.refuse(partial(RateLimited, TOO_SLOW))
