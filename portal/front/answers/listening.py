"""Have the system end connections whose clients take nothing.

The server itself waits for such a client as long as the connection is open, and holds a part of its
answer in memory. The limit is the listening socket's: the connections that it accepts inherit it.
"""

import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress

from portal.core import deadlines

LOOK_SECONDS = 0.05
DESCRIPTORS = "/dev/fd"


async def limit_waiting() -> None:
    """Limit how long a connection waits for its client to PART_SECONDS, once the server listens."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux has it
    while option is not None and not _limited(option):
        await asyncio.sleep(LOOK_SECONDS)


def _limited(option: int) -> bool:
    found = False
    for one in _sockets():
        with one:
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                one.setsockopt(socket.IPPROTO_TCP, option, int(deadlines.PART_SECONDS * 1000))
                found = True
    return found


def _sockets() -> Iterator[socket.socket]:
    """Yield the sockets of this process, each with a descriptor of its own."""
    for name in os.listdir(DESCRIPTORS):
        with suppress(OSError):  # the list has itself, too, which is closed by now
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                yield socket.socket(fileno=os.dup(int(name)))
