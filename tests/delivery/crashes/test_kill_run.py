"""Test that nothing is lost, duplicated or out of order if everything dies repeatedly, under load.

Publishers that retry until they get a response, two workers, a web server and PostgreSQL each run
in a process of their own. One after the other is killed with SIGKILL and started again.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from portal.core.config import Config
from portal.database.session import db
from portal.delivery.concurrency import WIDEST
from portal.ops.embedded_postgres import EmbeddedPostgresError
from tests import ROOT
from tests.bench.servers import free_port
from tests.cast import PREFIX, Provider
from tests.delivery.crashes.test_restarts import Server
from tests.delivery.test_engine import until
from tests.webhooks.kit import PATIENT, Mailbox, rows, sinks

pytestmark = [pytest.mark.proof(only=True), pytest.mark.timeout(3000)]

EVENTS, KILLS = 100_000, 63
ORDERED = EVENTS // 100
BATCH = 100
VICTIMS = ("worker 1", "postgresql", "worker 2", "worker 1", "web", "worker 2", "worker 1")
COMMANDS = {"worker 1": "worker", "worker 2": "worker", "web": "serve"}
TOLD = """
SELECT w.name, w.consecutive_failures AS failures, e.last_sequence, count(*) AS deliveries,
    count(*) FILTER (WHERE d.state = 'delivered') AS delivered, min(d.sequence) AS first,
    max(d.sequence) AS last, count(DISTINCT d.sequence) AS places, sum(d.attempts) AS begun,
    (SELECT count(DISTINCT a.delivery_id) FROM delivery_attempt a
     WHERE a.webhook_id = w.id AND a.outcome = 'delivered') AS recorded,
    (SELECT count(*) FROM delivery_attempt a
     WHERE a.webhook_id = w.id AND a.outcome <> 'delivered') AS blamed
FROM delivery d JOIN webhook w ON w.id = d.webhook_id JOIN endpoint e ON e.webhook_id = w.id
GROUP BY w.tenant_id, w.id, e.last_sequence
"""


@dataclass
class Publisher:
    """A publisher that retries until it gets a response: each event once, however often it is
    sent."""

    address: str
    key: str
    repeated: int = 0
    session: requests.Session = field(default_factory=requests.Session)

    def publish(self, events: list[dict[str, Any]]) -> None:
        while not self._answered(events):
            self.repeated += 1
            threading.Event().wait(random.uniform(0.05, 0.2))  # noqa: S311  no secret

    def _answered(self, events: list[dict[str, Any]]) -> bool:
        headers = {"Authorization": f"Bearer {self.key}"}
        try:
            answer = self.session.post(
                f"{self.address}{PREFIX}/events", json=events, headers=headers, timeout=20
            )
        except requests.RequestException:
            return False
        assert answer.status_code in {202, 500, 502, 503}, answer.text
        return answer.status_code == 202


def event(kind: str, number: int) -> dict[str, Any]:
    return {"type": kind, "id": f"{kind}-{number}", "data": {"number": number}}


class Site(Server):
    """The processes, each of which can be killed and started again."""

    def start(self) -> None:
        self.port = free_port()
        self.settings["PORTAL_PORT"] = str(self.port)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in COMMANDS:
            self.run(name)
        until(lambda: self.is_answering)

    def run(self, name: str) -> None:
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "portal.ops.cli", COMMANDS[name]],
            cwd=ROOT,
            env=self.settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_answering(self) -> bool:
        try:
            return requests.get(f"{self.address}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def kill(self, name: str) -> None:
        """Kill one process with all its children, and start it again."""
        if name == "postgresql":
            self.goes(signal.SIGKILL)
            until(self.is_back)
            return
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait(30)
        self.run(name)

    def is_back(self) -> bool:
        """Start PostgreSQL, as soon as the last process of the killed one has ended; tell whether
        it runs."""
        with suppress(EmbeddedPostgresError):
            self.comes_back()
            return True
        return False

    def stop(self) -> None:
        for process in self.processes.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


@pytest.fixture
def site(
    places: Callable[[], Path],
    make_config: Callable[..., Config],
    token_provider: Provider,
    settings: dict[str, str],
) -> Iterator[Site]:
    site = Site(places() / "var", make_config, token_provider)
    site.settings = settings | site.settings
    site.start()
    yield site
    site.stop()
    with site.app.app_context():
        db.engine.dispose()
    site.postgres.stop()


@contextmanager
def publishing(site: Site, plain: Mailbox) -> Iterator[list[Publisher]]:
    """Publish everything during the block: two publishers send batches, a third one sends the
    ordered events one by one, in step with the batches. Yield the publishers."""
    key = site.ada.create("api-keys", name="Shop", scopes=["events:publish"])["key"]
    publishers = [Publisher(site.address, key) for _ in range(3)]
    failures: list[BaseException] = []

    def publish(publisher: Publisher, batches: Iterator[list[dict[str, Any]]]) -> None:
        try:
            for batch in batches:
                publisher.publish(batch)
        except BaseException as failure:
            failures.append(failure)
            raise

    def singles() -> Iterator[list[dict[str, Any]]]:
        for number in range(ORDERED):
            so_far = number * (EVENTS - ORDERED) // ORDERED
            until(lambda so_far=so_far: len(plain.heads) >= so_far, 200)
            yield [event("order.placed", number)]

    work = [singles(), *(_batches(part) for part in range(2))]
    threads = [
        threading.Thread(target=publish, args=pair, daemon=True)
        for pair in zip(publishers, work, strict=True)
    ]
    for thread in threads:
        thread.start()
    yield publishers
    for thread in threads:
        thread.join()
    assert not failures


def _batches(part: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(part * BATCH, EVENTS - ORDERED, 2 * BATCH):
        stop = min(start + BATCH, EVENTS - ORDERED)
        yield [event("rfp.created", number) for number in range(start, stop)]


def numbers(mailbox: Mailbox) -> list[int]:
    """Return the numbers of the received events, in their order."""
    return [int(orjson.loads(body)["data"]["number"]) for body in mailbox.bodies]


def test_nothing_is_lost_doubled_or_out_of_order_whatever_dies(site: Site) -> None:
    plain, ordered = Mailbox(), [Mailbox(), Mailbox()]
    with ExitStack() as stack:
        ports = stack.enter_context(sinks(*(box.behave for box in (plain, *ordered))))
        for number, port in enumerate(ports):
            site.ada.create(
                "webhooks",
                name=f"Webhook {number}",
                url=f"http://127.0.0.1:{port}/",
                event_types=["order.*" if number else "rfp.*"],
                ordered=bool(number),
                retry_policy=PATIENT,
            )
        publishers = stack.enter_context(publishing(site, plain))
        killed = _kill_them_all(site, plain)
        until(lambda: _everything_is_delivered(site), 240)
    assert sum(publisher.repeated for publisher in publishers) > 0, "some were not answered"
    _judge(site, plain, ordered, killed)


def _kill_them_all(site: Site, plain: Mailbox) -> Counter[str]:
    killed: Counter[str] = Counter()
    share = (EVENTS - ORDERED) // (KILLS + 2)
    for number in range(KILLS):
        until(lambda wanted=(number + 1) * share: len(plain.heads) >= wanted, 100)
        victim = VICTIMS[number % len(VICTIMS)]
        site.kill(victim)
        killed[victim.split()[0]] += 1
    return killed


def _everything_is_delivered(site: Site) -> bool:
    return site.count("SELECT count(*) AS n FROM delivery WHERE state = 'delivered'") == (
        EVENTS + ORDERED
    )


def _judge(site: Site, plain: Mailbox, ordered: list[Mailbox], killed: Counter[str]) -> None:
    assert set(numbers(plain)) == set(range(EVENTS - ORDERED)), "0 lost"
    for box in ordered:
        assert list(dict.fromkeys(numbers(box))) == list(range(ORDERED)), "0 lost, in their order"
        places = [int(head["cpod-sequence"]) for head in box.heads]
        assert list(dict.fromkeys(places)) == list(range(1, ORDERED + 1)), "no gap"
    twice = [len(box.heads) - len(set(box.ids)) for box in (plain, *ordered)]
    print("killed", dict(killed), "twice", twice)  # noqa: T201  shown with -s
    deaths = killed["worker"] + killed["postgresql"]
    assert twice[0] <= WIDEST * deaths, "no more than were on their way"
    assert max(twice[1:]) <= deaths, "one at a time"
    assert site.count("SELECT count(*) AS n FROM event") == EVENTS, "published once"
    for told, box in zip(rows(site.database, f"{TOLD} ORDER BY w.name"), (plain, *ordered),
                         strict=True):  # fmt: skip
        owed = EVENTS - ORDERED if box is plain else ORDERED
        assert told["deliveries"] == told["delivered"] == told["recorded"] == owed
        assert (told["first"], told["last"], told["places"]) == (1, owed, owed)
        assert (told["last_sequence"], told["failures"], told["blamed"]) == (owed, 0, 0)
        assert told["begun"] >= len(box.heads), "nothing left that was not written down before"
