"""A worker fetches each token once, renews it before it ends, and is not troubled by failures."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal import secretstore
from portal.connections import engine as connections
from portal.connections import engine_loop
from portal.database.session import session
from portal.leases.engine import Engine
from portal.leases.timing import renew_at, try_again_at
from portal.secretstore import Side
from portal.secretstore.move import Report, move
from tests.cast import Api
from tests.connections.test_bad_input import issuer_of
from tests.connectors.conftest import ref_of
from tests.databases import Database
from tests.delivery.test_engine import until
from tests.identity.serving import served
from tests.leases.conftest import Lease, Make, Work
from tests.leases.crashing import STEPS
from tests.leases.kit import SECRET, TokenAddress
from tests.secretstore.openbao import ROLE_ID, SECRET_ID, OpenBao
from tests.thorough import some
from tests.webhooks.kit import rows, working

Access = Callable[[str, str], Any]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PASSES = (
    "UPDATE connector_access SET due_at = due_at - %s, token_expires_at = token_expires_at - %s"
)
WAITS = "extract(epoch FROM due_at - now())"


@pytest.fixture
def pass_time(database: Database) -> Callable[[timedelta], None]:
    """Return `pass_time(HOUR)`, which moves what is to come nearer by an hour."""
    return lambda by: database.sql(PASSES, by, by)


def test_a_token_is_renewed_before_it_ends(
    with_token: Make, work: Work, lease: Lease, pass_time: Any, provider: TokenAddress
) -> None:
    made = with_token()
    work()
    pass_time(timedelta(minutes=53))
    work()
    assert lease(made["id"]).json["access_token"] == "token-1-of-crm"
    pass_time(timedelta(minutes=2))
    provider.gate.clear()
    given = lease(made["id"]).json
    assert given["access_token"] == "token-1-of-crm", "it has five minutes left"
    assert given["lease_seconds"] <= 300
    provider.gate.set()
    work()
    assert lease(made["id"]).json["access_token"] == "token-2-of-crm"


def test_a_token_that_has_ended_is_not_handed_out(
    with_token: Make, work: Work, lease: Lease, pass_time: Any
) -> None:
    made = with_token()
    work()
    pass_time(timedelta(minutes=61))
    answer = lease(made["id"])
    assert (answer.status_code, answer.json["code"]) == (409, "lease_not_ready")
    work()
    assert lease(made["id"]).json["access_token"] == "token-2-of-crm"


@pytest.mark.parametrize("days", [-2, 2])
def test_the_end_of_a_token_does_not_follow_the_clock_of_the_worker(
    with_token: Make, work: Work, database: Database, days: int
) -> None:
    with_token()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=days)):
        work()
    left = "SELECT extract(epoch FROM token_expires_at - now())::int FROM connector_access"
    assert 3500 < database.sql(left) <= 3600


def test_a_token_without_an_end_is_fetched_again_after_an_hour(
    with_token: Make, work: Work, lease: Lease, pass_time: Any, provider: TokenAddress
) -> None:
    provider.life = None
    made = with_token()
    work()
    given = lease(made["id"]).json
    assert (given["expires_at"], given["lease_seconds"]) == (None, 300)
    pass_time(59 * MINUTE)
    work()
    assert provider.asked["crm"] == 1
    pass_time(2 * MINUTE)
    work()
    assert lease(made["id"]).json["access_token"] == "token-2-of-crm"


@pytest.mark.parametrize(
    ("life", "before"),
    [
        (10 * HOUR, HOUR),
        (HOUR, 6 * MINUTE),
        (20 * MINUTE, 5 * MINUTE),
        (6 * MINUTE, 3 * MINUTE),
        (MINUTE, timedelta(seconds=30)),
        (timedelta(seconds=20), timedelta(seconds=-10)),
    ],
)
def test_a_token_is_renewed_a_tenth_of_its_life_or_five_minutes_before_its_end(
    life: timedelta, before: timedelta, database: Database
) -> None:
    now = database.sql("SELECT now()")
    assert renew_at(now, now + life) == now + life - before


def test_transient_failures_are_repeated_ever_later_and_refusals_never(database: Database) -> None:
    now = database.sql("SELECT now()")
    waits = [try_again_at("transient", now, times) for times in range(1, 7)]
    assert [(at - now) / MINUTE for at in waits if at] == [1, 5, 15, 60, 60, 60]
    assert try_again_at("rate_limited", now, 1, now + HOUR) == now + HOUR
    for outcome in ("auth_invalid", "auth_scope", "auth_expired", "config"):
        assert try_again_at(outcome, now, 1) is None


def test_refused_credentials_are_not_tried_again_before_they_change(
    with_token: Make, work: Work, lease: Lease, ada: Api, access: Access, provider: TokenAddress
) -> None:
    provider.refuse(401, error="invalid_client")
    made = with_token()
    work()
    assert (access("outcome", made["id"]), access("due_at", made["id"])) == ("auth_invalid", None)
    answer = lease(made["id"])
    assert (answer.status_code, answer.json["code"]) == (409, "lease_refused")
    assert answer.json["detail"] == access("said", made["id"])
    assert "Retry-After" not in answer.headers
    work()
    assert provider.asked["crm"] == 1, "a provider locks an account that goes on guessing"
    ada.patch(f"/connectors/{made['id']}", {"credentials": {"client_secret": "the-right-one"}})
    work()
    assert lease(made["id"]).json["access_token"] == "token-2-of-crm"


def test_a_provider_that_fails_is_asked_again_and_the_caller_is_told_when(
    with_token: Make, work: Work, lease: Lease, access: Access, pass_time: Any,
    provider: TokenAddress,
) -> None:  # fmt: skip
    made = with_token()
    for minutes in (1, 5, 15):
        provider.refuse(503)
        work()
        assert access("outcome", made["id"]) == "transient"
        assert math.isclose(access(WAITS, made["id"]), minutes * 60, abs_tol=5)
        answer = lease(made["id"])
        assert (answer.status_code, answer.json["code"]) == (409, "lease_not_ready")
        assert 60 * minutes - 5 <= int(answer.headers["Retry-After"]) <= 60 * minutes
        pass_time(minutes * MINUTE)
    work()
    assert lease(made["id"]).status_code == 201
    assert access("failures", made["id"]) == 0


def test_a_token_that_cannot_be_renewed_is_good_until_its_end(
    with_token: Make, work: Work, lease: Lease, pass_time: Any, provider: TokenAddress
) -> None:
    made = with_token()
    work()
    provider.refuse(503)
    pass_time(55 * MINUTE)
    work()
    assert lease(made["id"]).json["access_token"] == "token-1-of-crm"
    pass_time(6 * MINUTE)
    assert lease(made["id"]).status_code == 409


def test_a_failed_fetch_lets_a_check_find_out_what_is_wrong(
    with_token: Make, work: Work, pass_time: Any, provider: TokenAddress, database: Database
) -> None:
    made = with_token()
    work()
    standing = "SELECT extract(epoch FROM next_check_at - now())::int FROM connector_standing"
    database.sql("DELETE FROM connector_standing")
    database.sql(
        "INSERT INTO connector_standing (tenant_id, connector_id, outcome, next_check_at)"
        " SELECT tenant_id, id, 'passed', now() + interval '1 day' FROM connector WHERE id = %s",
        made["id"],
    )
    provider.refuse(401, error="invalid_client")
    pass_time(55 * MINUTE)
    work()
    assert database.sql(standing) <= 0


def test_the_secrets_of_the_store_that_are_gone_are_told(
    with_token: Make, work: Work, lease: Lease, behind: Any
) -> None:
    made = with_token()
    behind(lambda store: store.delete(ref_of(made["id"])))
    work()
    answer = lease(made["id"])
    assert (answer.status_code, answer.json["code"]) == (409, "lease_refused")
    assert "no credentials of this connector any more" in answer.json["detail"]


def test_a_locked_store_is_tried_again(
    with_token: Make, work: Work, access: Access, pass_time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.connectors.conftest import SealedStore

    made = with_token()
    with monkeypatch.context() as patch:
        patch.setattr(secretstore, "_configured", SealedStore())
        work()
    assert access("outcome", made["id"]) == "secret_store"
    pass_time(MINUTE)
    work()
    assert access("state", made["id"]) == "ready"


def test_what_is_handed_out_moves_to_another_store_with_the_rest(
    app: Flask, with_token: Make, work: Work, lease: Lease, ada: Api, openbao: OpenBao,
    pass_time: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    kept, gone = with_token("kept"), with_token("gone")
    work()
    ada.delete(f"/connectors/{gone['id']}")
    work()
    report = Report()
    with app.app_context():
        move(secretstore.store(), openbao.store_of(Side.MOVE), ACME, report)
        session.remove()
    assert report.failed == []
    assert report.done["connectors"] == 4
    monkeypatch.setattr(secretstore, "_configured", openbao.store_of(Side.WEB))
    assert lease(kept["id"]).json["access_token"] == "token-1-of-kept"
    ada.post(f"/connectors/{gone['id']}/restore")
    pass_time(HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(secretstore, "_configured", openbao.store_of(Side.WORKER))
        work()
    assert lease(kept["id"]).json["access_token"] == "token-2-of-kept"
    assert lease(gone["id"]).json["access_token"] == "token-2-of-gone"


# ---------------------------------------------------------------- several workers


def test_a_worker_that_looks_rarely_hears_of_a_new_connector(
    app: Flask, with_token: Make, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_loop, "POLL_SECONDS", 600)

    def is_handed_out(connector_id: str) -> bool:
        return bool(lease(connector_id).status_code == 201)

    engine = Engine(app)
    engine.start()
    try:
        for client in ("crm", "erp", "hr"):
            made = with_token(client)
            until(partial(is_handed_out, made["id"]), 20)
    finally:
        engine.stop()


def test_two_workers_fetch_each_token_exactly_once(
    app: Flask, with_token: Make, provider: TokenAddress, database: Database
) -> None:
    names = [f"client-{number}" for number in range(40)]
    for name in names:
        with_token(name)
    engines = [Engine(app), Engine(app)]
    for engine in engines:
        engine.start()
    try:
        until(lambda: _ready(database) == len(names))
    finally:
        for engine in engines:
            engine.stop()
    assert provider.asked == dict.fromkeys(names, 1)


def _ready(database: Database) -> int:
    return int(database.sql("SELECT count(*) FROM connector_access WHERE state = 'ready'"))


def test_a_late_worker_does_not_overwrite_the_next_one(
    app: Flask, with_token: Make, ada: Api, work: Work, lease: Lease, access: Access,
    provider: TokenAddress,
) -> None:  # fmt: skip
    made = with_token()
    provider.gate.clear()
    late = Engine(app)
    late.start()
    try:
        until(lambda: provider.waiting == 1)
        ada.patch(f"/connectors/{made['id']}", {"credentials": {"client_secret": "another"}})
        until(lambda: provider.waiting == 2)  # of the new credentials
        provider.gate.set()
        until(lambda: access("state", made["id"]) == "ready")
    finally:
        provider.gate.set()
        late.stop()
    given = lease(made["id"]).json
    assert (given["access_token"], given["credential_version"]) == ("token-2-of-crm", 2)


def test_a_connector_that_is_disabled_while_its_token_is_fetched_keeps_none(
    app: Flask, with_token: Make, ada: Api, access: Access, provider: TokenAddress,
    in_slot: Callable[[str], Any],
) -> None:  # fmt: skip
    made = with_token()
    provider.gate.clear()
    engine = Engine(app)
    engine.start()
    try:
        until(lambda: provider.waiting == 1)
        ada.patch(f"/connectors/{made['id']}", {"enabled": False})
        until(lambda: access("state", made["id"]) == "off")
    finally:
        provider.gate.set()
        engine.stop()
    assert in_slot(made["id"]) is None


def test_a_slow_provider_keeps_no_other_one_waiting(
    app: Flask, with_token: Make, with_password: Make, access: Access, provider: TokenAddress
) -> None:
    provider.gate.clear()
    with_token()
    engine = Engine(app)
    engine.start()
    try:
        until(lambda: provider.waiting == 1)
        other = with_password()
        until(lambda: access("state", other["id"]) == "ready")
    finally:
        provider.gate.set()
        engine.stop()


@pytest.mark.proof
@pytest.mark.parametrize("step", some(STEPS, 3))
@pytest.mark.usefixtures("either_store")
def test_a_worker_killed_at_any_step_leaves_a_lease_that_the_next_one_makes(
    step: str, settings: dict[str, str], vault_settings: dict[str, str], with_token: Make,
    work: Work, lease: Lease, database: Database, provider: TokenAddress,
) -> None:  # fmt: skip
    made = with_token()
    with working({**settings, **vault_settings}, "tests.leases.crashing", step) as doomed:
        assert doomed.wait(40) == -9, doomed.stdout and doomed.stdout.read()
    before = provider.asked["crm"]
    assert before == (step in ("fetched", "stored", "recorded"))
    answer = lease(made["id"])
    if step == "recorded":
        assert answer.json["access_token"] == "token-1-of-crm"
        return
    assert answer.json["code"] == "lease_not_ready", "nothing half done is handed out"
    work()
    assert provider.asked["crm"] == before, "it is in the hands of the dead worker for a minute"
    rows(database, "UPDATE connector_access SET due_at = now() WHERE state = 'fetching'")
    work()
    assert lease(made["id"]).json["access_token"] == f"token-{before + 1}-of-crm"
    assert provider.asked["crm"] == before + 1


@pytest.fixture
def vault_settings(either_store: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings with which another process uses the store of this test."""
    if either_store == "embedded":
        return {}
    bao: OpenBao = request.getfixturevalue("openbao")
    given = {"PORTAL_SECRET_STORE": "vault", "PORTAL_VAULT_ADDR": bao.address}
    for part, side in (("", "web"), ("WORKER_", "worker")):
        given[f"PORTAL_VAULT_{part}ROLE_ID"] = f"{ROLE_ID}-{side}"
        given[f"PORTAL_VAULT_{part}SECRET_ID"] = f"{SECRET_ID}-{side}"
    return given


def test_a_stopped_worker_stores_what_it_has_in_hand(
    app: Flask, with_token: Make, lease: Lease, provider: TokenAddress
) -> None:
    made = with_token()
    engine = Engine(app)
    engine.start()
    until(lambda: provider.asked["crm"] == 1)
    engine.stop()
    assert lease(made["id"]).status_code == 201


def test_credentials_of_a_save_that_never_committed_are_not_handed_out(
    with_password: Make, work: Work, lease: Lease, behind: Any
) -> None:
    made = with_password()
    behind(lambda store: store.put(ref_of(made["id"]), {"username": "x", "password": "y"}, cas=1))
    work()
    assert lease(made["id"]).json["credentials"]["password"] == "one-password"


def test_credentials_that_replace_lost_ones_replace_what_is_handed_out(
    with_password: Make, work: Work, lease: Lease, behind: Any, ada: Api
) -> None:
    made = with_password()
    work()
    assert lease(made["id"]).json["credentials"]["password"] == "one-password"
    behind(lambda store: store.purge(ref_of(made["id"])))
    both = {"username": "svc", "password": "another-password"}
    ada.patch(f"/connectors/{made['id']}", {"credentials": both})
    work()
    assert lease(made["id"]).json["credentials"]["password"] == "another-password"


def test_a_secret_does_not_follow_a_token_address_that_moves(
    app: Flask, ada: Api, application: dict[str, Any], work: Work, lease: Lease
) -> None:
    """The first check notes where the issuer has its token address; then another one is named."""
    called: list[str] = []
    with (
        served(lambda place: issuer_of(place, called)) as elsewhere,
        served(lambda place: issuer_of(place, called, moved_to=elsewhere)) as place,
    ):
        made = ada.create(
            "connectors",
            provider="oauth2_issuer",
            config={"issuer": place, "baseUrl": place},
            credentials={"client_id": "portal", "client_secret": SECRET},
            application_id=application["id"],
        )
        asyncio.run(connections.Engine(app).run_due())
        assert called == ["metadata", "token", "api"]
        work()
        assert called[3:] == ["metadata"], "nothing secret was sent"
    refused = lease(made["id"])
    assert refused.status_code == 409
    assert elsewhere in refused.json["detail"]
