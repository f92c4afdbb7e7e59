"""Lend a PostgreSQL connection for one transaction, like PgBouncer in its mode `transaction`.

The portal cannot work through such a pooler.
"""

import asyncio
import contextlib
import struct
import threading
from collections.abc import Iterator

from portal.core.config import libpq_url
from tests.databases import Database

SSL_REQUEST = 80877103
PROTOCOL = 196608  # the protocol's version 3.0
READY = b"Z"


class _Pooler:
    """Hold idle connections to one database for the clients that share them."""

    def __init__(self, socket: str, database: str) -> None:
        self._socket, self._database = socket, database
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._greeting = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._greet(reader, writer)
            await self._take_turns(reader, writer)
        writer.close()

    async def close(self, server: asyncio.Server) -> None:
        server.close()
        for _, writer in self._idle:
            writer.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            (code,) = struct.unpack("!i", (await reader.readexactly(length - 4))[:4])
            if code != SSL_REQUEST:
                break
            writer.write(b"N")
        self._idle.append(await self._server())  # also stores the greeting for later clients
        writer.write(self._greeting)

    async def _take_turns(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = None
        while (kind := await reader.readexactly(1)) != b"X":
            server = server or (self._idle.pop() if self._idle else await self._server())
            server[1].write(kind + await _body(reader))
            if kind in b"QS" and await _answer(server[0], writer) == b"I":
                self._idle.append(server)
                server = None

    async def _server(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        words = f"user\0portal_app\0database\0{self._database}\0\0".encode()
        writer.write(struct.pack("!ii", len(words) + 8, PROTOCOL) + words)
        greeting, kind = b"", b""
        while kind != READY:
            kind = await reader.readexactly(1)
            greeting += kind + await _body(reader)
        self._greeting = greeting
        return reader, writer


async def _body(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(struct.unpack("!i", length)[0] - 4)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Forward the response and return the transaction status at its end."""
    while True:
        kind, body = await reader.readexactly(1), await _body(reader)
        writer.write(kind + body)
        if kind == READY:
            return body[-1:]


@contextlib.contextmanager
def pooled(database: Database) -> Iterator[str]:
    """Yield the address of a database behind such a pooler."""
    from psycopg.conninfo import conninfo_to_dict

    host = conninfo_to_dict(libpq_url(database.app_url))["host"]
    loop = asyncio.new_event_loop()
    pooler = _Pooler(f"{host}/.s.PGSQL.5432", database.name)
    server = loop.run_until_complete(asyncio.start_server(pooler.serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://portal_app@127.0.0.1:{port}/{database.name}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(pooler.close(server))
        loop.close()
