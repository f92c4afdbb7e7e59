"""Send a response in parts, from a thread, while its body is made."""

import asyncio
from typing import Any

import structlog
from granian.rsgi import ProtocolClosed

from portal.front.wsgi import Begun

LONGEST_SEND = 30.0  # seconds until a client must have taken a part
SLOW = b"\r\n# This file is incomplete: it was read too slowly. Export it again.\r\n"

log = structlog.stdlib.get_logger(__name__)


def send(loop: asyncio.AbstractEventLoop, protocol: Any, begun: Begun) -> None:
    """Send an answer part by part, no faster than the client takes it.

    A client that takes none for LONGEST_SEND keeps no thread: it gets a last line that says so
    when it reads on. A client that has gone ends it.
    """
    transport = protocol.response_stream(begun.status, begun.headers)
    try:
        for part in begun.parts:
            if not part:
                continue
            sent = asyncio.run_coroutine_threadsafe(_sent(transport, part), loop)
            try:
                sent.result(LONGEST_SEND)
            except TimeoutError:
                asyncio.run_coroutine_threadsafe(_sent(transport, SLOW), loop)
                return
    except ProtocolClosed:
        log.info("a client left before its file was sent")
    finally:
        begun.close()


async def _sent(transport: Any, part: bytes) -> None:
    await transport.send_bytes(part)
