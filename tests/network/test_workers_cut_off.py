"""Test that deliveries go on when the host of a worker, or of the database, is cut off."""

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from portal.delivery.queue.queue import LEASE_SECONDS
from tests.network.conftest import REST, TENANT, Hosts, until

pytestmark = [pytest.mark.timeout(300), pytest.mark.proof(only=True)]

MANY = 40
LONG_BEFORE = LEASE_SECONDS / 2
"""A takeover within so many seconds, even on a busy machine, was caused by the worker's silence,
and not by the end of the deliveries' own leases."""

STATES = """
SELECT w.name, d.state, count(*) FROM delivery d
JOIN webhook w ON w.tenant_id = d.tenant_id AND w.id = d.webhook_id
WHERE d.tenant_id = %s GROUP BY 1, 2
"""
SECONDS_SINCE = "SELECT extract(epoch FROM clock_timestamp() - %s)::float8"


class Receiver(ThreadingHTTPServer):
    """A server that stores each event and the host that sent it, and answers once the gate is
    open."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), Receiving)
        self.came: list[tuple[str, str]] = []
        self.gate = threading.Event()

    def times(self) -> Counter[str]:
        """Count how often each event arrived."""
        return Counter(event for event, _ in self.came)


class Receiving(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver: Any = self.server
        self.rfile.read(int(self.headers["Content-Length"]))
        receiver.came.append((self.headers["webhook-id"], self.client_address[0]))
        receiver.gate.wait()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: Any) -> None: ...


@pytest.fixture
def receiver(hosts: Hosts) -> Iterator[Receiver]:
    with hosts.network.client():
        made = Receiver(hosts.network.here)
    with made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            made.gate.set()
            made.shutdown()
            thread.join()


def subscribe(hosts: Hosts, name: str, receiver: Receiver) -> None:
    url = f"http://{receiver.server_address[0]!s}:{receiver.server_address[1]}/"
    policy = {"maxAttempts": 10, "backoff": "fixed", "timeoutMs": 30_000}
    made = hosts.ask(
        "w1",
        f"{REST}/webhooks",
        {"name": name, "url": url, "event_types": [f"{name}.*"], "retry_policy": policy},
    )
    assert made.status == 201, made.document


def publish(hosts: Hosts, host: str, name: str, many: int = MANY) -> None:
    events = [{"type": f"{name}.happened", "data": {"number": number}} for number in range(many)]
    answer = hosts.ask(host, f"{REST}/events", events)
    assert answer.status == 202, answer.document


def states(hosts: Hosts, name: str) -> dict[str, int]:
    with hosts.database() as connection:
        found = connection.execute(STATES, (TENANT,)).fetchall()
    return {state: count for webhook, state, count in found if webhook == name}


def test_another_worker_sends_what_one_that_is_cut_off_had(hosts: Hosts, receiver: Receiver):
    subscribe(hosts, "worker", receiver)
    publish(hosts, "w1", "worker")
    until(lambda: bool(receiver.came))
    address = receiver.came[0][1]
    [host] = [name for name in ("w1", "w2") if hosts.network.front(name) == address]
    [other] = {"w1", "w2"} - {host}
    with hosts.database() as connection:
        [[cut_at]] = connection.execute("SELECT clock_timestamp()").fetchall()
        hosts.network.cut(host)
        receiver.gate.set()
        until(lambda: states(hosts, "worker") == {"delivered": MANY}, 120)
        [[seconds]] = connection.execute(SECONDS_SINCE, (cut_at,)).fetchall()
    assert seconds < LONG_BEFORE
    assert len(receiver.times()) == MANY
    assert max(receiver.times().values()) <= 2, "once from each host"
    hosts.network.mend(host)
    until(lambda: hosts.verify(host, hosts.caller).code == "VALID")
    for one in (host, other):
        publish(hosts, one, "worker")
    until(lambda: states(hosts, "worker") == {"delivered": 3 * MANY})
    assert len(receiver.times()) == 3 * MANY


def test_nothing_is_lost_while_the_database_is_cut_off(hosts: Hosts, receiver: Receiver):
    subscribe(hosts, "database", receiver)
    publish(hosts, "w1", "database")
    until(lambda: bool(receiver.came))
    hosts.network.cut("db")
    receiver.gate.set()  # attempts that end now cannot be recorded
    until(lambda: hosts.ask("w1", f"{REST}/events", []).status == 503)
    until(lambda: hosts.ask("w2", "/readyz", method="GET").status == 503)
    hosts.network.mend("db")
    until(lambda: states(hosts, "database") == {"delivered": MANY}, 120)
    assert len(receiver.times()) == MANY
    assert max(receiver.times().values()) <= 2
