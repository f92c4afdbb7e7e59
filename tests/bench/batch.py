"""Measure how many records a second one client creates by batches."""

import http.client
import json
import time
from typing import TYPE_CHECKING

from tests.bench import world
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

ITEMS = 500
WANTED = 2_000  # records a second


def measure(bench: "Bench") -> list[Figure]:
    """Return the records a second of the best of several batches: noise only ever adds time."""
    client = http.client.HTTPConnection("127.0.0.1", bench.portal.port, timeout=60)
    headers = {
        "Host": "portal.example",
        "Authorization": f"Bearer {world.SMALL.key}",
        "Content-Type": "application/json",
    }
    times = []
    for number in range(2 + 2 * bench.rounds):
        body = json.dumps({"items": [_application(number, n) for n in range(ITEMS)]})
        begun = time.perf_counter()
        client.request("POST", "/api/v1/integration/applications/batch", body, headers)
        answer = client.getresponse()
        said = answer.read()
        times.append(time.perf_counter() - begun)
        if answer.status != 200:
            raise SystemExit(f"batch: {answer.status} {said[:500]!r}")
    per_second = ITEMS / min(times)
    return [
        Figure(
            "applications a second, by batches of 500",
            per_second,
            WANTED,
            "more",
            "/s",
            notes=f"median {ITEMS / sorted(times)[len(times) // 2]:.0f}/s",
            detail={"seconds": times},
        )
    ]


def _application(number: int, item: int) -> dict[str, object]:
    unique = f"{time.time_ns()}-{number}-{item}"
    return {
        "display_name": f"Imported application {item}",
        "slug": f"batch-{unique}",
        "kind": "app",
        "primary_domain": "sales",
        "description": "Its purpose, in a sentence.",
        "repository": "https://git.example/app",
    }
