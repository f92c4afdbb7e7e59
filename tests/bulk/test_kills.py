"""Kill workers in the middle of a bulk job: no record is lost, and none is done twice."""

import os
import subprocess
import sys

import pytest

from tests import ROOT
from tests.bulk.test_jobs import confirm, counts, job_of, keys, preview, rows
from tests.cast import Api
from tests.databases import Database
from tests.front.kit import until
from tests.thorough import times

KEYS = 120
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
    made = keys(ada, KEYS)
    job = preview(ada, "api-keys", "block", filter={})
    confirm(ada, job)
    for _ in range(times(2)):
        kill_in_the_middle(working(environment), database, job["id"])
    assert working(environment).wait() == 0
    assert counts(job_of(ada, job)) == ("done", 0, KEYS, 0, 0)
    assert len(rows(ada, job, "done")) == KEYS
    found = ada.get("/api-keys?limit=200").json["items"]
    assert {(key["blocked"], key["version"]) for key in found} == {(True, 2)}
    entries = "SELECT count(*) FROM audit_entry WHERE action = 'key.blocked'"
    assert database.sql(entries) == len(made)


def kill_in_the_middle(worker: "subprocess.Popen[bytes]", database: Database, job_id: str) -> None:
    """Kill a worker as soon as it has committed something, so that it is at the next rows."""
    before = database.sql(DONE, job_id)
    until(lambda: database.sql(DONE, job_id) > before or worker.poll() is not None, 120)
    worker.kill()
    worker.wait()


def working(settings: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bulk.killed_worker"],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
