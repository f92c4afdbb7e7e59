"""Test that nobody waits for a server process that is stopped: it keeps its socket open."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from portal.core.config import libpq_url
from portal.database.session import be_patient, db, limit_answers, session
from portal.fast import answer_limits, pipeline
from portal.fast.pipeline import Ask
from portal.fast.statements import Statement
from tests.databases import Database, stopped
from tests.shortages import no_new_file, no_new_thread

PID = "SELECT pg_backend_pid()"
ASKED = Statement(text(PID))


@pytest.fixture
def other_thread() -> Iterator[ThreadPoolExecutor]:
    """Yield a thread that handles no signals: there libpq waits by itself, as in a server."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


def plainly(app: Flask, seconds: float) -> int:
    with app.app_context(), db.engine.connect() as connection:
        limit_answers(connection, seconds)
        return int(connection.exec_driver_sql(PID).scalar_one())


def directly(app: Flask, seconds: float) -> int:
    with app.app_context(), db.engine.connect() as connection:
        limit_answers(connection, seconds)
        [(found,)] = ASKED.send(connection, {})
        return int(found)


def alone(app: Flask, seconds: float) -> int:
    """Ask without BEGIN: that is one blocking call of libpq, once the statement is prepared."""
    with app.app_context():
        pooled = db.engine.raw_connection()
        try:
            driver = pooled.driver_connection
            assert isinstance(driver, answer_limits.Connection)
            driver.answer_seconds = seconds
            [[(found,)]] = pipeline.run(driver, pooled.info, [Ask(PID.encode(), ())])
            return int(found)
        finally:
            pooled.close()


@pytest.mark.parametrize("ask", [plainly, directly, alone])
@pytest.mark.parametrize("is_main", [True, False], ids=["main thread", "other thread"])
def test_a_statement_gives_up_and_the_next_one_is_answered_by_another_process(
    app: Flask,
    database: Database,
    other_thread: ThreadPoolExecutor,
    ask: Callable[[Flask, float], int],
    is_main: bool,
) -> None:
    def run(seconds: float) -> int:
        return ask(app, seconds) if is_main else other_thread.submit(ask, app, seconds).result(60)

    with app.app_context():
        db.engine.dispose()  # so that the pool has this connection alone
    first = run(60)
    assert run(60) == first
    with stopped(database, first):
        with pytest.raises((OperationalError, psycopg.OperationalError)):
            run(0.5)
        assert run(60) != first


def test_no_wait_is_without_a_limit_where_no_thread_can_be_started(
    app: Flask,
    database: Database,
    other_thread: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(seconds: float) -> int:
        return other_thread.submit(alone, app, seconds).result(60)

    monkeypatch.setattr(answer_limits, "_calls", answer_limits._BlockingCalls())
    with app.app_context():
        db.engine.dispose()
    with no_new_thread("answers"), pytest.raises(psycopg.OperationalError, match="limited"):
        run(60)
    first = run(60)
    assert run(60) == first
    with stopped(database, first), pytest.raises(psycopg.OperationalError):
        run(0.5)


def test_a_wait_is_ended_where_no_file_can_be_opened(
    app: Flask, database: Database, other_thread: ThreadPoolExecutor
) -> None:
    def run(seconds: float) -> int:
        return other_thread.submit(alone, app, seconds).result(60)

    with app.app_context():
        db.engine.dispose()
    first = run(60)
    assert run(60) == first
    with stopped(database, first), no_new_file(), pytest.raises(psycopg.OperationalError):
        run(0.5)


def test_a_job_may_take_longer_and_a_request_after_it_may_not(app: Flask) -> None:
    def limit() -> float:
        driver = session.connection().connection.driver_connection
        assert isinstance(driver, answer_limits.Connection)
        assert driver.answer_seconds is not None
        return driver.answer_seconds

    with app.app_context():
        assert limit() == answer_limits.ANSWER_SECONDS
        be_patient(60)
        assert limit() > 60
        assert session.scalar(text("SHOW statement_timeout")) == "1min"
        session.commit()
        assert limit() == answer_limits.ANSWER_SECONDS
        assert session.scalar(text("SHOW statement_timeout")) == "5s"


@pytest.mark.parametrize("way", ["ask", "execute"])
def test_an_event_loop_gives_up_too(
    database: Database, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(pipeline, "ANSWER_SECONDS", 0.5)

    async def given_up() -> bool:
        connection = await pipeline.connect(libpq_url(database.app_url), "asker")
        [[(pid,)]] = await connection.ask(Ask(PID.encode(), ()))
        with stopped(database, pid), pytest.raises(psycopg.OperationalError, match="not answer"):
            await (connection.execute("SELECT 1") if way == "execute" else _asked(connection))
        return connection.closed

    assert asyncio.run(asyncio.wait_for(given_up(), 60))


async def _asked(connection: pipeline.Connection) -> None:
    await connection.ask(Ask(b"SELECT 1", ()))
