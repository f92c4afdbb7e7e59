"""The worker: what it does when jobs work, fail, meet each other, or the database is away."""

import signal
import threading
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from portal.config import Config, libpq_url
from portal.db import session
from portal.housekeeping import Job
from portal.worker import Worker, registered_jobs
from tests.databases import Database

HOUR = timedelta(hours=1)


@pytest.fixture
def tenants(database: Database) -> list[str]:
    ids = ["tnt_A", "tnt_B"]
    with psycopg.connect(libpq_url(database.owner_url)) as connection:
        for number, tenant_id in enumerate(ids):
            connection.execute(
                "INSERT INTO tenant (id, slug, name, key_code) VALUES (%s, %s, %s, %s)",
                (tenant_id, f"t{number}", f"Tenant {number}", f"key{number}"),
            )
    return ids


def run_until(app: Flask, jobs: list[Job], done: Callable[[Worker], None]) -> None:
    """Run a worker whose last job says stop."""
    worker = Worker(app, [])
    last = Job("stop", lambda: done(worker), HOUR)
    worker = Worker(app, [*jobs, last])
    worker.run()


def test_a_job_runs_once_for_each_tenant_and_sees_that_one_alone(app, tenants):
    seen = []

    def look(tenant_id: str) -> None:
        seen.append((tenant_id, session.scalar(text("SELECT current_tenant()"))))

    run_until(app, [Job("look", look, HOUR, per_tenant=True)], lambda worker: worker.stopping.set())
    assert seen == [(tenant_id, tenant_id) for tenant_id in tenants]


def test_a_job_that_fails_stops_nobody_and_comes_back_later(app, tenants, capfd):
    worker = Worker(app, [Job("break", lambda: 1 / 0, HOUR), Job("work", lambda: None, HOUR)])
    broken, working = worker._turns
    for expected in (1.0, 2.0, 4.0):
        before = worker_clock()
        worker.take(broken)
        after = worker_clock()
        assert before + expected * 0.69 < broken.due < after + expected * 1.31
    worker.take(working)
    assert working.failures == 0
    assert broken.failures == 3
    assert "ZeroDivisionError" in capfd.readouterr().out


def worker_clock() -> float:
    import time

    return time.monotonic()


def test_a_job_that_leaves_more_is_run_again_at_once(app, tenants):
    left = [True, True, False, True]
    more = Job("more", lambda: left.pop(0), HOUR, repeats=True)
    run_until(app, [more], lambda worker: worker.stopping.set())
    assert left == [True]


def test_a_job_that_leaves_more_ends_when_the_worker_is_told_to(app, tenants):
    worker, done = Worker(app, []), []

    def work() -> bool:
        done.append(1)
        worker.stopping.set()
        return True

    [turn] = Worker(app, [Job("more", work, HOUR, repeats=True)])._turns
    worker.take(turn)
    assert done == [1]


def test_one_tenants_trouble_is_not_the_next_ones(app, tenants):
    done = []

    def work(tenant_id: str) -> None:
        if tenant_id == tenants[0]:
            raise ValueError
        done.append(tenant_id)

    worker = Worker(app, [Job("work", work, HOUR, per_tenant=True)])
    worker.take(worker._turns[0])
    assert done == tenants[1:]
    assert worker._turns[0].failures == 1


def test_what_a_failing_job_wrote_is_undone(app, database):
    def write() -> None:
        session.execute(text("INSERT INTO seen_logout_token (digest) VALUES ('x')"))
        raise ValueError

    worker = Worker(app, [Job("write", write, HOUR)])
    worker.take(worker._turns[0])
    with psycopg.connect(libpq_url(database.owner_url)) as connection:
        assert connection.execute("SELECT count(*) FROM seen_logout_token").fetchone() == (0,)


def test_two_workers_never_do_the_same_job_at_once(app):
    inside, meet = [], threading.Event()

    def slow() -> None:
        inside.append(1)
        if len(inside) == 1:
            other = Worker(app, [Job("slow", slow, HOUR)])
            thread = threading.Thread(target=other.take, args=(other._turns[0],))
            thread.start()
            thread.join()
            meet.set()

    worker = Worker(app, [Job("slow", slow, HOUR)])
    worker.take(worker._turns[0])
    assert meet.is_set()
    assert inside == [1]


def test_a_database_that_is_away_is_waited_for(make_config, capfd, tmp_path):
    from portal import create_app

    nowhere = make_config(PORTAL_DATABASE_URL=f"postgresql://portal_app@/x?host={tmp_path}")
    app = create_app(nowhere)
    worker = Worker(app, [Job("work", lambda: None, HOUR)])
    worker.take(worker._turns[0])
    assert worker._turns[0].failures == 1
    said = capfd.readouterr().out
    assert "database away" in said
    assert "Traceback" not in said


def test_a_stop_between_two_tenants_leaves_the_second_for_next_time(app, tenants):
    done = []

    def work(tenant_id: str) -> None:
        done.append(tenant_id)
        worker.stopping.set()

    worker = Worker(app, [Job("work", work, HOUR, per_tenant=True)])
    worker.run()
    assert done == tenants[:1]


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


def test_every_registered_job_works_on_an_empty_portal(app, tenants):
    jobs = registered_jobs()
    assert len({job.name for job in jobs}) == len(jobs)
    worker = Worker(app, jobs)
    for turn in worker._turns:
        worker.take(turn)
        assert turn.failures == 0, turn.job.name


def test_ended_sessions_are_forgotten_and_live_ones_kept(app, database, tenants, config: Config):
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
    worker = Worker(app, registered_jobs())
    for turn in worker._turns:
        worker.take(turn)
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        assert connection.execute("SELECT id FROM web_session").fetchall() == [("live",)]
