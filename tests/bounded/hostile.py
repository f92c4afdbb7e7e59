"""A tenant at its worst: a process that does everything at once until it is ended.

python -m tests.bounded.hostile PORT KEY HOST     says "ready" when all of it is under way
"""

import asyncio
import json
import random
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

REST = "/api/v1/integration"
FLOODS, PUBLISHERS, SLOW, LARGE = 16, 4, 40, 2
DOUBLING: dict[str, Any] = {
    "$ref": "#/$defs/d0",
    "$defs": {
        **{f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(20)},
        "d20": {"type": "object"},
    },
}
HOSTILE_TYPE = {
    "name": "hostile.event",
    "validation": "reject",
    "json_schema": {"properties": {"a": {"pattern": "^(a+)+$"}}, **DOUBLING},
}


class Tenant:
    """A hostile tenant: its key and the address of the portal."""

    def __init__(self, port: int, key: str, host: str) -> None:
        self._port, self._key, self._host = port, key, host

    def request(
        self, method: str, path: str, body: bytes = b"", length: int | None = None
    ) -> bytes:
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self._host}",
            f"Authorization: Bearer {self._key}",
            "Content-Type: application/json",
            f"Content-Length: {len(body) if length is None else length}",
        ]
        return "\r\n".join([*head, "", ""]).encode() + body

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def again_and_again(self, request: Callable[[], bytes]) -> None:
        """Ask over one connection; send the next request as soon as the last one is answered."""
        reader, writer = await self.connected()
        while True:
            writer.write(request())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))

    async def slowly(self) -> None:
        """Send a body one byte a second."""
        _, writer = await self.connected()
        writer.write(self.request("POST", f"{REST}/events", b"{", length=90_000))
        while True:
            await asyncio.sleep(1)
            writer.write(b" ")
            await writer.drain()


async def for_ever(work: Callable[[], Awaitable[None]]) -> None:
    """Start again whenever the portal closes the connection."""
    while True:
        try:
            await work()
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.05)


async def never_answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve as a receiver that accepts a delivery and never answers."""
    await asyncio.sleep(3600)
    writer.close()


async def be_hostile(tenant: Tenant) -> None:
    hanging = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    hanging_port = hanging.sockets[0].getsockname()[1]
    numbers, chance = count(), random.Random(1)  # noqa: S311  the same in every run

    def post(path: str, body: Any) -> bytes:
        return tenant.request("POST", REST + path, json.dumps(body).encode())

    def webhook() -> bytes:
        port = hanging_port if next(numbers) % 2 else 9
        return post("/webhooks", {"url": f"http://127.0.0.1:{port}/", "event_types": ["*"]})

    setting_up = [post("/event-types", HOSTILE_TYPE), *(webhook() for _ in range(10))]
    reader, writer = await tenant.connected()
    for request in setting_up:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))

    def flood() -> bytes:
        words = "%20".join(chance.choices("abcdefgh", k=8))
        return tenant.request("GET", f"{REST}/webhooks?limit=200&q={words}")

    def events() -> bytes:
        data = {"a": "a" * 2000 + "!", "text": "x" * 2000}
        wild = {"type": "hostile.event", "data": data}
        return post(
            "/events", [wild] * 20 if chance.random() < 0.5 else [{**wild, "type": "a.b"}] * 20
        )

    def large() -> bytes:
        names = ",".join(f'"k{n}":[1]' for n in range(60_000))
        return tenant.request("POST", f"{REST}/event-types", f"{{{names}}}".encode())

    def schema() -> bytes:
        return post("/event-types", {**HOSTILE_TYPE, "name": f"a.b{next(numbers)}", "example": {}})

    works = [(flood, FLOODS), (events, PUBLISHERS), (large, LARGE), (schema, 2)]
    asking = [
        for_ever(lambda request=request: tenant.again_and_again(request))
        for request, many in works
        for _ in range(many)
    ]
    asking += [for_ever(tenant.slowly) for _ in range(SLOW)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.gather(*asking)


if __name__ == "__main__":
    asyncio.run(be_hostile(Tenant(int(sys.argv[1]), *sys.argv[2:])))
