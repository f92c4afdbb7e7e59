"""Compare a quiet tenant's latencies beside a hostile tenant with its latencies alone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import psycopg

from tests.bench import world
from tests.bench.figures import Figure, of_rounds
from tests.bounded.quiet import Quiet, hostility, p99

HOST = "portal.example"
ASKED, BOUND, SETTLING = 50, 2, 1.0
HEARD = 2.5  # seconds until each process has heard of a quota
QUOTAS = {"requests_per_second": 50, "events_per_second": 200}
LIMIT = "INSERT INTO tenant_quota (tenant_id, name, value) VALUES (%s, %s, %s)"


def measure(port: int, cookie: str, superuser: str, rounds: int) -> list[Figure]:
    """Measure the p99 of a small tenant's pages, lists, key checks and events."""
    hostile, tenant = world.BIG, world.SMALL
    quiet = Quiet(port, tenant.key, f"{cookie}={tenant.cookie}", HOST)
    alone, beside = list[float](), list[float]()
    with limited(superuser, hostile.id):
        quiet.waits(5)
        for _ in range(rounds):
            alone.append(p99(quiet.waits(ASKED)))
            with hostility(port, hostile.key, HOST):
                time.sleep(SETTLING)
                beside.append(p99(quiet.waits(ASKED)))
            time.sleep(SETTLING)
    return [
        Figure(
            "a quiet tenant beside a hostile one, p99, against alone",
            of_rounds(beside, alone),
            BOUND,
            "less",
            notes=f"{median(beside) * 1000:.0f} ms against {median(alone) * 1000:.0f} ms",
            detail={"beside_s": beside, "alone_s": alone},
        )
    ]


@contextmanager
def limited(superuser: str, tenant_id: str) -> Iterator[None]:
    """Give a tenant small quotas for a while. The parts that follow use the same tenant."""
    with psycopg.connect(superuser, autocommit=True) as connection:
        for name, value in QUOTAS.items():
            connection.execute(f"{LIMIT} ON CONFLICT DO NOTHING", (tenant_id, name, value))
        try:
            yield
        finally:
            connection.execute("DELETE FROM tenant_quota WHERE tenant_id = %s", (tenant_id,))
            time.sleep(HEARD)
