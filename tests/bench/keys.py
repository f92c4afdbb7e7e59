"""Measures the verification of keys among a million of them, against an empty Flask view.

python -m tests.bench.keys [--keys 1000000] [--rounds 5] [--seconds 2]
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from portal import embedded, migrate
from portal.config import libpq_url
from portal.keys import format as key_format
from tests.bench.__main__ import Generator, told
from tests.bench.figures import Figure, of_rounds
from tests.bench.load import Ask
from tests.bench.servers import Server, free_port, serving

TENANT = "tnt_01K0000000000000000000KEYS"
CONNECTIONS = 16
PROCESSES = 2
PATH = "/api/v1/integration/api-keys/verify"
FILL = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, version)
SELECT %s, 'key_' || lpad(n::text, 26, '0'), 'Key ' || n, encode(sha256(n::text::bytea), 'hex'),
    'sk-acme-', 'sk-acme-s' || lpad(n::text, 3, '0'), 'abcd', 1
FROM generate_series(1, %s) AS n
"""
OWN = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, scopes, rpm_limit,
    tpm_limit, max_budget_usd, version)
VALUES (%s, %s, 'Measured', %s, %s, %s, %s, %s, %s, %s, %s, 1)
"""


def fill(url: str, many: int) -> dict[str, str]:
    """A tenant with many keys; the raw ones of a caller, a plain key and one with limits."""
    raws = {name: key_format.generate("keyb", "service") for name in ("caller", "plain", "full")}
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO tenant (id, slug, name, key_code) VALUES (%s, 'keys', 'Keys', 'keyb')",
            (TENANT,),
        )
        connection.execute(FILL, (TENANT, many))
        for name, raw in raws.items():
            scopes = json.dumps(["keys:verify"] if name == "caller" else ["keys:read"])
            limits = (2_000_000_000, 2_000_000_000, 100_000_000) if name == "full" else [None] * 3
            connection.execute(
                OWN,
                (TENANT, f"key_{name}", raw.digest, raw.prefix, raw.key_prefix, raw.last4,
                 scopes, *limits),
            )  # fmt: skip
        connection.execute(
            "INSERT INTO api_key_runtime (tenant_id, key_id) SELECT tenant_id, id FROM api_key"
            " WHERE name = 'Measured'"
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) api_key")
    return {name: raw.text for name, raw in raws.items()}


def measure(url: str, settings: dict[str, str], many: int, rounds: int, seconds: float) -> Any:
    told(f"filling {many} keys")
    raws = fill(url, many)
    generator = Generator()
    with (
        serving("app:app", settings, workers=PROCESSES) as portal,
        serving("tests.bench.rivals.empty_view:app", {}, workers=PROCESSES) as empty,
    ):
        caller = {"Authorization": f"Bearer {raws['caller']}"}
        plain = {"key": raws["plain"], "scope": "keys:read", "ip": "203.0.113.1"}
        asks = [
            Ask(empty.port, "/nothing", {}, json.dumps(plain)),
            Ask(portal.port, PATH, caller, json.dumps(plain)),
            Ask(portal.port, PATH, caller,
                json.dumps({**plain, "key": raws["full"], "cost_tokens": 10})),
            Ask(portal.port, PATH, caller,
                json.dumps({**plain, "key": raws["full"], "cost_tokens": 10,
                            "estimated_usd": 0.001})),
        ]  # fmt: skip
        for ask in asks[1:]:
            answer = generator.run("once", ask)
            assert json.loads(answer["body"])["valid"], answer
        told("measuring")
        for ask in asks:
            generator.run("burst", ask, connections=CONNECTIONS, seconds=1)
        found: list[list[dict[str, Any]]] = [[] for _ in asks]
        for _ in range(rounds):
            for ask, results in zip(asks, found, strict=True):
                results.append(
                    generator.run("burst", ask, connections=CONNECTIONS, seconds=seconds)
                )
        yield from figures(found, portal)
    generator.stop()


def figures(found: list[list[dict[str, Any]]], portal: Server) -> Any:
    """What was promised, and what came out."""
    speed = [[result["per_second"] for result in results] for results in found]
    failures = sum(result["failures"] for results in found for result in results)
    names = (
        ("verify, against an empty view", 0.6),
        ("verify with limits and a budget", 0.4),
        ("verify that reserves money (each a statement)", 0.4),
    )
    for number, (name, bound) in enumerate(names, 1):
        notes = f"{median(speed[number]):.0f}/s against {median(speed[0]):.0f}/s"
        yield Figure(name, of_rounds(speed[number], speed[0]), bound, "more", notes=notes)
    slow, empty = (median(result["p99_ms"] for result in found[n]) for n in (1, 0))
    yield Figure(
        "verify, 99th percentile at 16 connections", slow, 3, "less", "ms",
        notes=f"{slow:.1f} ms against {empty:.1f} ms",
    )  # fmt: skip
    yield Figure("memory of a verifying process", portal.memory_mb, 200, "less", "MB")
    yield Figure("failures", failures, 0, "less", "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.keys", description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        place = Path(name)
        with embedded.start(place / "var") as postgres:
            migrate.upgrade(postgres.owner_url)
            settings = {
                "PORTAL_ENV": "production",
                "PORTAL_BASE_URL": "https://portal.example",
                "PORTAL_DATA_DIR": name,
                "PORTAL_DATABASE_URL": postgres.app_url,
                "PORTAL_SECRET_KEY": "a secret of the bench, known to all of us",
                "PORTAL_OIDC_ISSUER": "https://idp.example",
                "PORTAL_OIDC_CLIENT_ID": "portal",
                "PORTAL_OIDC_CLIENT_SECRET": "a secret of the bench, known to all",
                "PORTAL_PORT": str(free_port()),
            }
            url = libpq_url(postgres.superuser_url)
            held = True
            for figure in measure(url, settings, asked.keys, asked.rounds, asked.seconds):
                print(figure.line(), flush=True)
                held &= figure.holds
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
