"""Test a worker while PostgreSQL restarts: nothing is lost, and nobody has to intervene."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from portal import create_app
from portal.core.config import Config
from portal.database.session import db
from portal.ops import embedded_postgres, migrate
from tests.cast import ADA, Api, Provider, add_tenants
from tests.databases import Database
from tests.delivery.crashes.crashing import STEPS
from tests.delivery.test_engine import rfp, until
from tests.thorough import some, times
from tests.webhooks.kit import PATIENT, Gate, Mailbox, rows, said, sinks, working

FIRST_WIDTH = 10
CRASH, FAST, KILL = signal.SIGQUIT, signal.SIGINT, signal.SIGKILL
OWED = "SELECT count(*) AS n FROM delivery WHERE state <> 'delivered'"
LEASED = "SELECT count(*) AS n FROM delivery WHERE state = 'in_flight'"
BLAMED = "SELECT count(*) AS n FROM delivery_attempt WHERE outcome <> 'delivered'"
# Deliveries that the worker is just changing are skipped: it handles them itself.
RUN_OUT = """
UPDATE delivery SET due_at = now() WHERE id = ANY (ARRAY(
    SELECT id FROM delivery WHERE state = 'in_flight' FOR UPDATE SKIP LOCKED))
"""


class Server:
    """A PostgreSQL of the test's own, which does not lose commits in a crash, and an application on
    it."""

    def __init__(self, place: Path, make_config: Callable[..., Config], provider: Provider) -> None:
        self.place = place
        self.postgres = embedded_postgres.start(place)
        migrate.upgrade(self.postgres.owner_url)
        urls = self.postgres
        self.database = Database("portal", urls.owner_url, urls.app_url, urls.superuser_url)
        add_tenants(self.database)
        self.settings = {
            "PORTAL_DATABASE_URL": urls.app_url,
            "PORTAL_MIGRATION_DATABASE_URL": urls.owner_url,
        }
        self.app: Flask = create_app(make_config(**self.settings))
        self.app.testing = True
        self.ada = Api(self.app.test_client(), provider.token(ADA))

    def publish(self, count: int) -> set[str]:
        """Publish so many events, retry after each 503, and return the ids of the events."""
        events = [rfp(number) for number in range(count)]
        while (answer := self.ada.post("/events", events)).status_code == 503:
            pass
        assert answer.status_code == 202, answer.text
        return {event["id"] for event in answer.json["events"]}

    def goes(self, how: signal.Signals) -> None:
        os.kill(self.postgres.pid, how)
        self.postgres.process.wait(30)
        self.postgres.stop()

    def comes_back(self) -> None:
        self.postgres = embedded_postgres.start(self.place)

    def count(self, question: str) -> int:
        return int(rows(self.database, question)[0]["n"])


@pytest.fixture
def server(
    places: Callable[[], Path],
    make_config: Callable[..., Config],
    token_provider: Provider,
    settings: dict[str, str],
) -> Iterator[Server]:
    server = Server(places() / "var", make_config, token_provider)
    server.settings = settings | server.settings
    yield server
    with server.app.app_context():
        db.engine.dispose()
    server.postgres.stop()


@pytest.mark.proof
@pytest.mark.parametrize("how", some([KILL, CRASH, FAST], 3))
def test_what_arrived_while_the_database_was_away_is_written_down_once_it_is_back(
    how: signal.Signals, server: Server
) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port], working(server.settings) as worker:
        make_webhook(server, port)
        events = server.publish(40)
        until(lambda: gate.waiting == FIRST_WIDTH)
        server.goes(how)
        gate.open()
        said(worker, "database away")
        assert server.ada.post("/events", rfp(0)).status_code == 503, "not accepted, not owed"
        server.comes_back()
        until(lambda: server.count(OWED) == 0)
        assert worker.poll() is None, "the same worker all the while"
    assert set(gate.ids) == events, "0 lost"
    assert len(gate.ids) == 40, "and none twice: the worker remembered what it knew"


@pytest.mark.proof
@pytest.mark.parametrize("step", some(STEPS, len(STEPS)))
def test_postgresql_killed_at_any_step_of_a_worker_loses_nothing(step: str, server: Server) -> None:
    mailbox = Mailbox()
    crashing = ("tests.delivery.crashes.crashing", step, str(server.postgres.pid))
    with sinks(mailbox.behave) as [port]:
        make_webhook(server, port)
        events = server.publish(12)
        with working(server.settings, *crashing) as worker:
            server.postgres.process.wait(40)
            server.postgres.stop()
            server.comes_back()
            leased = server.count(LEASED)
            rows(server.database, RUN_OUT)
            until(lambda: server.count(OWED) == 0)
            assert worker.poll() is None, "the same worker all the while"
            assert server.count(BLAMED) == 0, "that was no failure of the receiver"
    assert set(mailbox.ids) == events, "0 lost"
    assert len(mailbox.ids) - 12 <= leased, "no more twice than were in flight"


@pytest.mark.proof(only=True)
def test_a_database_that_crashes_again_and_again_under_load_loses_nothing(server: Server) -> None:
    mailbox, leased = Mailbox(), 0
    with sinks(mailbox.behave) as [port], working(server.settings) as worker:
        make_webhook(server, port)
        events: set[str] = set()
        for crash in range(1, 1 + times(3)):
            events |= server.publish(300)
            until(lambda wanted=crash * 300 - 250: len(mailbox.ids) >= wanted)
            server.goes(CRASH)
            server.comes_back()
            # A lease that was committed but not reported expires later; the test does not wait for
            # that.
            leased += server.count(LEASED)
            rows(server.database, RUN_OUT)
        until(lambda: server.count(OWED) == 0, 60)
        assert worker.poll() is None
    received = Counter(mailbox.ids)
    assert set(received) == events, "0 lost"
    assert sum(received.values()) - len(events) <= leased, "no more twice than were in flight"


def make_webhook(server: Server, port: int) -> None:
    address = f"http://127.0.0.1:{port}/"
    server.ada.create(
        "webhooks", name="CRM", url=address, event_types=["rfp.*"], retry_policy=PATIENT
    )
