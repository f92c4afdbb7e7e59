"""Compare a quiet tenant's latencies beside a hostile tenant with its latencies alone."""

import time
from statistics import median

from tests.bench import world
from tests.bench.figures import Figure, of_rounds
from tests.bounded.quiet import Quiet, hostility, p99

HOST = "portal.example"
ASKED, BOUND, SETTLING = 50, 2, 1.0
FEWEST = 10  # rounds: the slowest of a hundred requests differs much from round to round


def measure(port: int, cookie: str, rounds: int) -> list[Figure]:
    """Measure the p99 of a small tenant's pages, lists, key checks and events."""
    hostile, tenant = world.BIG, world.SMALL
    quiet = Quiet(port, tenant.key, f"{cookie}={tenant.cookie}", HOST)
    alone, beside = list[float](), list[float]()
    quiet.waits(5)
    for _ in range(max(rounds, FEWEST)):
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
