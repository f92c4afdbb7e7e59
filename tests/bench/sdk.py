"""Iterate over a list with the Python SDK, against a bare client that reads the same pages."""

import asyncio
import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cpod_integration import AsyncClient, Client

from tests.bench import world
from tests.bench.figures import Figure, of_rounds
from tests.bench.servers import free_port, portal_serving

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

RECORDS = 10_000
AT_LEAST = 0.8


def measure(bench: "Bench") -> Iterator[Figure]:
    """Measure in turn: the tenant's connectors, in pages of 200."""
    ways = (_bare, _client, _async_client)
    speeds: list[list[float]] = [[] for _ in ways]
    port = free_port()
    # A client sends the address that it was given as Host, and the portal knows its own.
    own = {"PORTAL_BASE_URL": f"http://localhost:{port}", "PORTAL_ENV": "development"}
    with portal_serving({**bench.place.settings, **own}, port):
        for _ in range(bench.rounds):
            for way, found in zip(ways, speeds, strict=True):
                found.append(_per_second(way, port))
    bare, *ours = speeds
    for name, found in zip(("Client", "AsyncClient"), ours, strict=True):
        notes = f"{max(found):,.0f}/s against {max(bare):,.0f}/s"
        title = f"records by the Python SDK's {name}, against a bare client"
        yield Figure(title, of_rounds(found, bare), AT_LEAST, "more", notes=notes)


def _per_second(way: Callable[[int], int], port: int) -> float:
    began = time.perf_counter()
    count = way(port)
    assert count == RECORDS, count
    return count / (time.perf_counter() - began)


def _client(port: int) -> int:
    with Client(base_url=f"http://localhost:{port}", token=world.BIG.key) as client:
        return sum(1 for _ in client.integration.connectors.list(limit=200))


def _async_client(port: int) -> int:
    async def count() -> int:
        address = f"http://localhost:{port}"
        async with AsyncClient(base_url=address, token=world.BIG.key) as client:
            found = 0
            async for _ in client.integration.connectors.list(limit=200):
                found += 1  # like the others, it keeps none of them
            return found

    return asyncio.run(count())


def _bare(port: int) -> int:
    connection = http.client.HTTPConnection("localhost", port)
    path = "/api/v1/integration/connectors?limit=200"
    count, cursor = 0, ""
    while cursor is not None:
        headers = {"Authorization": f"Bearer {world.BIG.key}"}
        connection.request("GET", path + (f"&cursor={cursor}" if cursor else ""), headers=headers)
        page = json.loads(connection.getresponse().read())
        count += len(page["items"])
        cursor = page["next_cursor"]
    connection.close()
    return count
