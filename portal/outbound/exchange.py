"""Run one HTTP/1.1 exchange on a connection of aiohttp's pool.

aiohttp connects and parses, this module writes the request. aiohttp's session prepares every
request for redirects, cookies, proxies and streams of any kind. For a short message that is sent as
a whole, that is most of the work.
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
"""Methods that send no Content-Length when there is no body."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A prepared address: the key of its connections, and the beginning of every request to it.

    It is valid for the event loop in which it was created.
    """

    key: aiohttp.ClientRequest
    line: str


def destination(target: Target, trust: ssl.SSLContext | bool) -> Destination:
    """Prepare an address. `trust` is True for the TLS context of the connector.

    Another context has connections of its own.
    """
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
    """Send a request and wait for the head of the response. Its body is still to be read."""
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
    """Return a connection to the pool if the exchange is over. Otherwise close it.

    It is closed at once: TLS sends a closing message and waits for an answer, and by then the loop
    that would close the socket may have ended.
    """
    transport = connection.transport
    is_over = body is not None and body.is_eof()
    if is_over and transport is not None and transport.get_write_buffer_size() == 0:
        connection.release()
    else:
        connection.close()
    if transport is not None and transport.is_closing():
        transport.abort()
