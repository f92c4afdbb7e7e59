"""Serve an answer that is made while it is sent, and the number of its parts that were made."""

import asyncio
from collections.abc import Iterator
from typing import Any

from portal.front.answers import streaming
from portal.front.wsgi import Begun

PART, PARTS = bytes(1024 * 1024), 100


class Front:
    """Make parts in a thread, as the portal does for exports."""

    def __init__(self) -> None:
        self.made = 0

    def parts(self) -> Iterator[bytes]:
        for _ in range(PARTS):
            self.made += 1
            yield PART

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.path == "/made":
            protocol.response_bytes(200, [], str(self.made).encode())
            return
        begun = Begun(200, [("content-type", "text/plain")], self.parts(), lambda: None)
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(streaming.send, loop, protocol, begun, b"cut")


app = Front()
