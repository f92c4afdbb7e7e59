"""Measure how many single events the portal accepts per second over HTTP.

Each event, with the delivery to one webhook, is stored before its response.
"""

import http.client
import json
from statistics import median
from typing import Any, Protocol

import psycopg

from tests.bench.figures import Figure
from tests.bench.load import Ask
from tests.bench.servers import Server

CONNECTIONS, ASKED = 16, 1_200
REST = "/api/v1/integration"
EVENT = {"type": "bench.published", "data": {"number": 1, "text": "x" * 950}}
KEPT = """
SELECT count(*), count(DISTINCT delivery.event_id) FROM event
LEFT JOIN delivery ON delivery.tenant_id = event.tenant_id AND delivery.event_id = event.id
WHERE event.type = %s
"""


class Generator(Protocol):
    """A load generator in a separate process."""

    def run(self, command: str, *asks: Ask, **options: Any) -> dict[str, Any]:
        """Run a command with these requests."""


def measure(
    portal: Server, generator: Generator, superuser: str, key: str, rounds: int, seconds: float
) -> list[Figure]:
    """Publish on 16 connections, and check in the database that every event is stored."""
    head = {"Authorization": f"Bearer {key}"}
    _subscribe(portal.port, head)
    ask = Ask(portal.port, f"{REST}/events", head, json.dumps(EVENT))
    speeds, costs, accepted = [], [], 0
    for number in range(rounds + 1):  # the first round warms up caches and pools
        before = portal.cpu_seconds
        burst = generator.run("burst", ask, connections=CONNECTIONS, seconds=seconds)
        if burst["failures"]:
            raise SystemExit(f"{burst['failures']} events were not accepted")
        accepted += burst["requests"]
        if number:
            speeds.append(burst["per_second"])
            costs.append((portal.cpu_seconds - before) / burst["requests"] * 1000)
    with psycopg.connect(superuser) as connection:
        kept, owed = connection.execute(KEPT, (EVENT["type"],)).fetchone() or (0, 0)
    notes = f"{median(costs):.2f} ms of the web process's processor each; 1 KiB, durable"
    return [
        Figure("single events accepted", median(speeds), ASKED, "more", "/s", notes=notes,
               detail={"per_second": speeds}),
        Figure("events accepted and not kept, or not owed", accepted - min(kept, owed), 0, "less"),
    ]  # fmt: skip


def _subscribe(port: int, head: dict[str, str]) -> None:
    headers = {**head, "Host": "portal.example", "Content-Type": "application/json"}
    body = {"url": "https://hooks.example.com/", "event_types": [EVENT["type"]]}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", f"{REST}/webhooks", json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 201:
        raise SystemExit(f"the bench's key makes no webhook: {text[:300]!r}")
