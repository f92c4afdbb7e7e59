"""Kill workers in the middle of a bulk job: no record is lost, and none is done twice."""

import os
import signal
import subprocess
import sys

import pytest

from tests import ROOT
from tests.bulk.test_jobs import confirm, counts, job_of, keys, preview
from tests.cast import Api
from tests.databases import Database
from tests.front.kit import until
from tests.thorough import times

KILLS = times(1)
BATCH = 60
# A worker does a few steps of 20 keys before it is killed, so that many are left for the next one.
KEYS = BATCH * (KILLS + 1)
DONE = "SELECT done FROM bulk_job WHERE id = %s"


@pytest.fixture(scope="module")
def environment(_settings: dict[str, str]) -> dict[str, str]:
    """Return the settings of a portal on the test's database."""
    return _settings


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_killed_worker_neither_loses_nor_repeats_a_record(
    ada: Api, database: Database, environment: dict[str, str]
) -> None:
    for _ in range(KEYS // BATCH):
        keys(ada, BATCH)
    job = preview(ada, "api-keys", "block", filter={})
    confirm(ada, job)
    for _ in range(KILLS):
        kill_in_the_middle(working(environment), database, job["id"])
    assert counts(job_of(ada, job))[0] == "running"
    assert working(environment).wait() == 0
    assert counts(job_of(ada, job)) == ("done", 0, KEYS, 0, 0)
    assert database.sql("SELECT count(*) FROM bulk_row WHERE state = 'done'") == KEYS
    assert database.sql("SELECT count(*) FROM api_key WHERE blocked AND version = 2") == KEYS
    entries = "SELECT count(*) FROM audit_entry WHERE action = 'key.blocked'"
    assert database.sql(entries) == KEYS


def kill_in_the_middle(worker: "subprocess.Popen[bytes]", database: Database, job_id: str) -> None:
    """Kill a worker as soon as it has committed something, so that it is at the next rows. Fail if
    it ends by itself."""
    before = database.sql(DONE, job_id)
    until(lambda: database.sql(DONE, job_id) > before or worker.poll() is not None, 120)
    worker.kill()
    assert worker.wait() == -signal.SIGKILL


def working(settings: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bulk.killed_worker"],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
    )
