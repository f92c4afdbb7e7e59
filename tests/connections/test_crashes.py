"""Processes die with SIGKILL at each step of a check and of a save, and nothing is half done."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests import ROOT
from tests.cast import PREFIX, Api
from tests.connections.conftest import PASSWORD, USER, RunChecks, Service
from tests.connections.crashing import CHECK_STEPS, SAVE_STEPS
from tests.connections.test_checks import Make, checks, ok, read
from tests.databases import Database
from tests.secretstore.openbao import ROLE_ID, SECRET_ID, OpenBao
from tests.thorough import some

Dies = Callable[..., None]
RUN_OUT = "UPDATE connector_check SET due_at = now() WHERE state = 'running'"
COUNTED = "SELECT sum(passed + troubled), sum(failed) FROM connector_check_day"
NEW = "a new password"


@pytest.fixture
def settings(
    either_store: str, _settings: dict[str, str], request: pytest.FixtureRequest
) -> dict[str, str]:
    """Return the environment of a process that uses the same store as the test."""
    if either_store == "embedded":
        return _settings
    openbao: OpenBao = request.getfixturevalue("openbao")
    return {
        **_settings,
        "PORTAL_SECRET_STORE": "vault",
        "PORTAL_VAULT_ADDR": openbao.address,
        "PORTAL_VAULT_ROLE_ID": f"{ROLE_ID}-web",
        "PORTAL_VAULT_SECRET_ID": f"{SECRET_ID}-web",
        "PORTAL_VAULT_WORKER_ROLE_ID": f"{ROLE_ID}-worker",
        "PORTAL_VAULT_WORKER_SECRET_ID": f"{SECRET_ID}-worker",
    }


@pytest.fixture
def dies(settings: dict[str, str]) -> Dies:
    """Return `dies(what, step, request)`, which waits until a process has died at the step."""

    def run(what: str, step: str, asked: Any = None) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tests.connections.crashing", what, step],
            cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT}/devtools", **settings},
            input=json.dumps(asked), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stdout[-2000:] + done.stderr[-4000:]

    return run


# --- a check --------------------------------------------------------------------------------------


@pytest.mark.proof
@pytest.mark.parametrize("step", some(CHECK_STEPS, 4))
def test_a_check_whose_worker_is_killed_is_taken_again_and_recorded_once(
    step: str,
    dies: Dies,
    ada: Api,
    connector: Make,
    service: Service,
    run_checks: RunChecks,
    database: Database,
) -> None:
    record = connector()
    dies("check", step)
    before = service.calls
    assert before == (1 if step in list(CHECK_STEPS)[2:] else 0)
    (left,) = checks(ada, record)
    assert left["state"] == ("done" if step == "recorded" else "running")
    run_checks()
    assert service.calls == before, "nobody takes it while the first worker may live"
    database.sql(RUN_OUT)
    run_checks()
    run_checks()
    (done,) = checks(ada, record)
    assert (done["state"], done["outcome"]) == ("done", "passed")
    assert service.calls == (1 if step == "recorded" else before + 1)
    assert read(ada, record)["sync_status"] == "healthy"
    assert database.sql(COUNTED) == (1, 0)
    history = ok(ada.get(f"/connectors/{record['id']}/history"))["items"]
    assert [one["action"] for one in history].count("connector.health_changed") == 1


def test_a_worker_that_comes_late_does_not_record_a_second_result(
    either_store: str,
    ada: Api,
    connector: Make,
    service: Service,
    run_checks: RunChecks,
    database: Database,
) -> None:
    record = connector()

    def another_worker() -> None:
        if service.calls == 1:
            database.sql(RUN_OUT)
            run_checks()
            service.status = 503  # what the late one hears

    service.while_waiting = another_worker
    run_checks()
    (done,) = checks(ada, record)
    assert (service.calls, done["outcome"]) == (2, "passed")
    assert read(ada, record)["sync_status"] == "healthy"
    assert database.sql(COUNTED) == (1, 0)


@pytest.mark.proof
@pytest.mark.parametrize("step", some(SAVE_STEPS[2:] + SAVE_STEPS[:2], len(SAVE_STEPS)))
def test_a_restoration_whose_worker_is_killed_is_done_once(
    step: str,
    dies: Dies,
    ada: Api,
    connector: Make,
    run_checks: RunChecks,
    database: Database,
) -> None:
    record = connector()
    path = f"/connectors/{record['id']}"
    ok(ada.patch(path, {"credentials": {"password": "wrong"}}))
    run_checks()
    ok(ada.post(f"{path}/credential-restorations", {"version": 1}), 202)
    dies("check", step)
    database.sql(RUN_OUT)
    run_checks()
    newest, *_ = checks(ada, record)
    assert (newest["state"], newest["outcome"]) == ("done", "passed"), newest
    assert read(ada, record)["sync_status"] == "healthy"
    versions = ok(ada.get(f"{path}/credential-versions"))["items"]
    assert [one["restored_from"] for one in versions] == [1, None, None]
    history = ok(ada.get(f"{path}/history"))["items"]
    assert [one["action"] for one in history].count("connector.credentials_restored") == 1


@pytest.mark.parametrize("either_store", ["embedded"], indirect=True)
def test_a_restoration_that_is_lost_after_it_was_done_does_not_say_that_nothing_was_changed(
    dies: Dies, ada: Api, connector: Make, run_checks: RunChecks, database: Database
) -> None:
    record = connector()
    path = f"/connectors/{record['id']}"
    ok(ada.patch(path, {"credentials": {"password": "wrong"}}))
    run_checks()
    ok(ada.post(f"{path}/credential-restorations", {"version": 1}), 202)
    dies("check", "secret opened")
    restored, *_ = ok(ada.get(f"{path}/credential-versions"))["items"]
    assert (restored["version"], restored["restored_from"]) == (3, 1)
    database.sql("DELETE FROM secret_version")
    database.sql(RUN_OUT)
    run_checks()
    newest, *_ = checks(ada, record)
    assert newest["outcome"] == "config", newest
    assert "no longer has version 3" in newest["said"]
    assert "Nothing was changed" not in newest["remedy"]


# --- a save ---------------------------------------------------------------------------------------


def request(ada: Api, method: str, path: str, body: Any, **headers: str) -> dict[str, Any]:
    """Return what `crashing save` sends."""
    headers["Authorization"] = f"Bearer {ada.token}"
    return {"path": PREFIX + path, "method": method, "json": body, "headers": headers}


@pytest.mark.proof
@pytest.mark.parametrize("step", some(reversed(SAVE_STEPS), len(SAVE_STEPS)))
def test_a_connector_whose_save_is_killed_is_there_whole_or_not_at_all(
    step: str,
    dies: Dies,
    ada: Api,
    service: Service,
    run_checks: RunChecks,
    database: Database,
) -> None:
    body = {
        "provider": "http",
        "auth_type": "basic",
        "config": {"baseUrl": service.address},
        "credentials": {"username": USER, "password": PASSWORD},
    }
    once = {"Idempotency-Key": "once"}
    dies("save", step, request(ada, "POST", "/connectors", body, **once))
    tables = ("connector", "connector_check", "connector_credentials", "idempotency_key")
    expected = 1 if step == "committed" else 0
    for table in tables:
        assert database.sql(f"SELECT count(*) FROM {table}") == expected, table
    run_checks()
    assert service.calls == expected
    again = ada.post("/connectors", body, headers=once)
    assert again.status_code == 201, again.text
    run_checks()
    (record,) = ok(ada.get("/connectors"))["items"]
    assert record["id"] == (again.json or {})["id"]
    assert record["sync_status"] == "healthy"


@pytest.mark.proof
@pytest.mark.parametrize("step", some(SAVE_STEPS[1:] + SAVE_STEPS[:1], len(SAVE_STEPS)))
def test_credentials_whose_save_is_killed_are_the_old_ones_or_the_new_ones(
    step: str,
    settings: dict[str, str],
    dies: Dies,
    ada: Api,
    connector: Make,
    service: Service,
    run_checks: RunChecks,
) -> None:
    record = connector()
    run_checks()
    path = f"/connectors/{record['id']}"
    new = {"credentials": {"password": NEW}}
    dies("save", step, request(ada, "PATCH", path, new))
    is_saved = step == "committed"
    after = read(ada, record)
    assert (after["version"] > record["version"]) == is_saved
    assert after["sync_status"] == ("pending" if is_saved else "healthy")
    assert len(checks(ada, record)) == (2 if is_saved else 1)
    if is_saved:
        service.password = NEW
    else:
        ok(ada.post(f"{path}/checks", {}), 202)
    run_checks()
    newest, *_ = checks(ada, record)
    assert (newest["outcome"], newest["credential_version"]) == ("passed", 2 if is_saved else 1)
    service.password = NEW
    answer = ada.patch(path, new)
    if leaves_an_orphan(settings, step):
        assert answer.status_code == 409
        says = "has version 2 of these credentials, and this connector knows version 1"
        assert says in (answer.json or {})["detail"]
        answer = ada.patch(path, {"credentials": {"username": USER, "password": NEW}})
    ok(answer)
    run_checks()
    assert read(ada, record)["sync_status"] == "healthy"


def leaves_an_orphan(settings: dict[str, str], step: str) -> bool:
    """Tell whether the store has a version that no row knows: a Vault's write is no transaction."""
    return "PORTAL_VAULT_ADDR" in settings and step in ("secret written", "before the commit")
