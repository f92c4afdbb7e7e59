"""Test that nothing is lost, duplicated or out of order if everything dies repeatedly, under load.

Two workers, a web server and PostgreSQL each run in a process of their own. One after the other is
killed with SIGKILL and started again, while publishers send batches and single events, many at
once, and retry until they get a response. PostgreSQL is killed after a commit that nobody has heard
of, and ends some connections before the commit. A publisher cannot tell one from the other.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import orjson
import psycopg
import pytest
import requests

from portal.core.config import Config, libpq_url
from portal.database.session import db
from portal.delivery.concurrency import WIDEST
from portal.ops.embedded_postgres import EmbeddedPostgresError
from tests import ROOT
from tests.bench.servers import free_port
from tests.cast import Provider
from tests.delivery.crashes.publishers import (
    EVENTS,
    KINDS,
    ORDERED,
    UNORDERED,
    Publisher,
    publishing,
)
from tests.delivery.crashes.test_restarts import Server
from tests.delivery.test_engine import until
from tests.thorough import IS_PROOF
from tests.webhooks.kit import PATIENT, Mailbox, rows, sinks

pytestmark = [pytest.mark.proof, pytest.mark.timeout(3000)]

KILLS = 63 if IS_PROOF else 21
VICTIMS = ("worker 1", "postgresql", "worker 2", "worker 1", "web", "postgresql", "worker 2")
COMMANDS = {"worker 1": "worker", "worker 2": "worker", "web": "serve"}
# While the test has the lock of a kind, a commit of such events waits for a replica that does not
# exist: it is done, and its client does not hear of it. Once in so many events, a commit fails with
# its connection; the sequence also counts what is rolled back.
LOCK = "SELECT pg_advisory_lock(hashtext('unheard'), hashtext(%s))"
UNKNOWN_OUTCOMES = """
CREATE SEQUENCE tries;
GRANT USAGE ON SEQUENCE tries TO PUBLIC;
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('tries') % 400 = 0 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
    IF NOT pg_try_advisory_xact_lock_shared(
        hashtext('unheard'), hashtext(coalesce(split_part(NEW.client_id, '-', 1), 'keyed')))
    THEN PERFORM set_config('synchronous_commit', 'on', true); END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()
"""
WAITS_FOR_REPLICA = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
TOGETHER = """
SELECT count(*) AS n FROM (
    SELECT FROM event WHERE starts_with(client_id, 'single-')
    GROUP BY xmin::text HAVING count(*) > 1) AS committed
"""
LEDGER = "SELECT sum(delivered)::int AS delivered, sum(failed)::int AS failed FROM delivery_hour"
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


class Site(Server):
    """The processes, each of which can be killed and started again."""

    def start(self) -> None:
        for setting in ("synchronous_commit = 'local'", "synchronous_standby_names = 'nobody'"):
            self.database.sql(f"ALTER SYSTEM SET {setting}")
        self.database.sql("SELECT pg_reload_conf()")
        self.database.sql(UNKNOWN_OUTCOMES)
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
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait(30)
        self.run(name)

    def dies_committing(self, kind: str) -> None:
        """Kill PostgreSQL after a commit of such events, before the client hears of it, and start
        it again."""
        url = libpq_url(self.database.superuser_url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(LOCK, [kind])
            until(lambda: connection.execute(WAITS_FOR_REPLICA).fetchone(), 100)
            self.goes(signal.SIGKILL)
        until(self.is_back)

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
        key = site.ada.create("api-keys", name="Shop", scopes=["events:publish"])["key"]
        publishers = stack.enter_context(publishing(site.address, key, lambda: len(plain.heads)))
        killed = _kill_them_all(site, plain)
        until(lambda: _everything_is_delivered(site), 240)
    assert sum(publisher.repeated for publisher in publishers) > 0, "some were not answered"
    _judge_unknown(publishers)
    _judge(site, plain, ordered, killed)


def _kill_them_all(site: Site, plain: Mailbox) -> Counter[str]:
    killed: Counter[str] = Counter()
    share = UNORDERED // (KILLS + 2)
    for number in range(KILLS):
        until(lambda wanted=(number + 1) * share: len(plain.heads) >= wanted, 100)
        victim = VICTIMS[number % len(VICTIMS)]
        if victim == "postgresql":
            site.dies_committing(KINDS[killed[victim] % len(KINDS)])
        else:
            site.kill(victim)
        killed[victim.split()[0]] += 1
    return killed


def _everything_is_delivered(site: Site) -> bool:
    return site.count("SELECT count(*) AS n FROM delivery WHERE state = 'delivered'") == (
        EVENTS + ORDERED
    )


def _judge_unknown(publishers: list[Publisher]) -> None:
    unknown: Counter[tuple[str, bool]] = Counter()
    for one in publishers:
        unknown.update({(one.kind, was_stored): n for was_stored, n in one.unknown.items()})
    print("unknown, but stored", dict(unknown))  # noqa: T201  shown with -s
    assert all(unknown[kind, True] for kind in KINDS), "committed, and nobody heard of it"
    assert all(unknown[kind, False] for kind in KINDS if kind != "ordered"), "rolled back"


def _judge(site: Site, plain: Mailbox, ordered: list[Mailbox], killed: Counter[str]) -> None:
    assert set(numbers(plain)) == set(range(UNORDERED)), "0 lost"
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
    assert site.count(TOGETHER) > 0, "single events were committed together"
    for told, box in zip(rows(site.database, f"{TOLD} ORDER BY w.name"), (plain, *ordered),
                         strict=True):  # fmt: skip
        owed = UNORDERED if box is plain else ORDERED
        assert told["deliveries"] == told["delivered"] == told["recorded"] == owed
        assert (told["first"], told["last"], told["places"]) == (1, owed, owed)
        assert (told["last_sequence"], told["failures"], told["blamed"]) == (owed, 0, 0)
        assert told["begun"] >= len(box.heads), "nothing left that was not written down before"
    owed = UNORDERED + len(ordered) * ORDERED
    assert rows(site.database, LEDGER) == [{"delivered": owed, "failed": 0}], "ledger = deliveries"
