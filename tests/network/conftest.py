"""Fixtures for a module: a database host, and two hosts with a web server and a worker."""

import contextlib
import http.client
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal.core import embedded_urls
from portal.core.config import libpq_url
from portal.keys.decision import format as key_format
from portal.ops import embedded_postgres, migrate
from tests.hindrance import hindrance
from tests.keeper import ROOT
from tests.network.hosts import Network, network, possible, wait_for

TENANT = "tnt_01K0000000000000000000CUTS"
REST = "/api/v1/integration"
PORT = 8000
ALL = [
    "keys:read", "keys:write", "keys:verify", "keys:reopen", "webhooks:write", "events:publish",
]  # fmt: skip
KEY = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, scopes, rpm_limit,
    max_uses, version)
VALUES (%s, %s, 'Key', %s, %s, %s, %s, %s, %s, %s, 1)
"""


@dataclass(frozen=True)
class Answer:
    """The result of a call: its start and its duration, by the client's clock, and the response."""

    begun_at: float
    seconds: float
    status: int
    document: Any

    @property
    def ended_at(self) -> float:
        return self.begun_at + self.seconds

    @property
    def code(self) -> str:
        return str(self.document.get("code"))


@dataclass
class Hosts:
    """The running hosts, and the keys that the tests use on them."""

    network: Network
    superuser: str
    environment: dict[str, str]
    caller: str = ""

    def ask(self, host: str, path: str, body: Any = None, method: str = "POST") -> Answer:
        """Call the REST API, or a page, on one host, and return the result."""
        begun_at = time.monotonic()
        connection = http.client.HTTPConnection(self.network.front(host), PORT, timeout=30)
        headers = {"Host": "portal.test", "Content-Type": "application/json"}
        if path.startswith(REST):
            headers["Authorization"] = f"Bearer {self.caller}"
        with contextlib.closing(connection):
            with self.network.client():
                connection.connect()
            encoded = None if body is None else json.dumps(body)
            connection.request(method, path, encoded, headers)
            answer = connection.getresponse()
            text = answer.read()
        document = json.loads(text) if text[:1] == b"{" else {"text": text.decode()}
        return Answer(begun_at, time.monotonic() - begun_at, answer.status, document)

    def database(self) -> "psycopg.Connection[Any]":
        """Return a superuser's connection, over the network that is never cut."""
        return connected(self.network, self.superuser)

    def verify(self, host: str, key: str) -> Answer:
        return self.ask(host, f"{REST}/api-keys/verify", {"key": key})

    def issue(
        self,
        name: str,
        limit: int | None = None,
        max_uses: int | None = None,
        scopes: list[str] | None = None,
    ) -> str:
        """Return a new key, inserted directly into the database."""
        raw = key_format.generate("cuts", "service")
        values = (TENANT, f"key_{name}", raw.digest, raw.prefix, raw.key_prefix, raw.last4,
                  json.dumps(scopes or []), limit, max_uses)  # fmt: skip
        with self.database() as connection:
            connection.execute(KEY, values)
            connection.execute(
                "INSERT INTO api_key_runtime (tenant_id, key_id) VALUES (%s, %s)", values[:2]
            )
        return raw.text


def until(true: Callable[[], bool], seconds: float = 60) -> float:
    """Wait until a condition is true, and return how many seconds that took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() < begun + seconds, "it did not happen"
        time.sleep(0.05)
    return time.monotonic() - begun


def hindrance_on(hosts: Hosts, host: str) -> contextlib.AbstractContextManager[Callable[[], float]]:
    """Measure how much the machine delays a host."""
    return hindrance(lambda: hosts.ask(host, "/healthz", method="GET"))


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    if not possible():
        pytest.skip("hosts need root and iproute2")
    worker = re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or "99"
    place = tmp_path_factory.mktemp("network")
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(network(int(worker), "db", "w1", "w2"))
        urls = _database(made, stack)
        environment = {
            "PORTAL_ENV": "production",
            "PORTAL_BASE_URL": "https://portal.test",
            "PORTAL_BIND": "0.0.0.0",  # noqa: S104 - of its own network alone
            "PORTAL_PORT": str(PORT),
            "PORTAL_DATA_DIR": str(place),
            "PORTAL_DATABASE_URL": urls.app,
            "PORTAL_SECRET_KEY": secrets.token_hex(32),
            "PORTAL_OIDC_ISSUER": "https://idp.test",
            "PORTAL_OIDC_CLIENT_ID": "portal",
            "PORTAL_OIDC_CLIENT_SECRET": secrets.token_hex(16),
            "PORTAL_OUTBOUND_ALLOW": f"{made.here}/32",
        }
        found = Hosts(made, libpq_url(urls.superuser), environment)
        with found.database() as connection:
            connection.execute(
                "INSERT INTO tenant (id, slug, name, key_code) VALUES (%s, 'cuts', 'Cuts', 'cuts')",
                (TENANT,),
            )
        found.caller = found.issue("caller", scopes=ALL)
        for host in ("w1", "w2"):
            for command in ("serve", "worker"):
                with (place / f"{host}-{command}.log").open("wb") as log:
                    made.start(
                        host, [sys.executable, "-m", "portal.ops.cli", command], environment,
                        cwd=ROOT, stdout=log, stderr=log,
                    )  # fmt: skip
            until(lambda host=host: _answers(found, host))
            wait_for(place / f"{host}-worker.log", "delivery ready")
        yield found


def _answers(hosts: Hosts, host: str) -> bool:
    try:
        return hosts.ask(host, "/readyz", method="GET").status == 200
    except OSError:
        return False


@dataclass(frozen=True)
class Urls:
    superuser: str
    app: str


def _database(made: Network, stack: contextlib.ExitStack) -> Urls:
    """Start PostgreSQL on the host `db`, migrated, with the roles of README and none of their
    settings.

    It listens on both networks: the test connects over the front one, which is never cut.
    """
    directory = Path(stack.enter_context(_directory()))
    with embedded_postgres.start(directory, throwaway=True) as once:
        migrate.upgrade(once.owner_url)
        with psycopg.connect(libpq_url(once.superuser_url), autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {embedded_urls.APP_ROLE} RESET ALL")
    cluster = directory / "postgres"
    (cluster / "pg_hba.conf").write_text("host all all samenet trust\n")
    command = [
        "setpriv", f"--reuid={cluster.stat().st_uid}", f"--regid={cluster.stat().st_gid}",
        "--clear-groups", str(embedded_postgres.programs() / "postgres"), "-D", str(cluster),
        "-c", "listen_addresses=*", "-c", "unix_socket_directories=", "-c", "fsync=off",
        "-c", "log_min_error_statement=panic",
    ]  # fmt: skip
    made.start("db", command, {}, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    superuser = f"postgresql+psycopg://postgres@{made.front('db')}/{embedded_urls.DATABASE}"
    until(lambda: _is_up(made, libpq_url(superuser)))
    app = f"postgresql://{embedded_urls.APP_ROLE}@{made.back('db')}/{embedded_urls.DATABASE}"
    return Urls(superuser, app)


@contextlib.contextmanager
def _directory() -> Iterator[str]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="portal-network-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield name


def _is_up(made: Network, url: str) -> bool:
    try:
        connected(made, url).close()
    except psycopg.OperationalError:
        return False
    return True


def connected(made: Network, url: str) -> "psycopg.Connection[Any]":
    """Return a connection of the client to PostgreSQL."""
    with made.client():
        return psycopg.connect(url, connect_timeout=2, autocommit=True)
