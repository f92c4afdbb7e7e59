"""A secret store in trouble is the portal's own fault: no connector is blamed, and all else works.

The store is an OpenBao of these tests' own, on disk, as operators run it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask

from portal.connections.housekeeping import HOUSEKEEPING
from portal.secretstore.vault import Transport
from tests.cast import ADA, Api, Pages
from tests.connections.conftest import PASSWORD, USER, RunChecks, Service
from tests.connections.test_checks import Make, checks, ok, read
from tests.databases import Database
from tests.keeping import keep_house
from tests.secretstore.openbao import KeptOpenBao, kept_openbao
from tests.thorough import some

TROUBLES = {
    "sealed": (KeptOpenBao.seal, "locked"),
    "stopped": (KeptOpenBao.stop, "does not answer"),
    "hanging": (KeptOpenBao.halt, "does not answer"),
    "denied": (KeptOpenBao.deny, "refuses the portal"),
}
MINUTES = "SELECT extract(epoch FROM next_check_at - checked_at) / 60 FROM connector_standing"
HEALTH = {"sys/health", "sys/capabilities-self", "sys/internal/ui/mounts/secret"}
LOGIN = "auth/approle/login"
Later = Callable[[], None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptOpenBao]:
    """Yield the server of this module."""
    with kept_openbao(tmp_path_factory.mktemp("bao")) as one:
        yield one


@pytest.fixture
def openbao(server: KeptOpenBao) -> Iterator[KeptOpenBao]:
    """Yield the server, in the place of the one that all tests share. Mend it after the test."""
    yield server
    server.mend()
    server.forget_stores()


@pytest.fixture(autouse=True)
def _in_own_vault(in_vault: KeptOpenBao) -> None:
    """Let the portal of every test here use that server."""


@pytest.fixture
def later(app: Flask, database: Database, run_checks: RunChecks) -> Later:
    """Return `later()`, which lets the time of the next check come, and the worker do its work."""

    def wait() -> None:
        due = "UPDATE connector_standing SET next_check_at = now() WHERE next_check_at IS NOT NULL"
        database.sql(due)
        keep_house(app, database, HOUSEKEEPING)
        run_checks()

    return wait


def asked(ada: Api, record: dict[str, Any], run_checks: RunChecks) -> dict[str, Any]:
    """Ask for a check, let it run, and return it."""
    path = f"/connectors/{record['id']}/checks"
    check = ok(ada.post(path, {}), 202)
    run_checks()
    return ok(ada.get(f"{path}/{check['id']}"))


TOLD_BY_CHECKS = {"health", "last_check_at"}


def kept(record: dict[str, Any]) -> dict[str, Any]:
    """Return all that a connector says which a check of no result must not change."""
    assert record.keys() >= TOLD_BY_CHECKS | {"sync_status", "consecutive_errors", "last_error"}
    return {name: value for name, value in record.items() if name not in TOLD_BY_CHECKS}


@contextmanager
def asked_of_the_store() -> Iterator[list[str]]:
    """Record the paths of all requests to the store within the block."""
    send, paths = Transport._once, list[str]()

    def heard(transport: Transport, method: str, path: str, *rest: Any) -> Any:
        paths.append(path)
        return send(transport, method, path, *rest)

    with patch.object(Transport, "_once", heard):
        yield paths


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_connector_is_blamed_and_a_check_passes_once_the_store_is_back(
    trouble: str,
    openbao: KeptOpenBao,
    ada: Api,
    connector: Make,
    run_checks: RunChecks,
    later: Later,
    database: Database,
) -> None:
    record = connector()
    run_checks()
    healthy = read(ada, record)
    assert healthy["sync_status"] == "healthy"
    spoil, words = TROUBLES[trouble]
    spoil(openbao)
    check = asked(ada, record, run_checks)
    assert check["outcome"] == "secret_store", check
    assert words in check["said"]
    assert check["remedy"]
    assert check["steps"] == [], "nothing was sent"
    now = read(ada, record)
    assert kept(now) == kept(healthy)
    assert now["last_check_at"] > healthy["last_check_at"]
    assert now["health"]["status"] == "attention"
    assert "the secret store gives no credentials" in now["health"]["reason"]
    assert database.sql(MINUTES) <= 5
    counted = database.sql("SELECT passed + troubled, failed FROM connector_check_day")
    assert counted == (1, 0)
    openbao.mend()
    later()
    newest, *_ = checks(ada, record)
    assert (newest["outcome"], newest["reason"]) == ("passed", "retry")
    now = read(ada, record)
    assert kept(now) == kept(healthy)
    assert (healthy["health"]["status"], now["health"]["status"]) == ("works", "works")
    assert now["health"]["next"] is None
    assert database.sql(MINUTES) == 24 * 60


def test_a_connector_that_failed_before_is_checked_soon_after_a_trouble_of_the_store(
    openbao: KeptOpenBao,
    ada: Api,
    connector: Make,
    service: Service,
    run_checks: RunChecks,
    database: Database,
) -> None:
    record = connector()
    service.status = 503
    run_checks()
    for _ in range(4):
        asked(ada, record, run_checks)
    failing = read(ada, record)
    assert (failing["sync_status"], failing["consecutive_errors"]) == ("failing", 5)
    openbao.seal()
    assert asked(ada, record, run_checks)["outcome"] == "secret_store"
    now = read(ada, record)
    assert kept(now) == kept(failing)
    assert (failing["health"]["status"], now["health"]["status"]) == ("failing", "failing")
    assert "the secret store gives no credentials" in now["health"]["reason"]
    assert database.sql(MINUTES) <= 5


@pytest.mark.proof
@pytest.mark.parametrize("trouble", some(TROUBLES, len(TROUBLES)))
def test_a_save_says_why_it_cannot_and_changes_nothing(
    trouble: str, openbao: KeptOpenBao, ada: Api, connector: Make, service: Service
) -> None:
    record = connector()
    path = f"/connectors/{record['id']}"
    spoil, words = TROUBLES[trouble]
    spoil(openbao)
    draft = {"provider": "http", "auth_type": "basic", "config": {"baseUrl": service.address}}
    credentials = {"credentials": {"username": USER, "password": PASSWORD}}
    for answer in (
        ada.post("/connectors", {**draft, **credentials}),
        ada.patch(path, credentials),
        ada.delete(f"{path}/credentials"),
        ada.delete(path),
    ):
        problem = answer.json or {}
        assert answer.status_code == (502 if trouble == "denied" else 503), answer.text
        assert problem["code"].startswith("secret_store_")
        assert words in problem["detail"]
        assert ("Retry-After" in answer.headers) == (trouble != "denied")
    assert ok(ada.get("/connectors"))["items"] == [record]
    renamed = ok(ada.patch(path, {"name": "Renamed meanwhile"}))
    assert renamed["name"] == "Renamed meanwhile"
    openbao.mend()
    saved = ok(ada.patch(path, {"credentials": {"password": PASSWORD}}))
    assert saved["credential_fields"] == ["password", "username"]


@pytest.mark.proof
@pytest.mark.parametrize("trouble", some(TROUBLES, len(TROUBLES)))
def test_lists_and_pages_are_read_without_the_store(
    trouble: str,
    openbao: KeptOpenBao,
    ada: Api,
    browse: Callable[..., Pages],
    connector: Make,
    run_checks: RunChecks,
) -> None:
    record = connector()
    run_checks()
    pages = browse(ADA)
    spoil, _ = TROUBLES[trouble]
    spoil(openbao)
    path = f"/connectors/{record['id']}"
    with asked_of_the_store() as asked_for:
        for address in ("/connectors", path, f"{path}/checks", f"{path}/history"):
            ok(ada.get(address))
        ok(ada.get(f"{path}/credential-versions"))
        assert asked_for == [], "REST"
        for address in ("/", "/connectors", path, f"{path}/edit"):
            assert pages.get(address).status_code == 200
    assert set(asked_for) <= HEALTH | {LOGIN}, "pages ask at most for its state"
    assert asked_for.count("sys/health") <= 2 * 2, "two questions at most, each repeated once"


# --- a store that lost something ------------------------------------------------------------------


def test_a_store_that_was_emptied_takes_the_credentials_again(
    openbao: KeptOpenBao, ada: Api, connector: Make, service: Service, run_checks: RunChecks
) -> None:
    record = connector()
    run_checks()
    openbao.empty()
    calls = service.calls
    check = asked(ada, record, run_checks)
    assert (check["outcome"], check["steps"]) == ("config", []), check
    assert "no longer has version 1" in check["said"]
    assert "again" in check["remedy"]
    assert service.calls == calls
    lost = read(ada, record)
    assert (lost["sync_status"], lost["last_error"]) == ("action_required", check["said"])
    path = f"/connectors/{record['id']}"
    part = ada.patch(path, {"credentials": {"password": PASSWORD}})
    assert part.status_code == 409
    assert "no longer has these credentials" in part.text
    ok(ada.patch(path, {"credentials": {"username": USER, "password": PASSWORD}}))
    run_checks()
    assert read(ada, record)["sync_status"] == "healthy"


def test_credentials_that_replace_lost_ones_are_listed_and_the_lost_ones_are_not(
    openbao: KeptOpenBao, ada: Api, ed: Api, connector: Make, run_checks: RunChecks
) -> None:
    record = connector()
    path = f"/connectors/{record['id']}"
    ok(ada.patch(path, {"credentials": {"password": PASSWORD}}))
    openbao.empty()
    ok(ed.patch(path, {"credentials": {"username": USER, "password": PASSWORD}}))
    (only,) = ok(ada.get(f"{path}/credential-versions"))["items"]
    assert (only["version"], only["set_by_name"]) == (1, "Ed Okafor")


def test_a_store_that_was_put_back_is_not_asked_with_older_credentials(
    openbao: KeptOpenBao,
    ada: Api,
    connector: Make,
    service: Service,
    run_checks: RunChecks,
    later: Later,
) -> None:
    """The snapshot has credentials that were replaced since: using them could lock an account."""
    record = connector(credentials={"username": USER, "password": "an older password"})
    path = f"/connectors/{record['id']}"
    run_checks()
    older = openbao.snapshot()
    ok(ada.patch(path, {"credentials": {"password": PASSWORD}}))
    run_checks()
    newer = openbao.snapshot()
    assert read(ada, record)["sync_status"] == "healthy"
    openbao.put_back(older)
    calls = service.calls
    check = asked(ada, record, run_checks)
    assert (check["outcome"], check["credential_version"]) == ("config", 2), check
    assert "no longer has version 2" in check["said"]
    assert service.calls == calls, "nothing was sent"
    part = ada.patch(path, {"credentials": {"password": PASSWORD}})
    assert part.status_code == 409
    assert "has version 1 of these credentials" in part.text
    openbao.put_back(newer)
    later()
    assert read(ada, record)["sync_status"] == "healthy"


def test_what_somebody_wrote_behind_the_portal_is_not_taken_for_its_own(
    openbao: KeptOpenBao, ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    """A save that died before its commit leaves such a version, too."""
    record = connector()
    openbao.call("POST", record["vault_path"], {"data": {"username": USER, "password": "typo"}})
    run_checks()
    newest, *_ = checks(ada, record)
    assert (newest["outcome"], newest["credential_version"]) == ("passed", 1)
