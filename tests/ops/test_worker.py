"""The worker when jobs succeed, fail or run concurrently, or the database is unavailable."""

import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from portal.core.config import libpq_url
from portal.core.jobs import Job, every_tenant
from portal.database.job_turns import FIRST_RETRY, LEASE, PATIENCE, JobTurns
from portal.database.session import session, transaction
from portal.ops import worker as worker_module
from portal.ops.worker import MINUTE, SPREAD_TENANTS, Worker, registered_jobs
from tests.databases import Database
from tests.keeping import Commits, keep_house

HOUR = timedelta(hours=1)


def add_tenants(database: Database, ids: list[str]) -> list[str]:
    with psycopg.connect(libpq_url(database.owner_url)) as connection:
        for number, tenant_id in enumerate(ids):
            connection.execute(
                "INSERT INTO tenant (id, slug, name, key_code) VALUES (%s, %s, %s, %s)",
                (tenant_id, f"t{number}", f"Tenant {number}", f"ke{number:02}"),
            )
    return ids


@pytest.fixture
def tenants(database: Database) -> list[str]:
    return add_tenants(database, ["tnt_A", "tnt_B"])


@pytest.fixture
def row(database: Database) -> Callable[[str], Any]:
    """Return `row("failures")`, which returns this column of the only job's turn."""
    return lambda column: database.sql(f"SELECT {column} FROM housekeeping_turn")


@pytest.fixture
def pass_time(database: Database) -> Callable[[timedelta], None]:
    """Return `pass_time(HOUR)`, which moves all turns nearer by an hour."""

    def passes(by: timedelta) -> None:
        database.sql("UPDATE housekeeping_turn SET next_at = next_at - %s", by)

    return passes


def times(database: Database) -> datetime:
    return database.sql("SELECT clock_timestamp()")


def test_a_job_runs_once_for_each_tenant_and_sees_that_one_alone(app, tenants):
    seen = []

    def look(tenant_id: str) -> None:
        seen.append((tenant_id, session.scalar(text("SELECT current_tenant()"))))

    Worker(app, [Job("look", look, HOUR, every_tenant)]).run_due()
    assert seen == [(tenant_id, tenant_id) for tenant_id in tenants]


def test_a_job_that_fails_stops_nobody_and_comes_back_later(app, database, row, capfd, pass_time):
    done = []
    broken = Worker(app, [Job("break", lambda: 1 / 0, HOUR)])
    for failures, expected in enumerate((1.0, 2.0, 4.0), 1):
        before = times(database)
        broken.run_due()
        after = times(database)
        least, most = (timedelta(seconds=expected * chance) for chance in (0.69, 1.31))
        assert before + least < row("next_at") < after + most
        assert row("failures") == failures
        pass_time(HOUR)
    both = Worker(
        app, [Job("break", lambda: 1 / 0, HOUR), Job("work", lambda: done.append(1), HOUR)]
    )
    both.run_due()
    assert done == [1]
    assert "ZeroDivisionError" in capfd.readouterr().out


def next_hour(database):
    """Return when the next hour begins. Another one may have begun before a test ends."""
    return database.sql("SELECT date_trunc('hour', now()) + interval '1 hour'")


def test_a_job_that_works_again_is_due_as_often_as_ever(app, database, row, pass_time):
    trouble = [ValueError]

    def work() -> None:
        if trouble:
            raise trouble.pop()

    worker = Worker(app, [Job("work", work, HOUR)])
    worker.run_due()
    pass_time(HOUR)
    hour = next_hour(database)
    worker.run_due()
    assert row("failures") == 0
    assert row("next_at") in (hour, next_hour(database))


def test_a_job_that_leaves_more_is_run_again_at_once(app):
    left = [True, True, False, True]
    Worker(app, [Job("more", lambda: left.pop(0), HOUR, repeats=True)]).run_due()
    assert left == [True]


def test_a_job_that_leaves_more_ends_when_the_worker_is_told_to(app):
    done = []

    def work() -> bool:
        done.append(1)
        worker.stopping.set()
        return True

    worker = Worker(app, [Job("more", work, HOUR, repeats=True)])
    worker.run_due()
    assert done == [1]


def test_a_tenant_that_leaves_more_lets_all_others_go_first(app, tenants):
    done, left = [], {"tnt_A": 3, "tnt_B": 1}

    def work(tenant_id: str) -> bool:
        done.append(tenant_id)
        left[tenant_id] -= 1
        return left[tenant_id] > 0

    Worker(app, [Job("work", work, HOUR, every_tenant, repeats=True)]).run_due()
    assert done == ["tnt_A", "tnt_B", "tnt_A", "tnt_A"]


def test_a_job_without_end_leaves_the_minute_jobs_their_time(app, tenants, monkeypatch):
    monkeypatch.setattr(worker_module, "LONGEST_TURN", 0.05)
    done = []

    def much(tenant_id: str) -> bool:
        done.append(tenant_id)
        return True

    jobs = [
        Job("much", much, MINUTE, every_tenant, repeats=True),
        Job("prompt", lambda: worker.stopping.set(), MINUTE),
    ]
    worker = Worker(app, jobs)
    worker.run_due()  # ends, because the second job has its turn
    assert set(done) == set(tenants)


def test_every_minute_job_gets_its_turn_within_a_minute():
    prompt = [job for job in registered_jobs() if job.every <= MINUTE]
    assert len(prompt) * worker_module.LONGEST_TURN < MINUTE.total_seconds()


def test_one_tenants_trouble_is_not_the_next_ones(app, tenants, row):
    done = []

    def work(tenant_id: str) -> None:
        if tenant_id == tenants[0]:
            raise ValueError
        done.append(tenant_id)

    Worker(app, [Job("work", work, HOUR, every_tenant)]).run_due()
    assert done == tenants[1:]
    assert row("failures") == 1


def test_a_step_that_takes_too_long_is_its_own_tenants_trouble(app, tenants, row):
    done = []

    def work(tenant_id: str) -> None:
        if tenant_id == tenants[0]:
            session.execute(text("SET LOCAL statement_timeout = '1ms'"))
            session.execute(text("SELECT pg_sleep(60)"))
        done.append(tenant_id)

    Worker(app, [Job("work", work, HOUR, every_tenant)]).run_due()
    assert done == tenants[1:]
    assert row("failures") == 1


@pytest.mark.parametrize("state", ["54000", "53100", "58030", "55000"])
def test_an_error_of_the_database_stops_no_other_tenant(app, tenants, row, state):
    done = []

    def work(tenant_id: str) -> None:
        if tenant_id == tenants[0]:
            session.execute(text(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$"))
        done.append(tenant_id)

    Worker(app, [Job("work", work, HOUR, every_tenant)]).run_due()
    assert done == tenants[1:]
    assert row("failures") == 1


LOSSES = {
    "of the server": "SELECT pg_terminate_backend(pg_backend_pid())",
    "for its silence": "SET LOCAL idle_in_transaction_session_timeout = '1ms'; SELECT 1",
}


def lose_the_connection(how: str) -> None:
    for statement in LOSSES[how].split(";"):
        session.execute(text(statement))
    while True:  # until the server has ended the session
        threading.Event().wait(0.01)
        session.execute(text("SELECT 1"))


def let_in(database: Database, connections: int) -> None:
    """Limit the connections to the database; -1 for no limit."""
    database.sql(f"ALTER DATABASE {database.name} CONNECTION LIMIT {connections}")


@pytest.mark.parametrize("how", LOSSES)
def test_a_tenant_whose_step_loses_the_connection_stops_no_other(app, tenants, row, pass_time, how):
    done = []

    def work(tenant_id: str) -> None:
        if tenant_id == tenants[0]:
            lose_the_connection(how)
        done.append(tenant_id)

    worker = Worker(app, [Job("work", work, HOUR, every_tenant)])
    worker.run_due()
    pass_time(HOUR)
    worker.run_due()
    assert done == tenants[1:]
    assert row("failures") == 1


@pytest.mark.usefixtures("tenants")
def test_a_tenant_whose_step_takes_the_database_down_is_not_the_first_again(
    app, database, row, pass_time
):
    begun = []

    def work(tenant_id: str) -> None:
        begun.append(tenant_id)
        if tenant_id == "tnt_A":
            let_in(database, 0)
            lose_the_connection("of the server")

    worker = Worker(app, [Job("work", work, HOUR, every_tenant)])
    try:
        for _ in range(2):
            with pytest.raises(OperationalError):
                worker.run_due()
    finally:
        let_in(database, -1)
    worker.run_due()
    pass_time(HOUR)
    worker.run_due()
    assert begun == ["tnt_A", "tnt_B"]
    assert row("failures")


@pytest.mark.parametrize("how", LOSSES)
def test_a_job_that_loses_the_connection_is_put_off(app, row, how):
    Worker(app, [Job("work", lambda: lose_the_connection(how), HOUR)]).run_due()
    assert row("failures") == 1


def test_a_tenant_that_always_fails_makes_the_others_no_later(app, database, tenants, row):
    def work(tenant_id: str) -> None:
        if tenant_id == tenants[0]:
            raise ValueError

    job = Job("work", work, MINUTE, every_tenant)
    Worker(app, [job]).run_due()
    database.sql("UPDATE housekeeping_turn SET failures = 20, worker = NULL, next_at = now()")
    Worker(app, [job]).run_due()
    assert row("failures") == 21
    assert row("next_at") <= times(database) + MINUTE


def test_what_a_failing_job_wrote_is_undone(app, database):
    def write() -> None:
        session.execute(text("INSERT INTO seen_logout_token (digest) VALUES ('x')"))
        raise ValueError

    Worker(app, [Job("write", write, HOUR)]).run_due()
    assert database.sql("SELECT count(*) FROM seen_logout_token") == 0


def test_tenants_that_cannot_be_asked_are_spread_over_half_of_the_time(app, database, row):
    many = add_tenants(database, [f"tnt_{number:02}" for number in range(2 * SPREAD_TENANTS)])
    done: list[str] = []
    job = Job("look", done.append, HOUR, every_tenant)
    worker = Worker(app, [job])
    before = times(database)
    worker.run_due()
    assert done == many[:SPREAD_TENANTS]
    assert before + HOUR / 4 < row("next_at") < times(database) + HOUR / 4
    database.sql("UPDATE housekeeping_turn SET next_at = now()")
    worker.run_due()
    assert done == many


# ---------------------------------------------------------------- several workers, and clocks


@pytest.mark.parametrize("is_late", [False, True])
def test_two_workers_never_do_the_same_job_at_once(app, pass_time, is_late):
    inside = []

    def slow() -> None:
        inside.append(1)
        if len(inside) == 1:
            if is_late:  # so slow that the other worker considers it dead
                pass_time(HOUR)
            thread = threading.Thread(target=Worker(app, [Job("slow", slow, HOUR)]).run_due)
            thread.start()
            thread.join()

    Worker(app, [Job("slow", slow, HOUR)]).run_due()
    assert inside == [1]


def test_a_job_whose_note_was_undone_is_noted_again(app):
    turns = JobTurns("wrk_1", [Job("work", lambda: None, HOUR)])
    with app.app_context(), transaction():
        assert turns.take()
        session.rollback()
    with app.app_context(), transaction():
        assert turns.take()


def test_a_job_that_a_restored_table_does_not_know_is_done(app, database):
    done = []
    worker = Worker(app, [Job(name, partial(done.append, name), HOUR) for name in ("old", "new")])
    worker.run_due()
    assert sorted(done) == ["new", "old"]
    database.sql("DELETE FROM housekeeping_turn WHERE job = 'new'")
    worker.run_due()
    assert done[2:] == ["new"]


@pytest.fixture
def another_release(database: Database) -> Callable[[str, str], None]:
    """Return `another_release("9 days", "1 day")`, which acts as another release's worker.

    It sets the job's interval to nine days and its next turn to one day from now.
    """

    def has(every: str, within: str) -> None:
        note = "UPDATE housekeeping_turn SET every = %s::interval, next_at = now() + %s::interval"
        database.sql(note, every, within)

    return has


@pytest.mark.parametrize("other", ["9 days", "1 second"])
def test_a_job_is_done_as_often_as_the_release_that_does_it_says(
    app, database, row, another_release, other
):
    worker = Worker(app, [Job("work", lambda: None, HOUR)])
    worker.run_due()
    another_release(other, "0")
    hour = next_hour(database)
    worker.run_due()
    assert row("next_at") in (hour, next_hour(database))
    assert row("every") == HOUR


def test_a_job_that_another_release_put_off_for_longer_is_done(app, another_release):
    done = []
    worker = Worker(app, [Job("work", lambda: done.append(1), MINUTE)])
    worker.run_due()
    another_release("9 days", "1 day")
    worker.run_due()
    assert len(done) == 2


def test_a_job_whose_row_somebody_holds_is_not_asked_for_all_the_time(app, database, pass_time):
    done = []
    worker = Worker(app, [Job("work", lambda: done.append(1), HOUR)])
    worker.run_due()
    pass_time(HOUR)
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute("SELECT FROM housekeeping_turn FOR UPDATE")
        assert worker.run_due() == FIRST_RETRY
    worker.run_due()
    assert len(done) == 2


def test_a_job_is_done_once_for_all_workers(app, pass_time):
    done = []
    jobs = [Job("work", lambda: done.append(1), HOUR)]
    workers = [Worker(app, jobs), Worker(app, jobs)]
    for turn in (1, 2):
        for worker in workers:
            worker.run_due()
        assert len(done) == turn
        pass_time(HOUR)


def test_the_job_of_a_worker_that_died_amid_it_is_done_soon(app, pass_time):
    done = []
    jobs = [Job("work", lambda: done.append(1), MINUTE)]
    with app.app_context(), transaction():
        assert JobTurns("wrk_dead", jobs).take()
    worker = Worker(app, jobs)
    soon = timedelta(seconds=worker.run_due())
    assert timedelta(0) < soon <= LEASE + PATIENCE < MINUTE
    pass_time(soon)
    worker.run_due()
    assert done == [1]


def test_a_round_goes_on_where_a_worker_stopped(app, tenants, pass_time):
    done = []

    def work(tenant_id: str) -> None:
        done.append(tenant_id)
        first.stopping.set()

    job = Job("work", work, HOUR, every_tenant)
    first = Worker(app, [job])
    first.run_due()
    assert done == tenants[:1]
    pass_time(HOUR)
    Worker(app, [job]).run_due()
    assert done == tenants


@pytest.mark.parametrize("jump", ["-1 year", "1 year"])
def test_a_clock_that_jumps_stops_no_job(app, database, jump):
    done = []
    worker = Worker(app, [Job("work", lambda: done.append(1), MINUTE)])
    worker.run_due()
    database.sql("UPDATE housekeeping_turn SET next_at = next_at - %s::interval", jump)
    worker.run_due()
    assert len(done) == 2


def transactions(
    app: Flask, workers: list[list[Worker]], seconds: float, pass_time: Callable[..., None]
) -> list[int]:
    """Count the transactions of each worker in so many seconds of simulated time.

    A worker is a list of its threads. They sleep and wake as usual, but time passes as fast as they
    work.
    """
    wakes = {(one, thread): 0.0 for one, of in enumerate(workers) for thread in range(len(of))}
    counts, now = [0] * len(workers), 0.0
    while (wake := min(wakes.items(), key=lambda wake: wake[1]))[1] <= seconds:
        (one, thread), at = wake
        pass_time(timedelta(seconds=at - now))
        now = at
        with Commits(app) as commits:
            wakes[one, thread] = now + workers[one][thread].run_due()
        counts[one] += commits.count
    return counts


@pytest.mark.usefixtures("tenants")
def test_a_second_worker_adds_few_transactions(app, database, pass_time):
    jobs = registered_jobs()
    threads = [
        [job for job in jobs if job.every <= MINUTE],
        [job for job in jobs if job.every > MINUTE],
    ]
    workers = [[Worker(app, some) for some in threads] for _ in ("first", "second")]
    keep_house(app, database)
    for one in workers[0]:
        one.run_due()
    pass_time(HOUR)
    for one in workers[0]:
        one.run_due()  # now it was the last to run every job
    first, second = transactions(app, workers, 300, pass_time)
    assert second <= 0.1 * first


def test_a_database_that_is_away_is_waited_for(make_config, capfd, tmp_path):
    from portal import create_app

    nowhere = make_config(PORTAL_DATABASE_URL=f"postgresql://portal_app@/x?host={tmp_path}")
    worker = Worker(create_app(nowhere), [Job("work", lambda: None, HOUR)])
    with pytest.raises(OperationalError):
        worker.run_due()
    thread = threading.Thread(target=worker.run)
    thread.start()
    said = ""
    while "database away" not in said:
        said += capfd.readouterr().out
    worker.stopping.set()
    thread.join()
    assert "Traceback" not in said


def test_a_second_signal_ends_at_once(app):
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    worker = Worker(app, [])
    try:
        worker.stop()
        assert worker.stopping.is_set()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@pytest.mark.usefixtures("tenants")
def test_every_registered_job_works_on_an_empty_portal(app, database):
    jobs = registered_jobs()
    assert len({job.name for job in jobs}) == len(jobs)
    keep_house(app, database)
    assert database.sql("SELECT count(*) FROM housekeeping_turn") == len(jobs)


@pytest.mark.usefixtures("tenants")
def test_ended_sessions_are_forgotten_and_live_ones_kept(app, database):
    columns = "tenant_id, id, person_id, token_hash, subject_key, role, auth_version"
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute(
            "INSERT INTO person (tenant_id, id, issuer, subject, name, role)"
            " VALUES ('tnt_A', 'per_1', 'i', 's', 'n', 'admin')"
        )
        for name, ended in (("live", "NULL"), ("ended", "now() - interval '2 days'")):
            connection.execute(
                f"INSERT INTO web_session ({columns}, revoked_at)"
                f" VALUES ('tnt_A', '{name}', 'per_1', '{name}', 's', 'admin', 1, {ended})"
            )
    keep_house(app, database)
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        assert connection.execute("SELECT id FROM web_session").fetchall() == [("live",)]
