"""Measure leases: one of a token that is there, and how fast workers fetch those that are due.

The workers, the token address, a bare client and PostgreSQL run in separate processes.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from portal.core.config import libpq_url
from portal.keys.decision import format as key_format
from portal.ops import embedded_postgres, migrate
from tests.bench.delivery import TENANT, Bench
from tests.bench.figures import Figure, of_rounds
from tests.bench.load import Ask
from tests.bench.servers import ROOT, portal_serving

DUE, WARM, DUE_IN_VAULT = 10_000, 200, 1_000
CONNECTIONS = 4
WORKERS = 2
APPLICATION = "app_" + "0" * 26
REST = "/api/v1/integration/connectors"
KEY = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, application_id,
    scopes, version)
VALUES (%s, %s, 'Runtime', %s, %s, %s, %s, %s, '["connectors:read", "connectors:use"]', 1)
"""
OWNER = """
INSERT INTO application (tenant_id, id, display_name, slug, kind, status, version)
VALUES (%s, %s, 'Runtime', 'runtime', 'app', 'active', 1) ON CONFLICT DO NOTHING
"""
CONNECTORS = """
INSERT INTO connector (tenant_id, id, name, type, provider, auth_type, config, credential_fields,
    credential_version, application_id, version)
SELECT %(tenant)s, 'cnn_' || lpad(n::text, 26, '0'), 'Connector ' || n, 'custom', 'http',
    'oauth2_client_credentials', %(config)s, '["client_id", "client_secret"]', 1, %(owner)s, 1
FROM generate_series(1, %(many)s::int) AS n
"""
ACCESSES = """
INSERT INTO connector_access (tenant_id, connector_id, due_at)
SELECT tenant_id, id, NULL FROM connector
"""
NOW_DUE = """
UPDATE connector_access SET state = 'due', due_at = now(), slot_version = NULL
WHERE connector_id IN (SELECT id FROM connector ORDER BY id OFFSET %s LIMIT %s)
"""
NOT_READY = "SELECT count(*) FROM connector_access WHERE state <> 'ready' AND due_at IS NOT NULL"


class Leases(Bench):
    """The running processes, and connectors whose tokens are due."""

    def fill(self, many: int) -> None:
        """Make connectors that sign in by client credentials, each with its own client."""
        from portal import secretstore
        from portal.database.session import transaction
        from portal.secretstore import SecretRef

        config = {"baseUrl": self.url, "tokenUrl": f"{self.url}/token"}
        values = {"tenant": TENANT, "owner": APPLICATION, "many": many}
        with psycopg.connect(self.superuser) as connection:
            connection.execute("TRUNCATE connector CASCADE")
            connection.execute(OWNER, (TENANT, APPLICATION))
            connection.execute(CONNECTORS, {**values, "config": json.dumps(config)})
            connection.execute(ACCESSES)
        ids = [f"cnn_{number:026}" for number in range(1, many + 1)]
        for start in range(0, many, 100):
            data = {
                SecretRef(TENANT, "connectors", id, "credentials"): {
                    "client_id": id,
                    "client_secret": "a secret of the bench",
                }
                for id in ids[start : start + 100]
            }
            with self.app.app_context(), transaction(TENANT):
                secretstore.store().put_many(data)
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def runtime(self) -> str:
        """Issue a key of the application."""
        raw = key_format.generate("bnch", "service")
        names = (raw.digest, raw.prefix, raw.key_prefix, raw.last4)
        with psycopg.connect(self.superuser) as connection:
            connection.execute(KEY, (TENANT, f"key_{raw.last4}", *names, APPLICATION))
            connection.execute(
                "INSERT INTO api_key_runtime (tenant_id, key_id) SELECT tenant_id, id FROM api_key"
                " ON CONFLICT DO NOTHING"
            )
        return raw.text

    def fetched(self, first: int, many: int) -> tuple[float, dict[str, Any]]:
        """Return the tokens per second of the running workers, and the figures of the address."""
        self.figures()
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            connection.execute(NOW_DUE, (first, many))
            deadline = time.monotonic() + 120
            while _number(connection, NOT_READY):
                if time.monotonic() > deadline:
                    raise SystemExit("the tokens were not fetched")
                time.sleep(0.05)
            done = time.time()
        found = self.figures()
        return many / (done - found["first"]), found

    def bare_tokens(self, many: int) -> float:
        """Return the tokens per second of a bare client."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.bare_tokens", f"{self.url}/token", str(many)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.figures()
        return float(done.stdout)


def _number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])


def measure(directory: Path, rounds: int, seconds: float) -> Iterator[Figure]:
    """Return all figures of leases."""
    with ExitStack() as stack:
        postgres = stack.enter_context(embedded_postgres.start(directory / "var"))
        migrate.upgrade(postgres.owner_url)
        with psycopg.connect(libpq_url(postgres.superuser_url), autocommit=True) as connection:
            connection.execute(
                "INSERT INTO tenant (id, slug, name, key_code)"
                " VALUES (%s, 'bench', 'Bench', 'bnch') ON CONFLICT DO NOTHING",
                (TENANT,),
            )
        bench = Leases(directory, postgres)
        stack.enter_context(bench.process("tests.bench.token_address", str(bench.port)))
        bench.wait_for_receiver()
        bench.fill(DUE + WARM)
        yield from fetching(bench, DUE, min(rounds, 5))
        yield taking(bench, rounds, seconds)
        yield in_vault(bench, directory)


def fetching(bench: Leases, many: int, rounds: int) -> Sequence[Figure]:
    """Compare workers that fetch due tokens with a bare client of the same address."""
    ours, theirs, wrong = [], [], 0
    with ExitStack() as stack:
        for _ in range(WORKERS):
            stack.enter_context(bench.process("portal.ops.cli", "worker"))
        bench.fetched(many, WARM)
        for _ in range(rounds):
            theirs.append(bench.bare_tokens(many))
            rate, found = bench.fetched(0, many)
            ours.append(rate)
            wrong += found["not_once"] + many - found["clients"]
    return [
        Figure(
            f"{many:,} due tokens, {WORKERS} workers, against a bare aiohttp client",
            of_rounds(ours, theirs),
            0.4,
            "more",
            notes=f"{median(ours):.0f}/s against {median(theirs):.0f}/s; embedded store",
            detail={"ours_per_second": ours, "theirs_per_second": theirs},
        ),
        Figure("tokens not fetched exactly once", wrong, 0, "less"),
    ]


def taking(bench: Leases, rounds: int, seconds: float) -> Figure:
    """Compare a lease of a token that is there with a REST get by the same key."""
    from tests.bench.__main__ import Generator

    head = {"Authorization": f"Bearer {bench.runtime()}"}
    generator = Generator()
    speeds: dict[str, list[float]] = {"lease": [], "get": []}
    with portal_serving(bench.settings) as portal:
        place = f"{REST}/cnn_{1:026}"
        asks = {
            "lease": Ask(portal.port, f"{place}/leases", head, "{}"),
            "get": Ask(portal.port, place, head),
        }
        for number in range(rounds + 1):  # the first round warms up caches and pools
            for name, ask in asks.items():
                burst = generator.run("burst", ask, connections=CONNECTIONS, seconds=seconds)
                if burst["failures"]:
                    raise SystemExit(f"{name}: {burst['refusal']}")
                if number:
                    speeds[name].append(burst["per_second"])
    generator.stop()
    ours, theirs = speeds["lease"], speeds["get"]
    return Figure(
        "lease of a cached token, against REST get by the same key",
        of_rounds(ours, theirs),
        0.4,
        "more",
        notes=f"{median(ours):.0f}/s against {median(theirs):.0f}/s",
        detail={"lease_per_second": ours, "get_per_second": theirs},
    )


def in_vault(bench: Leases, directory: Path) -> Figure:
    """Measure how fast workers fetch due tokens with a real OpenBao. Nothing is promised of it."""
    from portal import create_app
    from tests.configs import config_of
    from tests.secretstore.openbao import ROLE_ID, SECRET_ID, own_openbao

    with own_openbao(directory) as bao:
        bao.prepare()
        bench.settings |= {"PORTAL_SECRET_STORE": "vault", "PORTAL_VAULT_ADDR": bao.address}
        for part, side in (("", "web"), ("WORKER_", "worker")):
            bench.settings[f"PORTAL_VAULT_{part}ROLE_ID"] = f"{ROLE_ID}-{side}"
            bench.settings[f"PORTAL_VAULT_{part}SECRET_ID"] = f"{SECRET_ID}-{side}"
        bench.app = create_app(config_of(bench.settings))
        bench.fill(DUE_IN_VAULT + WARM)
        with ExitStack() as stack:
            for _ in range(WORKERS):
                stack.enter_context(bench.process("portal.ops.cli", "worker"))
            bench.fetched(DUE_IN_VAULT, WARM)
            rate, _ = bench.fetched(0, DUE_IN_VAULT)
    return Figure(
        f"{DUE_IN_VAULT:,} due tokens with OpenBao, tokens a second", rate, None, "more", "/s"
    )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        for figure in measure(Path(directory), 5, 1.5):
            print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
