"""Test that no accepted event is lost, whatever dies: real processes, SIGKILL at every step."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.delivery.concurrency import WIDEST
from portal.delivery.engine import Engine
from portal.delivery.health import manual_pause
from tests.cast import Api
from tests.databases import Database
from tests.delivery.crashes.crashing import STEPS
from tests.delivery.test_engine import deliveries, delivering, header, publish, rfp, until
from tests.thorough import some
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.kit import PATIENT, Gate, rows, said, sinks, working

EVENTS = 12
DOOMED = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE application_name = 'doomed' AND datname = current_database()"
)


def run_out(database: Database) -> None:
    """Let the leases of the dead worker expire, by moving their end in the database."""
    rows(database, "UPDATE delivery SET due_at = now() WHERE state = 'in_flight'")


def settled(ada: Api, webhook: dict[str, Any]) -> bool:
    return {one["state"] for one in deliveries(ada, webhook)} == {"delivered"}


def received(receiver: Receiver) -> Counter[str | None]:
    return Counter(header(mail, "webhook-id") for mail in receiver.mail("crm"))


@pytest.mark.proof
@pytest.mark.parametrize("step", some(STEPS, 3))
def test_a_worker_killed_at_any_step_loses_nothing(
    step: str,
    app: Flask,
    database: Database,
    settings: dict[str, str],
    ada: Api,
    make: Make,
    receiver: Receiver,
) -> None:
    webhook = make(receiver.hook("crm"))
    events = {one["id"] for one in publish(ada, *(rfp(n) for n in range(EVENTS)))}
    with working(
        {**settings, "PGAPPNAME": "doomed"}, "tests.delivery.crashes.crashing", step
    ) as doomed:
        assert doomed.wait(40) == -9, doomed.stdout and doomed.stdout.read()
    until(lambda: not rows(database, DOOMED))  # its last statement may end after the process
    in_flight = [one for one in deliveries(ada, webhook) if one["state"] == "in_flight"]
    before = received(receiver)
    run_out(database)
    with delivering(app):
        until(lambda: settled(ada, webhook))
    after = received(receiver)
    assert set(after) == events, "0 lost"
    assert sum(after.values()) - EVENTS <= len(in_flight), "no more twice than were in flight"
    assert sum(before.values()) <= EVENTS
    assert sorted(one["sequence"] for one in deliveries(ada, webhook)) == list(range(1, 13))


def test_a_worker_killed_with_what_was_just_published_loses_nothing(
    app: Flask, settings: dict[str, str], ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"))
    events: set[str] = set()
    with working(settings, "tests.delivery.crashes.crashing", "claimed new") as doomed:
        said(doomed, "delivery ready")
        while doomed.poll() is None:
            events.add(publish(ada, rfp(len(events)))[0]["id"])
        assert doomed.wait() == -9, doomed.stdout and doomed.stdout.read()
    with delivering(app):
        until(lambda: settled(ada, webhook))
    assert set(received(receiver)) == events, "0 lost"


def test_a_late_worker_does_not_overwrite_the_next_one(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port]:
        webhook = make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        publish(ada, rfp(1))
        with delivering(app) as late:
            until(lambda: gate.waiting == 1)
            rows(
                database,
                "UPDATE delivery SET token = token + 1, due_at = now() + interval '1 hour'",
            )
            gate.open()
            until(lambda: not late.taken)
    [one] = deliveries(ada, webhook)
    assert one["state"] == "in_flight", "the acknowledgement of an old token is refused"


def test_stopping_lets_what_is_on_its_way_arrive(app: Flask, ada: Api, make: Make) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port]:
        webhook = make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        publish(ada, *(rfp(n) for n in range(3)))
        engine = Engine(app)
        engine.start()
        until(lambda: gate.waiting == 3)
        stopping = Thread(target=engine.stop)
        stopping.start()
        gate.open()
        stopping.join(20)
    assert not stopping.is_alive()
    assert settled(ada, webhook)


QUICK = 200
STATES = "SELECT state, count(*), sum(attempts) FROM delivery GROUP BY state"


def states(database: Database) -> dict[str, tuple[int, int]]:
    """Return state → number of deliveries, and the sum of their attempts."""
    return {row["state"]: (row["count"], row["sum"]) for row in rows(database, STATES)}


@pytest.fixture
def ahead(
    app: Flask, ada: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Engine, Gate, dict[str, Any]]]:
    """Yield an engine whose receiver was quick and no longer answers: a full lane is in flight, and
    more deliveries wait in the worker."""
    # Even on a slow machine the receiver must count as quick.
    monkeypatch.setattr("portal.delivery.concurrency.QUICK_SECONDS", 60.0)
    gate, own = Gate(first=QUICK), {"application_id": ada.create("applications")["id"]}
    with sinks(gate.behave) as [port]:
        webhook = make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT, **own)
        for _ in range(2):
            publish(ada, *(rfp(n) for n in range(400)))
        with delivering(app) as engine:
            until(lambda: gate.waiting == WIDEST and len(engine.taken) > WIDEST)
            yield engine, gate, webhook


def test_what_was_taken_ahead_goes_back_when_a_worker_stops(
    ahead: tuple[Engine, Gate, dict[str, Any]], database: Database
) -> None:
    """Check that these deliveries are released to other workers, and not counted as attempts."""
    engine, gate, _ = ahead
    stopping = Thread(target=engine.stop)
    stopping.start()
    until(lambda: len(engine.taken) == WIDEST)
    gate.open()
    stopping.join(20)
    arrived = QUICK + WIDEST
    assert len(gate.ids) == arrived, "what was on its way arrives, and nothing after it"
    assert states(database) == {"delivered": (arrived, arrived), "pending": (800 - arrived, 0)}


@pytest.mark.parametrize("how", ["pause", "off", "delete", "suspend", "retire"])
def test_what_was_taken_ahead_is_held_when_a_webhook_is_to_get_nothing(
    how: str, ahead: tuple[Engine, Gate, dict[str, Any]], database: Database, ada: Api
) -> None:
    engine, gate, webhook = ahead
    place = f"/webhooks/{webhook['id']}"
    if how == "pause":
        ada.post(f"{place}/pause")
    elif how == "off":
        ada.patch(place, {"enabled": False})
    elif how == "delete":
        ada.delete(place)
    else:
        ada.post(f"/applications/{webhook['application_id']}/{how}", {"reason": "A key leaked."})
    until(lambda: len(engine.taken) == WIDEST)
    gate.open()
    until(lambda: not engine.taken)
    arrived = QUICK + WIDEST
    until(
        lambda: states(database) == {"delivered": (arrived, arrived), "pending": (800 - arrived, 0)}
    )
    assert len(gate.ids) == arrived, "what had left arrives, and nothing after it"


PAUSED = "SELECT 1 FROM webhook WHERE paused_at IS NOT NULL"


@contextmanager
def hanging(engine: Engine, database: Database) -> Iterator[None]:
    """Let a worker hang until the block ends: its event loop is blocked, outside any
    transaction."""
    until(lambda: states(database).get("delivered") == (QUICK, QUICK) and not engine._done)
    until(lambda: all(lane.is_busy for lane in engine.lanes))  # it claims nothing more
    over = Event()
    assert engine._loop is not None
    engine._loop.call_soon_threadsafe(over.wait)
    try:
        yield
    finally:
        over.set()


def test_a_pause_is_answered_when_the_workers_have_heard_of_it(
    ahead: tuple[Engine, Gate, dict[str, Any]],
    database: Database,
    ada: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Check that no attempt begins after the response, not even for deliveries claimed ahead."""
    monkeypatch.setattr(manual_pause, "PATIENCE", 40.0)
    engine, gate, webhook = ahead
    answers: list[int] = []
    pause = f"/webhooks/{webhook['id']}/pause"
    pausing = Thread(target=lambda: answers.append(ada.post(pause).status_code))
    with hanging(engine, database):
        pausing.start()
        until(lambda: rows(database, PAUSED))
        pausing.join(0.5)
        assert answers == [], "the worker has heard nothing yet"
    pausing.join(40)
    assert answers == [200]
    assert len(engine.taken) == WIDEST
    gate.open()
    until(lambda: not engine.taken)
    assert len(gate.ids) == QUICK + WIDEST, "what had left arrives, and nothing after it"


def test_a_worker_that_hangs_does_not_keep_a_pause_from_being_answered(
    ahead: tuple[Engine, Gate, dict[str, Any]],
    database: Database,
    ada: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(manual_pause, "PATIENCE", 0.1)
    engine, gate, webhook = ahead
    with hanging(engine, database):
        assert ada.post(f"/webhooks/{webhook['id']}/pause").status_code == 200
    gate.open()


@contextmanager
def unheard(engine: Engine, database: Database) -> Iterator[None]:
    """Block the renewals of a worker, as if it were cut off, until the block ends."""
    lock = "SELECT FROM delivery_worker FOR NO KEY UPDATE"
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute(lock)
        until(lambda: not engine.presence.is_heard)
        yield


def test_a_worker_that_is_not_heard_begins_nothing(
    ahead: tuple[Engine, Gate, dict[str, Any]], database: Database
) -> None:
    """Check that it sends neither the deliveries claimed ahead nor new ones, until it can renew
    again."""
    engine, gate, _ = ahead
    with unheard(engine, database):
        on_its_way = gate.waiting
        gate.open()
        until(lambda: not engine.taken and set(states(database)) == {"delivered", "pending"})
        arrived = QUICK + on_its_way
        assert states(database)["delivered"] == (arrived, arrived)
        assert len(gate.ids) == arrived
    until(lambda: states(database) == {"delivered": (800, 800)})
    assert len(gate.ids) == 800


def test_a_worker_that_lost_its_session_keeps_nothing_that_it_has_not_begun(
    ahead: tuple[Engine, Gate, dict[str, Any]], database: Database
) -> None:
    """Check that it releases these deliveries: others may have claimed them by the time that it
    renews again."""
    engine, gate, _ = ahead
    with unheard(engine, database):
        until(lambda: states(database).get("in_flight", (0,))[0] == WIDEST == len(engine.taken))
        assert gate.waiting == WIDEST
        gate.open()
    until(lambda: states(database) == {"delivered": (800, 800)})
    assert len(gate.ids) == 800
