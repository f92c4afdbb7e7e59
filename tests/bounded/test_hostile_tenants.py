"""A hostile tenant does not slow down a quiet one.

It sends slow and large bodies, floods of requests and events, hostile schemas, imports, filters
and headers, batches and bulk jobs, and has receivers that are dead or never answer. Its quotas are
those that every tenant has.
"""

import time
from collections.abc import Callable
from statistics import median

import pytest

from tests.bench.servers import free_port, portal_serving
from tests.bounded.quiet import Quiet, hostility, p99
from tests.cast import GUS, Api, Pages
from tests.webhooks.kit import said, working

ROUNDS, ASKED, SETTLING = 3, 10, 1.0
SLACK = 0.5  # seconds for a busy machine; without turns it takes 0.9 s on a quiet one
ALL = ["webhooks:read", "keys:verify", "events:publish"]


@pytest.mark.timeout(300)
def test_a_hostile_tenant_does_not_keep_a_quiet_one_waiting(
    settings: dict[str, str],
    ada: Api,
    gus: Api,
    browse: Callable[[str], Pages],
) -> None:
    port = free_port()
    served = settings | {"PORTAL_BASE_URL": f"http://127.0.0.1:{port}"}
    signed_in = browse(GUS).client.get_cookie("cpod-8000")
    assert signed_in is not None
    quiet = Quiet(port, gus.create("api-keys", scopes=ALL)["key"], f"cpod-{port}={signed_in.value}")
    scopes = ["webhooks:read", "webhooks:write", "event-types:write", "events:publish"]
    hostile = ada.create("api-keys", scopes=scopes)["key"]
    alone, beside = list[float](), list[float]()
    with portal_serving(served, port, workers=1), working(served) as worker:
        said(worker, "delivery ready")
        quiet.waits(5)
        for _ in range(ROUNDS):
            alone.append(p99(quiet.waits(ASKED)))
            with hostility(port, hostile):
                time.sleep(SETTLING)
                beside.append(p99(quiet.waits(ASKED)))
            time.sleep(SETTLING)
    assert median(beside) <= 2 * median(alone) + SLACK
