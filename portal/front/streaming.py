"""Send a response in parts, from a thread, while its body is made."""

import asyncio
from typing import Any

import structlog
from granian.rsgi import ProtocolClosed

from portal.core import deadlines
from portal.front.wsgi import Begun

log = structlog.stdlib.get_logger(__name__)


def send(loop: asyncio.AbstractEventLoop, protocol: Any, begun: Begun, cut: bytes) -> None:
    """Send an answer part by part, no faster than the client takes it.

    A client that takes none for PART_SECONDS keeps no thread: it gets `cut` as the last part when
    it reads on. A client that has gone ends it.
    """
    try:
        transport = protocol.response_stream(begun.status, begun.headers)
        for part in begun.parts:
            if not part:
                continue
            sent = asyncio.run_coroutine_threadsafe(_sent(transport, part), loop)
            try:
                sent.result(deadlines.PART_SECONDS)
            except TimeoutError:
                asyncio.run_coroutine_threadsafe(_sent(transport, cut), loop)
                return
    except ProtocolClosed:
        log.info("a client left before its file was sent")
    finally:
        begun.close()


async def _sent(transport: Any, part: bytes) -> None:
    await transport.send_bytes(part)
