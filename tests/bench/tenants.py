"""Compare a quiet tenant's latencies beside a hostile tenant with its latencies alone."""

import time
from statistics import median

import psycopg

from tests.bench import world
from tests.bench.figures import Figure, of_rounds
from tests.bounded.quiet import Quiet, hostility, p99

HOST = "portal.example"
ASKED, BOUND, SETTLING = 50, 2, 1.0
QUOTAS = {"requests_per_second": 50, "events_per_second": 200}
LIMIT = "INSERT INTO tenant_quota (tenant_id, name, value) VALUES (%s, %s, %s)"


def measure(port: int, cookie: str, superuser: str, rounds: int) -> list[Figure]:
    """Measure the p99 of a small tenant's pages, lists, key checks and events."""
    hostile, tenant = world.BIG, world.SMALL
    with psycopg.connect(superuser) as connection:
        for name, value in QUOTAS.items():
            connection.execute(f"{LIMIT} ON CONFLICT DO NOTHING", (hostile.id, name, value))
    quiet = Quiet(port, tenant.key, f"{cookie}={tenant.cookie}", HOST)
    quiet.waits(5)
    alone, beside = list[float](), list[float]()
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
