"""Iterate over a list with the Python SDK, against a bare client that reads the same pages."""

import http.client
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cpod_integration import Client

from tests.bench import world
from tests.bench.figures import Figure, of_rounds
from tests.bench.servers import free_port, portal_serving

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

RECORDS = 10_000
AT_LEAST = 0.8


def measure(bench: "Bench") -> Iterator[Figure]:
    """Measure in turn: the tenant's connectors, in pages of 200."""
    ours, theirs = [], []
    port = free_port()
    own = {"PORTAL_BASE_URL": f"http://localhost:{port}", "PORTAL_ENV": "development"}
    with portal_serving({**bench.place.settings, **own}, port):
        for _ in range(bench.rounds):
            ours.append(_per_second(_sdk(port)))
            theirs.append(_per_second(_bare(port)))
    notes = f"{max(ours):,.0f}/s against {max(theirs):,.0f}/s"
    title = "records by the Python SDK, against a bare client"
    yield Figure(title, of_rounds(ours, theirs), AT_LEAST, "more", notes=notes)


def _per_second(records: Iterator[object]) -> float:
    began = time.perf_counter()
    count = sum(1 for _ in records)
    assert count == RECORDS, count
    return count / (time.perf_counter() - began)


def _sdk(port: int) -> Iterator[object]:
    with Client(base_url=f"http://localhost:{port}", token=world.BIG.key) as client:
        yield from client.integration.connectors.list(limit=200)


def _bare(port: int) -> Iterator[object]:
    connection = http.client.HTTPConnection("localhost", port)
    path = "/api/v1/integration/connectors?limit=200"
    cursor = ""
    while cursor is not None:
        headers = {"Authorization": f"Bearer {world.BIG.key}"}
        connection.request("GET", path + (f"&cursor={cursor}" if cursor else ""), headers=headers)
        page = json.loads(connection.getresponse().read())
        yield from page["items"]
        cursor = page["next_cursor"]
    connection.close()
