"""A quiet tenant that measures how long its requests take, alone or beside a hostile tenant."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from statistics import quantiles

from tests.bench.servers import ROOT

REST = "/api/v1/integration"
SECONDS = 30


@dataclass(frozen=True)
class Quiet:
    """A quiet tenant: its key, its cookie and the portal's address."""

    port: int
    key: str
    cookie: str
    host: str = "127.0.0.1"

    def waits(self, rounds: int) -> list[float]:
        """Return the seconds of each request; all must succeed.

        It requests a page, a list, a key check and the publication of an event in turn.
        """
        program = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        event = json.dumps({"type": "rfp.created", "data": {"id": 1}})
        asks: list[tuple[str, str, str | None, Mapping[str, str]]] = [
            ("GET", "/webhooks", None, {"Cookie": self.cookie}),
            ("GET", f"{REST}/webhooks", None, program),
            ("POST", f"{REST}/api-keys/verify", json.dumps({"key": self.key}), program),
            ("POST", f"{REST}/events", event, program),
        ]
        waits = []
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        with closing(connection):
            for method, path, body, headers in asks * rounds:
                begun = time.perf_counter()
                connection.request(method, path, body, {"Host": self.host, **headers})
                answer = connection.getresponse()
                text = answer.read()
                waits.append(time.perf_counter() - begun)
                assert answer.status in (200, 202), (path, answer.status, text[:300])
                time.sleep(0.01)
        return waits


def p99(waits: list[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(waits, n=100)[98]


@contextmanager
def hostility(port: int, key: str, host: str = "127.0.0.1") -> Iterator[None]:
    """Run a hostile tenant inside the context."""
    command = [sys.executable, "-m", "tests.bounded.hostile", str(port), key, host]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
            assert process.poll() is None, "it ended before its time"
        finally:
            process.kill()
