"""The token address of the bench of leases: a process that gives each client a token, and counts.

`GET /figures` returns and resets the number of requests, the first and last time, and how many
clients got another number of tokens than one.
"""

import asyncio
import sys
import time
from collections import Counter

import orjson
import uvloop

from tests.bench.sink import Sink

TOKEN = orjson.dumps({"access_token": "t" * 40, "token_type": "Bearer", "expires_in": 3600})
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(TOKEN)
    + TOKEN
)
NAME = b"client_id="


class Given:
    """The tokens since the last request for the figures."""

    def __init__(self) -> None:
        self.clients: Counter[bytes] = Counter()
        self.first = self.last = 0.0

    def take(self, body: bytes) -> None:
        self.last = time.time()
        self.first = self.first or self.last
        self.clients[body.partition(NAME)[2].partition(b"&")[0]] += 1

    def answer(self) -> bytes:
        found = {
            "count": self.clients.total(),
            "first": self.first,
            "last": self.last,
            "clients": len(self.clients),
            "not_once": sum(times != 1 for times in self.clients.values()),
        }
        self.__init__()  # type: ignore[misc]
        body = orjson.dumps(found)
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


GIVEN = Given()


class TokenAddress(Sink):
    """One connection, kept alive, with one request after the other."""

    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /figures"):
            self.transport.write(GIVEN.answer())
        else:
            GIVEN.take(body)
            self.transport.write(ANSWER)


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(TokenAddress, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
