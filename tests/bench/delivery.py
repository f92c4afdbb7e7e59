"""Measure deliveries: their rate, their latency, and the cost of a backlog or a dead receiver.

The worker, the receiver, a bare client and PostgreSQL run in separate processes.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import requests

from portal.core.config import libpq_url
from portal.database.base import new_id
from portal.keys.decision import format as key_format
from portal.ops import embedded_postgres, migrate
from portal.ops.embedded_postgres import die_with_parent
from tests.bench import space
from tests.bench.figures import Figure
from tests.bench.load import Ask
from tests.bench.servers import ROOT, Server, computed_by_all, free_port, portal_serving

if TYPE_CHECKING:
    from tests.bench.__main__ import Generator

TENANT = "tnt_deliveries"
BURST, BACKLOG, DEAD = 20_000, 1_000_000, 10_000
PADDING = "x" * 900
RATE, LATENCY_SECONDS = 200, 8.0
KEYS, TYPES = 200, [f"live.created{number}" for number in range(5)]
BATCHES, BATCH = 40, 500
BETWEEN_CLEANINGS = 4  # batches: a tenth of all, as autovacuum cleans a table of this size
PUBLISH = "/api/v1/integration/events"

LIVE = [
    f'{{"type": "{name}", "data": {{"n":NUMBER,"at":AT,"padding":"{PADDING}"}}}}' for name in TYPES
]
KEY = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, scopes, version)
VALUES (%s, %s, 'Publisher', %s, %s, %s, %s, '["events:publish"]', 1)
"""
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


@dataclass
class Arrivals:
    """The different events that the receiver has got, by their numbers, and when."""

    numbers: set[int] = field(default_factory=set)
    twice: int = 0
    first: float = 0.0
    last: float = 0.0

    def add(self, found: dict[str, Any]) -> None:
        """Add the receiver's figures."""
        for number in found["numbers"]:
            self.twice += number in self.numbers
            self.numbers.add(number)
        self.first = self.first or found["first"]
        self.last = found["last"] or self.last


@dataclass(frozen=True)
class Drain:
    """The rate and cost of deliveries that had waited.

    Rate and processor time (with PostgreSQL's) are without those that came twice. Lost is what
    did not come within two minutes.
    """

    rate: float
    milliseconds: float
    memory_mb: float
    lost: int
    twice: int


class Bench:
    """The running processes, and the measurements."""

    def __init__(self, directory: Path, postgres: embedded_postgres.EmbeddedPostgres) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.superuser = libpq_url(postgres.superuser_url)
        self.postgres_pid = postgres.pid
        self.settings = {
            "PORTAL_ENV": "production",
            "PORTAL_BASE_URL": "https://portal.example",
            "PORTAL_DATABASE_URL": postgres.app_url,
            "PORTAL_DATA_DIR": str(directory),
            "PORTAL_SECRET_KEY": "a secret of the bench that all of us know",
            "PORTAL_OIDC_ISSUER": "https://idp.example",
            "PORTAL_OIDC_CLIENT_ID": "portal",
            "PORTAL_OIDC_CLIENT_SECRET": "a secret of the bench, known to all",
            "PORTAL_OUTBOUND_ALLOW": "127.0.0.0/8",
        }
        self.batches, self.published = 0, 0
        from portal import create_app
        from tests.configs import config_of

        self.app = create_app(config_of(self.settings))

    # ------------------------------------------------------------ the world

    def webhook(self, path: str, *event_types: str) -> str:
        from portal.database.session import transaction
        from portal.webhooks import service
        from portal.webhooks.schemas import WebhookInput

        body = {"name": path, "url": self.url + path, "event_types": list(event_types)}
        with self.app.app_context(), transaction(TENANT):
            made = service.create(self._actor(), WebhookInput.read(body))
            return made.record.id

    def key(self) -> str:
        """Issue a key that may publish."""
        raw = key_format.generate("bnch", "service")
        names = (raw.digest, raw.prefix, raw.key_prefix, raw.last4)
        with psycopg.connect(self.superuser) as connection:
            connection.execute(KEY, (TENANT, new_id("key"), *names))
        return raw.text

    def owe(self, webhook: str, count: int) -> None:
        """Insert deliveries into the queue as fast as SQL can."""
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
            connection.execute("CHECKPOINT")  # so that it does not run during the next measurement

    def _actor(self) -> Any:
        from portal.database.actor import Actor
        from portal.identity.openid.claims import ALL_SCOPES

        return Actor(TENANT, "system", "bench", "Bench", ALL_SCOPES)

    def figures(self) -> dict[str, Any]:
        """Return the receiver's figures since the last call."""
        found: dict[str, Any] = requests.get(f"{self.url}/figures", timeout=10).json()
        return found

    def wait_for(self, arrivals: Arrivals, many: int, seconds: float) -> None:
        """Add what arrives until so many different events have arrived, or the time is over."""
        deadline = time.monotonic() + seconds
        while len(arrivals.numbers) < many and time.monotonic() < deadline:
            time.sleep(0.2)
            arrivals.add(self.figures())

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
        """Return the requests per second of a bare client."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.bare", self.url + "/bare", str(seconds)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.figures()
        return float(done.stdout)

    def drained(self, webhook: str, count: int, sample: int) -> Drain:
        """Measure the first `sample` of `count` waiting deliveries, which are known by numbers."""
        self.empty()
        self.owe(webhook, count)
        self.figures()
        with self.process("portal.ops.cli", "worker") as worker:
            pids, arrivals = (worker.pid, self.postgres_pid), Arrivals()
            self.wait_for(arrivals, 1, 60)
            early, before = len(arrivals.numbers), computed_by_all(*pids)
            self.wait_for(arrivals, sample, 120)
            computed, got = computed_by_all(*pids) - before, len(arrivals.numbers)
            return Drain(
                rate=got / max(arrivals.last - arrivals.first, 0.001),
                milliseconds=computed / max(got - early, 1) * 1000,
                memory_mb=worker.memory_mb,
                lost=max(sample - got, 0),
                twice=arrivals.twice,
            )

    def latency(self, generator: "Generator", asks: list[Ask], seconds: float) -> dict[str, float]:
        """Publish RATE events per second over HTTP, and return their latencies in milliseconds.

        A latency lasts from the time an event was due until the receiver got it.
        """
        self.figures()
        first, self.published = self.published, self.published + int(RATE * seconds)
        result = generator.run("schedule", *asks, rate=RATE, seconds=seconds, first=first)
        # Late events of an earlier measurement count as lost there, and refused ones not at all.
        accepted = set(range(first, self.published)) - set(result["refused"])
        delays: dict[int, float] = {}
        twice = 0
        deadline = time.monotonic() + 10
        while len(delays) < len(accepted) and time.monotonic() < deadline:
            time.sleep(0.2)
            found = self.figures()
            for number, delay in zip(found["numbers"], found["delays"], strict=True):
                twice += number in delays
                if number in accepted:
                    delays.setdefault(number, delay * 1000)
        times = sorted(delays.values())
        return {
            "lost": len(accepted) - len(times),
            "twice": twice,
            "refused": len(result["refused"]),
            "answered": result["times"][int(len(result["times"]) * 0.95)] * 1000,
            "p50": times[len(times) // 2],
            "p95": times[int(len(times) * 0.95)],
            "p99": times[int(len(times) * 0.99)],
        }


def measure(directory: Path, *, backlog: int = BACKLOG) -> list[Figure]:
    """Return all figures of the delivery engine."""
    # Latencies first: after a million deliveries, PostgreSQL and the disk are busy for minutes.
    parts = (latencies, batches, lambda bench: throughput(bench, backlog), idle)
    with embedded_postgres.start(directory / "var") as postgres:
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
    """Compare sustained deliveries with a bare client, with a small and with a large backlog."""
    webhook = bench.webhook("/sustained", "sustained.never")
    bare = bench.bare()
    before = bench.drained(webhook, BURST, BURST)
    bare = (bare + bench.bare()) / 2
    large = bench.drained(webhook, backlog, BURST)
    after = bench.drained(webhook, BURST, BURST)
    small = (before.rate + after.rate) / 2
    every = (before, large, after)
    bench.empty()
    return [
        Figure(
            "deliveries a second, against a bare aiohttp client",
            small / bare,
            0.42,
            "more",
            notes=f"{small:.0f}/s against {bare:.0f}/s; processor, with PostgreSQL's,"
            f" {before.milliseconds:.2f} ms each",
        ),
        Figure(
            f"drain with {backlog:,} waiting, against {BURST:,}",
            large.rate / small,
            0.9,
            "more",
            notes=f"{large.rate:.0f}/s against {small:.0f}/s",
        ),
        Figure(
            "waiting deliveries lost",
            sum(one.lost for one in every),
            0,
            "less",
            "",
            f"{sum(one.twice for one in every)} came twice",
        ),
        Figure("memory of the worker", max(one.memory_mb for one in every), 200, "less", "MB"),
    ]


def latencies(bench: Bench) -> list[Figure]:
    """Measure the time from publication to receiver, alone and beside failing receivers.

    The failing receivers refuse or hang, and have many waiting deliveries.
    """
    from tests.bench.__main__ import Generator

    bench.webhook("/live", *TYPES)
    others = {"refuses": bench.webhook("/dead", "dead.never"),
              "hangs": bench.webhook("/hanging", "hanging.never")}  # fmt: skip
    heads = [{"Authorization": f"Bearer {bench.key()}"} for _ in range(KEYS)]
    generator = Generator()
    with (
        portal_serving(bench.settings) as portal,
        bench.process("portal.ops.cli", "worker") as worker,
    ):
        asks = [Ask(portal.port, PUBLISH, head, body) for head in heads for body in LIVE]
        bench.latency(generator, asks, 2.0)  # to start the worker and warm up caches
        processes = (portal.parent, worker.pid, bench.postgres_pid)
        before = [computed_by_all(pid) for pid in processes]
        alone = bench.latency(generator, asks, LATENCY_SECONDS)
        computed = [
            (computed_by_all(pid) - begun) / (RATE * LATENCY_SECONDS) * 1000
            for pid, begun in zip(processes, before, strict=True)
        ]
        beside = {}
        for name, webhook in others.items():
            bench.owe(webhook, DEAD)
            beside[name] = bench.latency(generator, asks, LATENCY_SECONDS)
        after = bench.latency(generator, asks, 4.0)
    generator.stop()
    bench.empty()
    every = [alone, after, *beside.values()]
    notes = f"p50 {alone['p50']:.1f} ms; answered to the publisher {alone['answered']:.1f} ms"
    return [
        Figure(f"publish to receive at {RATE}/s, p95", alone["p95"], 5, "less", "ms", notes),
        Figure("publish to receive, p99", alone["p99"], 150, "less", "ms"),
        Figure("processor for 1,000 of them, all processes", sum(computed), 3, "less", "s",
               "web {:.1f} s, worker {:.1f} s, PostgreSQL {:.1f} s".format(*computed)),
        Figure("events refused or lost", sum(one["refused"] + one["lost"] for one in every), 0,
               "less", "", f"{sum(one['twice'] for one in every):.0f} came twice"),
        *(
            Figure(
                f"p99 beside a receiver that {name}, {DEAD:,} waiting",
                one["p99"] / max(alone["p99"], after["p99"]),
                1.2,
                "less",
                notes=f"{one['p99']:.0f} ms against {alone['p99']:.0f} and {after['p99']:.0f} ms",
            )
            for name, one in beside.items()
        ),
    ]  # fmt: skip


def batches(bench: Bench) -> list[Figure]:
    """Measure events that one client publishes in batches, until the receiver of all has them."""
    many = BATCHES * BATCH
    with (
        portal_serving(bench.settings) as portal,
        bench.process("portal.ops.cli", "worker"),
        requests.Session() as client,
    ):
        client.headers.update(
            {
                "Host": "portal.example",
                "Authorization": f"Bearer {bench.key()}",
                "Content-Type": "application/json",
            }
        )

        def publish(batch: int) -> None:
            numbers = range(batch * BATCH, (batch + 1) * BATCH)
            events = [LIVE[n % len(LIVE)].replace("NUMBER", str(n)) for n in numbers]
            body = f'{{"events": [{",".join(events)}]}}'.replace("AT", "0")
            address = f"http://127.0.0.1:{portal.port}{PUBLISH}"
            client.post(address, body, timeout=60).raise_for_status()

        publish(BATCHES)  # to start the worker and warm up caches
        bench.wait_for(Arrivals(), BATCH, 30)
        arrivals, began = Arrivals(), time.time()
        for batch in range(BATCHES):
            publish(batch)
        accepted = many / (time.time() - began)
        bench.wait_for(arrivals, many, 60)
        bench.empty()
        taken_up = _space(bench, publish)
    bench.empty()
    delivered = len(arrivals.numbers) / (arrivals.last - began)
    notes = f"{accepted:.0f}/s accepted from one client meanwhile, 1 KiB, durable"
    lost, twice = many - len(arrivals.numbers), arrivals.twice
    return [
        Figure(f"events delivered, by batches of {BATCH}", delivered, None, "more", "/s", notes),
        Figure("events of batches lost", lost, 0, "less", "", f"{twice} came twice"),
        taken_up,
    ]


def _space(bench: Bench, publish: Callable[[int], None]) -> Figure:
    """Measure what deliveries take up on disk that came while old ones were cleaned away."""
    for batch in range(BATCHES):
        publish(batch)
        if batch % BETWEEN_CLEANINGS == BETWEEN_CLEANINGS - 1:
            arrivals, many = Arrivals(), BETWEEN_CLEANINGS * BATCH
            bench.wait_for(arrivals, many, 60)
            if len(arrivals.numbers) < many:
                raise SystemExit("not all deliveries came, so their space would be too small")
            space.clean(bench.superuser)
    return space.of_delivery(bench.superuser)


def idle(bench: Bench) -> list[Figure]:
    """Measure the processor time of a worker that has nothing to do."""
    bench.empty()
    with bench.process("portal.ops.cli", "worker") as worker:
        time.sleep(20.0)  # every housekeeping job has had its first turn
        pids = worker.pid, bench.postgres_pid
        before = [computed_by_all(pid) for pid in pids]
        time.sleep(10.0)
        ours, postgres = (
            computed_by_all(pid) - begun for pid, begun in zip(pids, before, strict=True)
        )
        return [
            Figure(
                "processor of an idle worker",
                ours * 10,
                1,
                "less",
                "%",
                f"{ours:.2f} s in 10 s, PostgreSQL {postgres:.2f} s; {worker.memory_mb:.0f} MB",
            )
        ]


def main() -> None:
    backlog = int(sys.argv[1]) if len(sys.argv) > 1 else BACKLOG
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        for figure in measure(Path(directory), backlog=backlog):
            print(figure.line())


if __name__ == "__main__":
    main()
