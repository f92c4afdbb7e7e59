"""The receiver of the delivery bench: a separate process that responds 200 and stores the times.

Every body is an event whose data has `at`, the moment of its publication in seconds since 1970.
`GET /figures` returns and resets the figures: the number of requests, the first and last time, the
latencies, and the numbers in the events. `/dead` closes the connection, `/hanging` never responds.
"""

import asyncio
import sys
import time
from typing import Any

import orjson
import uvloop

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
LENGTH = b"content-length:"


class Figures:
    """The figures since the last request for them."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.count, self.first, self.last = 0, 0.0, 0.0
        self.delays: list[float] = []
        self.numbers: list[int] = []

    def take(self, body: bytes) -> None:
        now = time.time()
        self.count += 1
        self.first = self.first or now
        self.last = now
        if (at := number_in(body, b'"at":')) is not None:
            self.delays.append(now - at)
        if (number := number_in(body, b'"n":')) is not None:
            self.numbers.append(int(number))

    def answer(self) -> bytes:
        found = {
            "count": self.count,
            "first": self.first,
            "last": self.last,
            "delays": self.delays,
            "numbers": self.numbers,
        }
        self.forget()
        body = orjson.dumps(found)
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def number_in(body: bytes, name: bytes) -> float | None:
    """Return the number of a member, without parsing the whole body."""
    start = body.find(name)
    if start < 0:
        return None
    return float(body[start + len(name) :][:25].split(b",")[0].split(b"}")[0])


FIGURES = Figures()


class Sink(asyncio.Protocol):
    """One connection, kept alive, with one request after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport  # uvloop's is no asyncio.Transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            place = head.lower().find(LENGTH)
            length = int(head[place + len(LENGTH) :].split(b"\r\n")[0]) if place >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /figures"):
            self.transport.write(FIGURES.answer())
        elif head.startswith(b"POST /dead"):
            self.transport.abort()
        elif not head.startswith(b"POST /hanging"):
            FIGURES.take(body)
            self.transport.write(OK)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
