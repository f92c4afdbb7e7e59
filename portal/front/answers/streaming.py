"""Send a response in parts, from a thread, while its body is made."""

import asyncio
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from itertools import chain
from typing import Any

import structlog
from granian.rsgi import ProtocolClosed

from portal.core import deadlines
from portal.core.threads import slot
from portal.front.answers.large_answers import LARGE
from portal.front.answers.pipe import Pipe
from portal.front.wsgi import Begun

log = structlog.stdlib.get_logger(__name__)


def send(loop: asyncio.AbstractEventLoop, protocol: Any, begun: Begun, cut: bytes) -> None:
    """Send an answer part by part, no faster than the client takes it; a small one is sent whole.

    A client that takes none for PART_SECONDS keeps no thread: it gets `cut` as the last part if it
    reads on within as long. A client that has gone ends it.
    """
    try:
        first = bytearray()
        for part in begun.parts:
            first += part
            if len(first) > LARGE:
                parts = chain([bytes(first)], begun.parts)
                _send_parts(loop, Pipe(protocol, begun.status, begun.headers), parts, cut)
                return
        protocol.response_bytes(begun.status, begun.headers, bytes(first))
    except ProtocolClosed:
        log.info("a client left before its file was sent")
    finally:
        begun.close()


def _send_parts(
    loop: asyncio.AbstractEventLoop, pipe: Pipe, parts: Iterable[bytes], cut: bytes
) -> None:
    end: Coroutine[Any, Any, None] | None = None
    try:
        for part in parts:
            sent = asyncio.run_coroutine_threadsafe(pipe.send(part), loop)
            try:
                with slot.given_up():  # other calls of this line need not wait for the client
                    sent.result(deadlines.PART_SECONDS)
            except TimeoutError:
                end = _cut(pipe, sent, cut)
                return
    finally:
        asyncio.run_coroutine_threadsafe(end or pipe.close(), loop)


async def _cut(pipe: Pipe, sent: "Future[None]", cut: bytes) -> None:
    """Send the last part after the one that waits, if the client reads on in time."""
    try:
        async with asyncio.timeout(deadlines.PART_SECONDS):
            await pipe.send(cut)
    except (TimeoutError, ProtocolClosed):
        sent.cancel()
    finally:
        await pipe.close()
