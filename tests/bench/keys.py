"""Measures keys among a million of them: their verification against servers that do nothing, how
many are issued in a second, how quickly a revocation is heard of, and their list.

python -m tests.bench.keys [--keys 1000000] [--rounds 5] [--seconds 2]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from portal.core.config import libpq_url
from portal.keys.decision import format as key_format
from portal.ops import embedded_postgres, migrate
from tests.bench import world
from tests.bench.__main__ import GROWTH, Generator, quiet, told
from tests.bench.figures import Figure, of_rounds
from tests.bench.load import Ask
from tests.bench.servers import Server, portal_serving, serving

KEYS = 1_000_000
CONNECTIONS = 16
PROCESSES = 2
FEW = 1_000
SEVERAL = 2_000  # keys that are verified in turn
WARMING_SECONDS = 8
LEAD_SECONDS = 6.0
SETTLING_SECONDS = 12  # until what was lent to the processes for 10 s is given back
HEARD_WITHIN = 30  # seconds; a late one counts with its time
REVOKED = 200  # one after the other, while the servers are overloaded
REST = "/api/v1/integration/api-keys"
SCOPES = {
    "caller": ["keys:verify", "keys:write", "keys:read"],
    "plain": ["keys:read"],
    "full": ["keys:read"],
}
EMPTY = "tests.bench.rivals.empty"
LATER = "uses written later"
ASYNCHRONOUS = "counts asynchronous"
PLENTY = 2_000_000_000
LIMITS = (600, 100_000, 100)  # requests and tokens a minute, dollars; not reached while it runs
FILL = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, version)
SELECT %(tenant)s::text, 'key_' || lpad(n::text, 26, '0'), 'Key ' || n,
    encode(sha256((%(tenant)s::text || n)::bytea), 'hex'), 'sk-acme-',
    'sk-acme-s' || lpad(n::text, 3, '0'), 'abcd', 1
FROM generate_series(1, %(many)s) AS n
"""
OWN = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, scopes, rpm_limit,
    tpm_limit, max_budget_usd, version)
VALUES (%s, %s, 'Measured', %s, %s, %s, %s, %s, %s, %s, %s, 1)
"""
HEARD = """
SELECT extract(epoch FROM max(heard.at) - change.changed_at) * 1000
FROM key_change AS change CROSS JOIN LATERAL (
    SELECT min(seen_at) AS at FROM key_acknowledgement AS seen
    WHERE seen.seq >= change.seq GROUP BY verifier_id
) AS heard
WHERE change.record_id = ANY (%s)
GROUP BY change.seq, change.changed_at HAVING count(*) = %s ORDER BY 1
"""


def several(kind: str) -> list[str]:
    """Return the names of the keys that are verified in turn."""
    return [f"{kind}-{number}" for number in range(SEVERAL)]


def fill(url: str, many: int) -> tuple[world.Tenant, world.Tenant, dict[str, str]]:
    """Create a tenant with many keys and one with few; return both and the first one's raw keys.

    The raw keys are by name. `full-0` and those that follow have limits and a budget, as keys of
    programs do; `plain-0` and those that follow have none.
    """
    tenants = world.Tenant.of("many", 0, 0, 0, many), world.Tenant.of("fewk", 0, 0, 0, FEW)
    names = ["caller", "full", *several("plain"), *several("full")]
    raws = {name: key_format.generate("many", "service") for name in names}
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for tenant in tenants:
            world.let_in(connection, tenant)
            connection.execute(FILL, {"tenant": tenant.id, "many": tenant.keys})
        for name, raw in raws.items():
            limits = LIMITS if name.startswith("full-") else (None, None, None)
            if name == "full":
                limits = PLENTY, PLENTY, 100_000_000
            scopes = SCOPES[name.partition("-")[0]]
            connection.execute(
                OWN,
                (tenants[0].id, f"key_{name}", raw.digest, raw.prefix, raw.key_prefix, raw.last4,
                 json.dumps(scopes), *limits),
            )  # fmt: skip
        connection.execute(
            "INSERT INTO api_key_runtime (tenant_id, key_id) SELECT tenant_id, id FROM api_key"
            " ON CONFLICT DO NOTHING"
        )
    world.sign_in(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) api_key, api_key_runtime")
        connection.execute("CHECKPOINT")  # so that it does not run during the measurements
    return *tenants, {name: raw.text for name, raw in raws.items()}


@dataclass(frozen=True)
class Bench:
    """The running portal, and the client that calls it."""

    url: str
    portal: Server
    generator: Generator
    raws: dict[str, str]

    def ask(self, path: str, **body: Any) -> Ask:
        """Return a REST request with the key that has the scopes."""
        caller = {"Authorization": f"Bearer {self.raws['caller']}"}
        return Ask(self.portal.port, REST + path, caller, json.dumps(body))

    def verify(self, name: str, number: int = 1, **more: Any) -> Ask:
        """Return the request that verifies a key, given by its name.

        The number varies the question: many addresses, and every fourth is for no scope.
        """
        scope = {"scope": "keys:read"} if number % 4 else {}
        ip = f"203.0.113.{number % 251}"
        return self.ask("/verify", key=self.raws[name], ip=ip, **scope, **more)

    def verify_several(self, kind: str, **more: Any) -> list[Ask]:
        """Return the requests that verify many keys."""
        return [self.verify(name, number, **more) for number, name in enumerate(several(kind))]

    # ------------------------------------------------------------ the figures

    def verification(
        self, empty: Sequence[Server], rounds: int, seconds: float
    ) -> Iterator[Figure]:
        """Measure requests per second and the 99th percentile of the latency.

        The servers that do nothing are a Flask view, a WSGI function and an RSGI application.
        """
        costs: dict[str, Any] = {"cost_tokens": 10, "estimated_usd": 0.001}
        body = self.verify("full").body
        nothing = [[Ask(server.port, "/nothing", {}, body)] for server in empty]
        plain = self.verify_several("plain")
        metered = [
            [self.verify("full", cost_tokens=10)],
            [self.verify("full", **costs)],
            self.verify_several("full", cost_tokens=10),
            self.verify_several("full", **costs),
        ]
        for some in (plain, *metered):
            answer = self.generator.run("once", some[-1])
            assert json.loads(answer["body"])["valid"], answer
        for some in (*nothing, plain, *metered):
            # Until both processes have met every key, and know which of them are busy.
            self._burst(some, 2 if len(some) == 1 else WARMING_SECONDS)
        counted = self._in_turn([nothing[0], *metered], rounds, seconds)
        lasting = self._in_turn([nothing[0], *metered[2:]], rounds, seconds, lead=LEAD_SECONDS)
        time.sleep(SETTLING_SECONDS)
        simple = self._in_turn([plain, *nothing], rounds, seconds)
        speed = [[result["per_second"] for result in results] for results in (*simple, *counted)]
        ours, *others = speed[: len(simple)]
        view, *limited = speed[len(simple) :]
        of_lasting = [[result["per_second"] for result in results] for results in lasting]
        compared = [
            *((ours, theirs) for theirs in others),
            *((one, view) for one in limited),
            *((one, of_lasting[0]) for one in of_lasting[1:]),
        ]
        names = (
            (f"verify over {SEVERAL:,} keys, against an empty view", 0.95, LATER),
            ("the same, against an empty WSGI function", None, LATER),
            ("the same, against an empty RSGI application", None, LATER),
            ("verify with limits and a budget", 0.4, ASYNCHRONOUS),
            ("verify that reserves money", 0.4, f"money durable, {ASYNCHRONOUS}"),
            (f"verify over {SEVERAL:,} keys, with limits and a budget", 0.4, ASYNCHRONOUS),
            (
                f"verify over {SEVERAL:,} keys, reserving money",
                0.3,
                f"money durable, {ASYNCHRONOUS}",
            ),
            (f"with limits and a budget, after {LEAD_SECONDS:.0f} s of it", 0.4, ASYNCHRONOUS),
            (
                f"reserving money, after {LEAD_SECONDS:.0f} s of it",
                0.3,
                f"money durable, {ASYNCHRONOUS}",
            ),
        )
        for (name, bound, kept), (ours, theirs) in zip(names, compared, strict=True):
            notes = f"{median(ours):.0f}/s against {median(theirs):.0f}/s; {kept}"
            yield Figure(name, of_rounds(ours, theirs), bound, "more", notes=notes)
        slow, of_view, _, of_rsgi = (
            median(result["p99_ms"] for result in results) for results in simple
        )
        notes = f"the empty view {of_view:.1f} ms, the empty RSGI application {of_rsgi:.1f} ms"
        title = "verify, 99th percentile at 16 connections"
        yield Figure(title, slow, 3, "less", "ms", notes=notes)
        every = (result for results in (*simple, *counted, *lasting) for result in results)
        failures = sum(result["failures"] for result in every)
        yield Figure("failures", failures, 0, "less", "")

    def _in_turn(
        self, asks: Sequence[list[Ask]], rounds: int, seconds: float, lead: float = 0
    ) -> list[list[dict[str, Any]]]:
        """Return the results of each ask, which are measured in turn.

        Each is measured after `lead` seconds of it, to show a load that lasts.
        """
        found: list[list[dict[str, Any]]] = [[] for _ in asks]
        for _ in range(rounds):
            for some, results in zip(asks, found, strict=True):
                if lead:
                    self._burst(some, lead)
                results.append(self._burst(some, seconds))
        return found

    def issuing(self, rounds: int, seconds: float) -> Figure:
        """Measure the keys issued per second."""
        ask = self.ask("", name="Issued", scopes=["keys:read"])
        self._burst([ask], 1)
        found = [self._burst([ask], seconds) for _ in range(rounds)]
        assert not sum(result["failures"] for result in found)
        speed = median(result["per_second"] for result in found)
        return Figure("keys issued through REST", speed, 500, "more", "/s")

    def revocation(self) -> Figure:
        """Measure the milliseconds from a revocation until each verifier knows it, under load."""
        ids = [f"key_{number:026}" for number in range(1, REVOKED + 1)]
        load = Generator()
        with ThreadPoolExecutor() as beside:
            verify = self.verify_several("plain")
            done = beside.submit(
                load.run, "burst", *verify, connections=CONNECTIONS, seconds=REVOKED / 50
            )
            revoke = [self.ask(f"/{key_id}/revoke") for key_id in ids]
            self.generator.run("turns", *revoke, rounds=1, seconds=60)
            done.result()
        load.stop()
        heard, ends = list[float](), time.monotonic() + HEARD_WITHIN
        with psycopg.connect(self.url, autocommit=True) as connection:
            while len(heard) < REVOKED and time.monotonic() < ends:
                heard = [float(row[0]) for row in connection.execute(HEARD, (ids, PROCESSES))]
                time.sleep(0.1)
        assert len(heard) == REVOKED, f"{len(heard)} of {REVOKED} were acknowledged"
        notes = f"median {median(heard):.1f} ms, slowest {heard[-1]:.1f} ms"
        worst = heard[len(heard) * 99 // 100]
        return Figure("revocation, 99th percentile", worst, 1000, "less", "ms", notes=notes)

    def growth(self, many: world.Tenant, few: world.Tenant) -> Figure:
        """Compare the list of many keys with that of few."""
        pages = [
            Ask(self.portal.port, "/keys", {"Cookie": f"__Host-cpod={tenant.cookie}"})
            for tenant in (many, few)
        ]
        for page in pages:
            body = self.generator.run("once", page)["body"]
            assert body.count('<th scope="row"') == 50, body[:500]
        self.generator.run("turns", *pages, rounds=5, seconds=5)
        times = self.generator.run("turns", *pages, rounds=60, seconds=20)["times_ms"]
        slow, quick = map(quiet, times)
        title = f"list page of {many.keys:,} keys, against {few.keys:,}"
        notes = f"{slow:.1f} ms against {quick:.1f} ms"
        return Figure(title, slow / quick, GROWTH, "less", notes=notes)

    def _burst(self, asks: Sequence[Ask], seconds: float) -> dict[str, Any]:
        return self.generator.run("burst", *asks, connections=CONNECTIONS, seconds=seconds)


def measure(
    url: str, settings: dict[str, str], many: int, rounds: int, seconds: float
) -> Iterator[Figure]:
    """Yield every figure as soon as it is known."""
    told(f"filling {many} keys")
    large, small, raws = fill(url, many)
    generator = Generator()
    with (
        portal_serving(settings, workers=PROCESSES) as portal,
        serving(f"{EMPTY}:view", {}, PROCESSES) as view,
        serving(f"{EMPTY}:wsgi", {}, PROCESSES) as function,
        serving(f"{EMPTY}:rsgi", {}, PROCESSES, "rsgi") as application,
    ):
        told("measuring")
        bench = Bench(url, portal, generator, raws)
        yield from bench.verification((view, function, application), rounds, seconds)
        yield bench.growth(large, small)
        yield bench.revocation()
        yield bench.issuing(rounds, seconds)
        yield Figure("memory of a verifying process", portal.memory_mb, 200, "less", "MB")
    generator.stop()


def all_of(keys: int, rounds: int, seconds: float) -> Iterator[Figure]:
    """Yield every figure, on a separate database."""
    with (
        tempfile.TemporaryDirectory(prefix="portal-bench-") as name,
        embedded_postgres.start(Path(name) / "var") as postgres,
    ):
        migrate.upgrade(postgres.owner_url)
        settings = {
            "PORTAL_ENV": "production",
            "PORTAL_BASE_URL": "https://portal.example",
            "PORTAL_DATA_DIR": name,
            "PORTAL_DATABASE_URL": postgres.app_url,
            "PORTAL_SECRET_KEY": "a secret of the bench that all of us know",
            "PORTAL_OIDC_ISSUER": "https://idp.example",
            "PORTAL_OIDC_CLIENT_ID": "portal",
            "PORTAL_OIDC_CLIENT_SECRET": "a secret of the bench, known to all",
        }
        yield from measure(libpq_url(postgres.superuser_url), settings, keys, rounds, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.keys", description=__doc__)
    parser.add_argument("--keys", type=int, default=KEYS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    asked = parser.parse_args()
    held = True
    for figure in all_of(asked.keys, asked.rounds, asked.seconds):
        print(figure.line(), flush=True)
        held &= figure.holds
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
