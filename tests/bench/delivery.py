"""Deliveries: how many a second, how soon, and what a backlog or a dead receiver costs the others.

A worker, the receiver, a bare client and PostgreSQL, each in processes of their own.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import requests

from portal import embedded, migrate
from portal.config import Config, libpq_url
from portal.embedded import die_with_parent
from tests.bench.figures import Figure
from tests.bench.servers import ROOT, Server, free_port

TENANT = "tnt_deliveries"
BURST, BACKLOG, DEAD = 20_000, 1_000_000, 10_000
PADDING = "x" * 900
RATE, LATENCY_SECONDS = 200, 8.0

EVENTS = """
INSERT INTO event (tenant_id, id, type, data, actor_id, actor_name)
SELECT %(tenant)s, ulid_floor('evt', now()) || lpad(n::text, 16, '0'), %(type)s,
    jsonb_build_object('n', n, 'padding', %(padding)s::text), 'bench', 'Bench'
FROM generate_series(%(from)s::int, %(to)s::int) AS n
"""
DELIVERIES = """
INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type)
SELECT tenant_id, 'dlv' || substr(id, 4), %(webhook)s, id, type FROM event
WHERE tenant_id = %(tenant)s AND type = %(type)s
"""


class Bench:
    """Everything that runs, and the measurements."""

    def __init__(self, directory: Path, postgres: embedded.EmbeddedPostgres) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.superuser = libpq_url(postgres.superuser_url)
        self.settings = {
            "PORTAL_DATABASE_URL": postgres.app_url,
            "PORTAL_DATA_DIR": str(directory),
            "PORTAL_SECRET_KEY": "a secret of the bench that all of us know",
            "PORTAL_OIDC_ISSUER": "https://idp.example",
            "PORTAL_OIDC_CLIENT_ID": "portal",
            "PORTAL_OIDC_CLIENT_SECRET": "a secret of the bench, known to all",
            "PORTAL_OUTBOUND_ALLOW": "127.0.0.0/8",
        }
        self.batches = 0
        from portal import create_app

        self.app = create_app(Config.from_environ(self.settings))

    # ------------------------------------------------------------ the world

    def webhook(self, path: str, *event_types: str) -> str:
        from portal.db import transaction
        from portal.webhooks import service
        from portal.webhooks.schemas import WebhookInput

        body = {"name": path, "url": self.url + path, "event_types": list(event_types)}
        with self.app.app_context(), transaction(TENANT):
            made = service.create(self._actor(), WebhookInput.read(body))
            return made.record.id

    def publish(self, name: str) -> None:
        from portal.db import transaction
        from portal.events import service
        from portal.events.schemas import EventInput

        data = {"at": time.time(), "padding": PADDING}
        with self.app.app_context(), transaction(TENANT):
            service.publish(self._actor(), [EventInput.read({"type": name, "data": data})])

    def owe(self, webhook: str, count: int) -> None:
        """Put deliveries into the queue as fast as SQL can."""
        self.batches += 1
        values: dict[str, Any] = {
            "tenant": TENANT,
            "webhook": webhook,
            "type": f"bulk.b{self.batches}",
            "padding": PADDING,
        }
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            for start in range(1, count + 1, 100_000):
                to = min(start + 99_999, count)
                connection.execute(EVENTS, {**values, "from": start, "to": to})
            connection.execute(DELIVERIES, values)
            connection.execute("VACUUM ANALYZE delivery")
            connection.execute("CHECKPOINT")

    def empty(self) -> None:
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            connection.execute("TRUNCATE delivery, delivery_attempt, event")
            connection.execute("UPDATE webhook SET consecutive_failures = 0, paused_at = NULL")

    def _actor(self) -> Any:
        from portal.db import Actor
        from portal.identity.claims import ALL_SCOPES

        return Actor(TENANT, "system", "bench", "Bench", ALL_SCOPES)

    def figures(self) -> dict[str, Any]:
        """What the receiver got since it was last asked."""
        found: dict[str, Any] = requests.get(f"{self.url}/figures", timeout=10).json()
        return found

    @contextlib.contextmanager
    def process(self, *command: str, **environment: str) -> Iterator[Server]:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, **self.settings, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        try:
            yield Server(0, process.pid)
        finally:
            process.terminate()
            process.wait(60)

    def wait_for_receiver(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.ConnectionError):
                self.figures()
                return
            time.sleep(0.1)
        raise SystemExit("the receiver did not start")

    # ------------------------------------------------------------ the measurements

    def bare(self, seconds: float = 4.0) -> float:
        """Requests a second of a bare client."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.bare", self.url + "/bare", str(seconds)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.figures()
        return float(done.stdout)

    def drained(self, webhook: str, count: int, sample: int) -> tuple[float, Server, float]:
        """Deliveries a second over the first `sample` of `count` that wait; the worker's memory
        and processor seconds for them."""
        self.empty()
        self.owe(webhook, count)
        self.figures()
        with self.process("portal.cli", "worker") as worker:
            got, first, last = 0, 0.0, 0.0
            began = (0, 0.0)  # received and computed until the start was over
            deadline = time.monotonic() + 120
            while got < sample and time.monotonic() < deadline:
                time.sleep(0.2)
                found = self.figures()
                if found["count"]:
                    got, first, last = got + found["count"], first or found["first"], found["last"]
                    began = began if began[0] else (got, worker.cpu_seconds)
            rate = got / max(last - first, 0.001)
            memory = Server(0, worker.pid).memory_mb
            self.cpu = (worker.cpu_seconds - began[1]) / max(got - began[0], 1) * 1000
            return rate, worker, memory

    def latency(self, name: str, seconds: float = LATENCY_SECONDS) -> dict[str, float]:
        """Milliseconds from the publication to the receiver, at RATE events a second."""
        self.figures()
        begin = time.monotonic() + 0.2
        total = int(RATE * seconds)
        numbers = iter(range(total))
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
                self.publish(name)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spent = time.monotonic() - begin
        time.sleep(1.0)
        found = self.figures()
        delays = sorted(delay * 1000 for delay in found["delays"])
        return {
            "count": len(delays),
            "lost": total - len(delays),
            "rate": total / spent,
            "p50": delays[len(delays) // 2],
            "p95": delays[int(len(delays) * 0.95)],
            "p99": delays[int(len(delays) * 0.99)],
        }


def measure(directory: Path, *, backlog: int = BACKLOG) -> list[Figure]:
    """All figures of the delivery engine."""
    parts = (lambda bench: throughput(bench, backlog), latencies, idle)
    with embedded.start(directory / "var") as postgres:
        migrate.upgrade(postgres.owner_url)
        with psycopg.connect(libpq_url(postgres.superuser_url), autocommit=True) as connection:
            connection.execute(
                "INSERT INTO tenant (id, slug, name, key_code)"
                " VALUES (%s, 'bench', 'Bench', 'bnch')"
                " ON CONFLICT DO NOTHING",
                (TENANT,),
            )
        bench = Bench(directory, postgres)
        with bench.process("tests.bench.sink", str(bench.port)):
            bench.wait_for_receiver()
            return [figure for part in parts for figure in part(bench)]


def throughput(bench: Bench, backlog: int) -> list[Figure]:
    """Sustained deliveries against a bare client, with a small and with a large backlog."""
    webhook = bench.webhook("/sustained", "sustained.never")
    bare = bench.bare()
    small, _, memory = bench.drained(webhook, BURST, BURST)
    cpu = bench.cpu
    bare = (bare + bench.bare()) / 2
    large, _, large_memory = bench.drained(webhook, backlog, BURST)
    again, _, _ = bench.drained(webhook, BURST, BURST)
    small = (small + again) / 2
    bench.empty()
    return [
        Figure(
            "deliveries a second, against a bare aiohttp client",
            small / bare,
            0.35,
            "more",
            notes=f"{small:.0f}/s against {bare:.0f}/s; worker {cpu:.2f} ms processor each",
        ),
        Figure(
            f"drain with {backlog:,} waiting, against {BURST:,}",
            large / small,
            0.9,
            "more",
            notes=f"{large:.0f}/s against {small:.0f}/s",
        ),
        Figure("memory of the worker", max(memory, large_memory), 200, "less", "MB"),
    ]


def latencies(bench: Bench) -> list[Figure]:
    """From publication to receiver, alone and beside a dead receiver with much waiting."""
    bench.webhook("/live", "live.created")
    dead = bench.webhook("/dead", "dead.never")
    with bench.process("portal.cli", "worker"):
        bench.publish("live.created")
        while not bench.figures()["count"]:
            time.sleep(0.1)  # the worker is starting
        bench.latency("live.created", 2.0)
        alone = bench.latency("live.created")
        bench.owe(dead, DEAD)
        beside = bench.latency("live.created")
        after = bench.latency("live.created", 4.0)
    notes = f"p50 {alone['p50']:.0f} ms, at {alone['rate']:.0f}/s, lost {alone['lost']:.0f}"
    return [
        Figure("publish to receive, p95", alone["p95"], 50, "less", "ms", notes),
        Figure("publish to receive, p99", alone["p99"], 150, "less", "ms"),
        Figure(
            f"p99 beside a dead receiver with {DEAD:,} waiting",
            beside["p99"] / max(alone["p99"], after["p99"]),
            1.2,
            "less",
            notes=f"{beside['p99']:.0f} ms against {alone['p99']:.0f} and {after['p99']:.0f} ms",
        ),
    ]


def idle(bench: Bench) -> list[Figure]:
    """What a worker computes while there is nothing to do."""
    bench.empty()
    with bench.process("portal.cli", "worker") as worker:
        time.sleep(20.0)  # every job of the house has had its first turn
        before = worker.cpu_seconds
        time.sleep(10.0)
        return [
            Figure(
                "processor of an idle worker",
                (worker.cpu_seconds - before) * 10,
                1,
                "less",
                "%",
                f"{worker.cpu_seconds - before:.2f} s in 10 s; {worker.memory_mb:.0f} MB",
            )
        ]


def main() -> None:
    backlog = int(sys.argv[1]) if len(sys.argv) > 1 else BACKLOG
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        for figure in measure(Path(directory), backlog=backlog):
            print(figure.line())


if __name__ == "__main__":
    main()
