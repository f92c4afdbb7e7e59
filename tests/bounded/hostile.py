"""A hostile tenant: a process that attacks in every way at once until it is killed.

python -m tests.bounded.hostile PORT KEY HOST     prints "ready" when all attacks run
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
    """A hostile tenant: its key and the portal's address."""

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
        """Send requests over one connection, each as soon as the last one is answered."""
        reader, writer = await self.connected()
        while True:
            await answered(reader, writer, request())

    async def slowly(self) -> None:
        """Send a body one byte a second."""
        _, writer = await self.connected()
        writer.write(self.request("POST", f"{REST}/events", b"{", length=90_000))
        while True:
            await asyncio.sleep(1)
            writer.write(b" ")
            await writer.drain()


async def answered(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> None:
    """Send a request and read its response."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))


async def for_ever(work: Callable[[], Awaitable[None]]) -> None:
    """Run the work again whenever the portal closes the connection."""
    while True:
        try:
            await work()
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.05)


async def never_answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve as a receiver that accepts a delivery and never responds."""
    await asyncio.sleep(3600)
    writer.close()


class Requests:
    """The requests of a hostile tenant, each different and the same in every run."""

    def __init__(self, tenant: Tenant, hanging_port: int) -> None:
        self._tenant, self._hanging_port = tenant, hanging_port
        self._numbers, self._chance = count(), random.Random(1)  # noqa: S311

    def setting_up(self) -> list[bytes]:
        webhooks = [self._webhook() for _ in range(10)]
        return [self._post("/event-types", HOSTILE_TYPE), *webhooks]

    def flood(self) -> bytes:
        words = "%20".join(self._chance.choices("abcdefgh", k=8))
        return self._tenant.request("GET", f"{REST}/webhooks?limit=200&q={words}")

    def events(self) -> bytes:
        data = {"a": "a" * 2000 + "!", "text": "x" * 2000}
        name = "hostile.event" if self._chance.random() < 0.5 else "a.b"
        return self._post("/events", [{"type": name, "data": data}] * 20)

    def large(self) -> bytes:
        names = ",".join(f'"k{n}":[1]' for n in range(60_000))
        return self._tenant.request("POST", f"{REST}/event-types", f"{{{names}}}".encode())

    def schema(self) -> bytes:
        name = f"a.b{next(self._numbers)}"
        return self._post("/event-types", {**HOSTILE_TYPE, "name": name, "example": {}})

    def imports(self) -> bytes:
        body = {"content": {"application/json": {"schema": DOUBLING}}}
        webhooks = {f"a.b{n}": {"post": {"requestBody": body}} for n in range(500)}
        document = {"openapi": "3.1.0", "$defs": DOUBLING["$defs"], "webhooks": webhooks}
        return self._post("/event-types/imports", {"document": document, "dry_run": True})

    def batch(self) -> bytes:
        item = {"url": "http://127.0.0.1:9/", "event_types": ["*"], "name": "n" * 10_000}
        return self._post("/webhooks/batch", {"items": [item] * 90})

    def bulk_job(self) -> bytes:
        asked = {"resource": "webhooks", "verb": "pause", "filter": {"q": "a b c d e f g h"}}
        return self._post("/bulk-jobs", asked)

    def filters(self) -> bytes:
        names = [f"id_not=whk_{self._chance.random()}" for _ in range(200)]
        return self._tenant.request("GET", f"{REST}/webhooks?{'&'.join(names)}")

    def headers(self) -> bytes:
        request = self._tenant.request("GET", f"{REST}/webhooks")
        many = "".join(f"X-Header-{n}: {'a' * 500}\r\n" for n in range(80)).encode()
        return request.replace(b"\r\n", b"\r\n" + many, 1)

    def inbound(self) -> bytes:
        body = ("[" * 30_000).encode()
        return self._tenant.request("POST", "/in/whk_01J00000000000000000000000", body)

    def _webhook(self) -> bytes:
        port = self._hanging_port if next(self._numbers) % 2 else 9
        return self._post("/webhooks", {"url": f"http://127.0.0.1:{port}/", "event_types": ["*"]})

    def _post(self, path: str, body: Any) -> bytes:
        return self._tenant.request("POST", REST + path, json.dumps(body).encode())


async def be_hostile(tenant: Tenant) -> None:
    hanging = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    made = Requests(tenant, hanging.sockets[0].getsockname()[1])
    reader, writer = await tenant.connected()
    for request in made.setting_up():
        await answered(reader, writer, request)
    works = [(made.flood, FLOODS), (made.events, PUBLISHERS), (made.large, LARGE), (made.schema, 2)]
    others = (made.imports, made.batch, made.bulk_job, made.filters, made.headers, made.inbound)
    works += [(request, 1) for request in others]
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
