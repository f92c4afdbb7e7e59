"""A request that takes too long says so, and does not blame a database that answers."""

import time
from collections.abc import Collection, Iterator, Sequence

import pytest
from flask import Flask
from psycopg import Cursor
from sqlalchemy import event, func, select

from portal.core import deadlines
from portal.database.session import db
from portal.events.listeners import Owed, Published, Rows, Work
from portal.fast.statements import Bound, Statement
from tests.cast import Api

TYPE = "rfp.created"
TOO_LONG = "This took too long, so it was given up and nothing was changed."


class Slow:
    """A listener of events with a statement that takes longer than its transaction allows."""

    def who_wants(
        self, tenant_id: str, types: Collection[str], at_most: int | None = None
    ) -> Bound:
        return Bound(Statement(select(func.set_config("statement_timeout", "50ms", True))), {})

    def owes(self, tenant_id: str, events: Sequence[Published], wanting: Rows, work: Work) -> Owed:
        return Owed([Bound(Statement(select(func.pg_sleep(5))), {})], {})


class Computing(Slow):
    """A listener that computes for longer than PostgreSQL keeps an idle transaction."""

    def who_wants(
        self, tenant_id: str, types: Collection[str], at_most: int | None = None
    ) -> Bound:
        limit = func.set_config("idle_in_transaction_session_timeout", "50ms", True)
        return Bound(Statement(select(limit)), {})

    def owes(self, tenant_id: str, events: Sequence[Published], wanting: Rows, work: Work) -> Owed:
        time.sleep(1)
        return Owed([Bound(Statement(select(func.now())), {})], {})


@pytest.fixture
def listeners(app: Flask) -> Iterator[list[object]]:
    """Yield the application's listeners, and take away afterwards what a test adds."""
    known = app.extensions["event_listeners"]
    before = list(known)
    yield known
    known[:] = before


def test_a_statement_that_takes_too_long_is_given_up(listeners: list[object], ada: Api) -> None:
    listeners.append(slow := Slow())
    check_nothing_was_published(ada, TOO_LONG)
    listeners.remove(slow)
    assert ada.post("/events", {"type": TYPE}).status_code == 202


def test_what_computes_too_long_does_not_only_blame_the_database(
    listeners: list[object], ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "IDLE_IN_TRANSACTION_SECONDS", 0.5)
    listeners.append(slow := Computing())
    check_nothing_was_published(ada, "This was given up, because it took too long or")
    listeners.remove(slow)
    assert ada.post("/events", {"type": TYPE}).status_code == 202


@pytest.fixture
def stands_still(app: Flask) -> Iterator[None]:
    """Let the process stand still inside a transaction for longer than PostgreSQL waits for it.

    So does a process of a busy, or paused, machine.
    """
    with app.app_context():
        engine = db.engine

    def stand_still(_connection: object, cursor: Cursor, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO quota_count"):
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            time.sleep(1)

    event.listen(engine, "before_cursor_execute", stand_still)
    yield
    event.remove(engine, "before_cursor_execute", stand_still)


@pytest.mark.usefixtures("stands_still")
def test_a_process_that_stood_still_does_not_report_a_fault(ada: Api) -> None:
    answer = ada.post("/applications", {"display_name": "CRM"})
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable"), answer.text
    assert answer.json["detail"].startswith("This was given up, because it took too long or")
    assert ada.get("/applications").json["items"] == []


def check_nothing_was_published(ada: Api, because: str) -> None:
    answer = ada.post("/events", {"type": TYPE})
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable"), answer.text
    assert answer.json["detail"].startswith(because)
    assert int(answer.headers["Retry-After"]) > 0
    assert ada.get("/events").json["items"] == []
