"""Give the server a body in parts, no faster than the client takes them.

granian keeps in memory what it is sent until the client takes it, and tells nobody. A file it reads
as fast as the client takes it, so it gets a pipe to read.
"""

import asyncio
import os
import sys
from contextlib import suppress
from fcntl import fcntl
from typing import Any

from granian.rsgi import ProtocolClosed

from portal.front.wsgi import Headers

if sys.platform == "linux":
    from fcntl import F_GETPIPE_SZ, F_SETPIPE_SZ

CAPACITY = 64 * 1024  # bytes that the pipe itself holds
BEGIN_SECONDS = 5.0  # the server reads the first bytes at once, unless the client has left
LATE_SECONDS = 60.0  # far longer than the server needs to open a file


class Pipe:
    """The body of one response. `send` and `close` are for the event loop. `close` must be called.

    Send more than CAPACITY in all, or the end may come before the server has opened the pipe.
    """

    def __init__(self, protocol: Any, status: int, headers: Headers) -> None:
        """Begin the response."""
        self._protocol = protocol
        self._turn = asyncio.Lock()
        self._written = 0
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        # Where pages of memory are larger, a pipe holds more.
        if sys.platform == "linux" and fcntl(self._write_end, F_GETPIPE_SZ) > CAPACITY:
            fcntl(self._write_end, F_SETPIPE_SZ, CAPACITY)
        protocol.response_file(status, headers, f"/dev/fd/{self._read_end}")

    @property
    def _is_opened(self) -> bool:
        """Tell whether the server reads: more was written than the pipe holds."""
        return self._written > CAPACITY

    async def send(self, part: bytes | memoryview) -> None:
        """Send a part after those before it, as fast as the client takes it.

        Raises ProtocolClosed if the client has left.
        """
        async with self._turn:
            rest = memoryview(part)
            while rest:
                try:
                    written = os.write(self._write_end, rest[:CAPACITY])
                except BlockingIOError:
                    await self._room()
                except BrokenPipeError:
                    raise ProtocolClosed from None
                else:
                    rest = rest[written:]
                    self._count(written)

    async def _room(self) -> None:
        loop, room = asyncio.get_running_loop(), asyncio.Event()
        loop.add_writer(self._write_end, room.set)
        try:
            async with asyncio.timeout(None if self._is_opened else BEGIN_SECONDS):
                await room.wait()
        except TimeoutError:
            raise ProtocolClosed from None
        finally:
            loop.remove_writer(self._write_end)

    def _count(self, written: int) -> None:
        was_opened = self._is_opened
        self._written += written
        if self._is_opened and not was_opened:
            os.close(self._read_end)  # so the pipe breaks when the server stops reading

    async def close(self) -> None:
        """End the body: the client gets what was sent before. It is cut if it has a length."""
        async with self._turn:
            os.close(self._write_end)
        if not self._is_opened:
            task = asyncio.create_task(self._close_late())
            _closing.add(task)
            task.add_done_callback(_closing.discard)

    async def _close_late(self) -> None:
        """Close the end for the server when it cannot open it any more.

        A file's number is given to the next file as soon as it is free, so a server that is late
        would read the body of another response.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LATE_SECONDS):
                await self._protocol.client_disconnect()
        os.close(self._read_end)


_closing: set["asyncio.Task[None]"] = set()
