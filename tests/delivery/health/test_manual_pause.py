"""Test a pause by hand: nothing begins after it, no probe ends it, and connections may break while
it is committed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.delivery import engine as engines
from portal.delivery.health import manual_pause
from portal.delivery.queue import queue
from portal.lab import test_deliveries
from portal.webhooks.subscriptions import CHANNEL
from tests.cast import Api
from tests.databases import Database
from tests.delivery.health.test_recovery import PAUSE, PAUSED, PROBE
from tests.delivery.test_engine import deliveries, delivering, publish, rfp, until
from tests.lab.test_deliveries import EVENT
from tests.webhooks.conftest import Make
from tests.webhooks.kit import PATIENT, Gate, Hands, Mailbox, rows, sinks

HEARING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle' AND query = %s
"""
LISTENING = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle' AND query = %s
"""
ENDS_AT_COMMIT = """
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON webhook
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()
"""


GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
STANDING = "SELECT next_probe_at, probes, good_probes FROM endpoint"
UNTOUCHED = {"next_probe_at": None, "probes": 0, "good_probes": 0}
PROBE_SOON = "UPDATE endpoint SET next_probe_at = now()"


@pytest.fixture
def silent_worker(database: Database) -> Iterator[None]:
    """Attend as a worker does that confirms nothing."""
    with psycopg.connect(libpq_url(database.app_url), autocommit=True) as session:
        session.execute(queue.ATTEND)
        yield


@pytest.fixture
def lost_at_commit(database: Database) -> Iterator[None]:
    """Break the connection whenever a change of a webhook is committed."""
    database.sql(ENDS_AT_COMMIT)
    yield
    database.sql("DROP FUNCTION at_commit CASCADE")


def test_nothing_begins_after_a_pause_has_returned(
    app: Flask, ada: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pause a webhook while its delivery waits for the only connection, which another one has."""
    monkeypatch.setattr(engines, "CONNECTIONS", 1)
    gate, mailbox = Gate(), Mailbox()
    with sinks(gate.behave, mailbox.behave) as [slow, quick]:
        make(f"http://127.0.0.1:{slow}/", event_types=["slow.*"], retry_policy=PATIENT)
        webhook = make(f"http://127.0.0.1:{quick}/")
        with delivering(app):
            publish(ada, {"type": "slow.one", "data": {}})
            until(lambda: gate.waiting == 1)
            publish(ada, rfp(1))
            until(lambda: [d["state"] for d in deliveries(ada, webhook)] == ["in_flight"])
            assert ada.post(f"/webhooks/{webhook['id']}/pause").status_code == 200
            gate.open()
            until(lambda: [d["state"] for d in deliveries(ada, webhook)] != ["in_flight"])
    assert [d["state"] for d in deliveries(ada, webhook)] == ["held"]
    assert mailbox.heads == []


def test_a_pause_waits_for_a_worker_that_comes_just_before_its_commit(
    database: Database, ada: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = f"/webhooks/{make('https://hooks.example.com/')['id']}/pause"
    monkeypatch.setattr(manual_pause, "PATIENCE", 40.0)
    has_committed, let_go = Event(), manual_pause.let_go
    with (
        psycopg.connect(libpq_url(database.app_url), autocommit=True) as worker,
        ThreadPoolExecutor() as threads,
    ):

        def commit() -> None:
            worker.execute(f"LISTEN {CHANNEL}")
            worker.execute(queue.ATTEND)
            let_go()
            has_committed.set()

        monkeypatch.setattr(manual_pause, "let_go", commit)
        pausing = threads.submit(ada.post, pause)
        assert has_committed.wait(20)
        [notice] = list(worker.notifies(timeout=20, stop_after=1))
        until(lambda: rows(database, HEARING, queue.WORKERS))
        assert not pausing.done()
        worker.execute(queue.ANSWER, (notice.payload,))
        assert pausing.result(20).status_code == 200


def test_a_receiver_that_is_gone_changes_nothing_of_a_pause_by_hand(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    gate = Gate(answer=GONE)
    with sinks(gate.behave) as [port]:
        webhook = make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        with delivering(app):
            publish(ada, rfp(1))
            until(lambda: gate.waiting == 1)
            assert ada.post(f"/webhooks/{webhook['id']}/pause").json["pause_reason"] == "by_hand"
            gate.open()
            until(lambda: [d["state"] for d in deliveries(ada, webhook)] == ["held"])
    assert ada.get(f"/webhooks/{webhook['id']}").json["pause_reason"] == "by_hand"
    assert rows(database, STANDING) == [UNTOUCHED]


def test_a_probe_of_the_pause_before_does_not_count_for_one_by_hand(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port]:
        webhook = make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        path = f"/webhooks/{webhook['id']}"
        for statement in (PAUSE, PAUSED):
            rows(database, statement, webhook["id"])
        publish(ada, rfp(1))
        with delivering(app):
            rows(database, PROBE)
            until(lambda: gate.waiting == 1)
            assert ada.post(f"{path}/resume").status_code == 200
            assert ada.post(f"{path}/pause").status_code == 200
            gate.open()
            until(lambda: [d["state"] for d in deliveries(ada, webhook)] == ["delivered"])
    assert rows(database, STANDING) == [UNTOUCHED]


@pytest.mark.parametrize("held", [0, 1])
def test_what_is_paused_by_hand_is_not_probed_whatever_was_planned(
    held: int, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    assert ada.post(f"/webhooks/{webhook['id']}/pause").status_code == 200
    if held:
        publish(ada, rfp(1))
    rows(database, PROBE_SOON)  # as an older release may have left it
    with Hands(database) as hands:
        assert hands.take(webhook["id"]) == []
        assert hands.run(hands.connection.send(queue.silent_endpoints())) == [[]]


def test_a_pause_that_hears_no_more_of_the_workers_is_a_pause(
    database: Database,
    ada: Api,
    make: Make,
    silent_worker: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(manual_pause, "PATIENCE", 40.0)
    pause = f"/webhooks/{make('https://hooks.example.com/')['id']}/pause"
    answers: list[Any] = []
    pausing = Thread(target=lambda: answers.append(ada.post(pause)))
    pausing.start()
    until(lambda: rows(database, "SELECT id FROM webhook WHERE paused_at IS NOT NULL"))
    until(lambda: rows(database, LISTENING, queue.WORKERS))
    pausing.join(30)
    assert [(answer.status_code, answer.json["paused_at"] is None) for answer in answers] == [
        (200, False)
    ]


def test_a_pause_that_is_lost_at_its_commit_may_have_been_done(
    ada: Api, make: Make, lost_at_commit: None
) -> None:
    answer = ada.post(f"/webhooks/{make('https://hooks.example.com/')['id']}/pause")
    assert (answer.status_code, (answer.json or {})["code"]) == (503, "unknown_outcome")


def test_what_breaks_after_a_part_was_saved_does_not_say_that_nothing_was(
    ada: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise psycopg.OperationalError("lost")

    monkeypatch.setattr(test_deliveries, "send_now", fail)
    webhook = make("https://hooks.example.com/")
    answer = ada.post(f"/webhooks/{webhook['id']}/test-deliveries", EVENT)
    assert (answer.status_code, (answer.json or {})["code"]) == (503, "unknown_outcome")
    assert "after a part of this was saved" in answer.text
