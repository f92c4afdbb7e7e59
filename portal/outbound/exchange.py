"""One HTTP/1.1 exchange over a connection of aiohttp's pool: aiohttp dials and parses, we write.

The session of aiohttp makes ready for redirects, cookies, proxies and streams of any kind at every
request. For a short message that goes out whole, that is most of the work.
"""

import asyncio
import ssl
from dataclasses import dataclass

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage

from portal.outbound.outcome import Request
from portal.outbound.request_headers import CLOSE, IDENTITY
from portal.outbound.urls import Target

MAX_HEADERS = 100
MAX_HEADER_BYTES = 8190
WITHOUT_LENGTH = ("GET", "HEAD", "OPTIONS", "TRACE")
"""Methods that say nothing of a body that is not there."""


@dataclass(frozen=True, slots=True)
class Destination:
    """An address made ready: the key of its connections, and what every request to it begins with.

    Good for the event loop that it was made in.
    """

    key: aiohttp.ClientRequest
    line: str


def destination(target: Target, trust: ssl.SSLContext | bool) -> Destination:
    """`trust` is True for that of the connector. Another one has connections of its own."""
    url = target.url
    key = aiohttp.ClientRequest("POST", url, loop=asyncio.get_running_loop(), ssl=trust)
    return Destination(key, f"{url.raw_path_qs} HTTP/1.1\r\nHost: {key.headers['Host']}\r\n")


def written(request: Request, to: Destination, *, close: bool) -> bytes:
    """Return the bytes of a request. Its headers must be sendable."""
    method = request.method.upper()
    headers = {**request.headers, **IDENTITY, **(CLOSE if close else {})}
    if request.body or method not in WITHOUT_LENGTH:
        headers["Content-Length"] = str(len(request.body))
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"{method} {to.line}{lines}\r\n".encode() + request.body


async def ask(
    connection: Connection, message: bytes, *, is_head: bool
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Send, and wait for the head of the answer; its body is still to be read."""
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(
        skip_payload=is_head,
        read_until_eof=True,
        auto_decompress=False,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
    )
    transport.write(message)
    while True:
        answer, body = await protocol.read()
        if answer.code == 101 or not 100 <= answer.code < 200:
            return answer, body


def let_go(connection: Connection, body: aiohttp.StreamReader | None) -> None:
    """Back to the pool if the exchange is over, closed if there is more to come or to send.

    Closed means at once: TLS says goodbye and waits for an answer, and by then the loop may be gone
    that would close the socket.
    """
    transport = connection.transport
    is_over = body is not None and body.is_eof()
    if is_over and transport is not None and transport.get_write_buffer_size() == 0:
        connection.release()
    else:
        connection.close()
    if transport is not None and transport.is_closing():
        transport.abort()
