"""Carry requests over asyncio's streams. Connections are kept open and used again."""

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

import h11

from cpod_integration.conversation import Conversation
from cpod_integration.core import Answer, Failed, Request, Settings
from cpod_integration.transport import AT_ONCE, LONGEST_IDLE, MOST_IDLE, failed, left, tls_context

if TYPE_CHECKING:
    import ssl


class AsyncTransport:
    """The connections to one portal, of one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle: deque[_Line] = deque()
        self._tls: ssl.SSLContext | None = tls_context() if settings.is_tls else None

    async def send(self, request: Request, deadline: float) -> Answer | Failed:
        """Return the answer to a request, or how it failed."""
        line = None
        try:
            line = await self._kept() or await self._opened(deadline)
            answer = await line.exchange(request, self._settings.read_timeout, deadline)
        except Failed as failure:
            return failure
        else:
            if line.conversation.is_open() and len(self._idle) < MOST_IDLE:
                self._idle.append(line)
                line = None
            return answer
        finally:
            if line:
                line.close()

    async def close(self) -> None:
        """Close the connections that are kept."""
        lines = list(self._idle)
        self._idle.clear()
        for line in lines:
            await line.closed()

    async def _kept(self) -> "_Line | None":
        while self._idle:
            line = self._idle.pop()
            if await line.is_quiet():
                return line
            line.close()
        return None

    async def _opened(self, deadline: float) -> "_Line":
        settings = self._settings
        try:
            async with asyncio.timeout(min(settings.connect_timeout, left(deadline))):
                reader, writer = await asyncio.open_connection(
                    settings.host, settings.port, ssl=self._tls, limit=AT_ONCE
                )
        except (OSError, UnicodeError) as error:  # the name may be no name
            raise failed(error, "connect", sent=False) from error
        return _Line(reader, writer)


class _Line:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._used = time.monotonic()
        self.conversation = Conversation()

    async def exchange(self, request: Request, read_timeout: float, deadline: float) -> Answer:
        outgoing = self.conversation.ask(request)
        try:
            async with asyncio.timeout(min(read_timeout, left(deadline))):
                self._writer.write(outgoing)
                await self._writer.drain()
            while True:
                async with asyncio.timeout(min(read_timeout, left(deadline))):
                    received = await self._reader.read(AT_ONCE)
                answer = self.conversation.hear(received)
                if answer:
                    self._used = time.monotonic()
                    return answer
        except (OSError, h11.RemoteProtocolError) as error:
            raise failed(error, "answer", sent=True) from error

    async def is_quiet(self) -> bool:
        """Tell whether it can be used again: it is young, and the portal has not closed it."""
        if time.monotonic() - self._used > LONGEST_IDLE or self._writer.is_closing():
            return False
        # One turn of the loop notices what has arrived, the next one reads it.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0):
                await self._reader.read(1)
        except TimeoutError:
            return True
        except OSError:
            return False
        return False  # it has ended, or something came that nobody asked for

    def close(self) -> None:
        self._writer.close()

    async def closed(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(2):
                await self._writer.wait_closed()
        except OSError:  # it is gone, as was wanted
            return
