"""The verification of keys: its answers, what they consume, how quickly a revocation spreads."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from portal.core.config import libpq_url
from portal.database.session import session
from portal.keys import housekeeping
from portal.keys.decision import format as key_format
from portal.keys.decision import snapshot
from portal.keys.decision.clock import Clock
from portal.keys.limits import admission, counting
from portal.keys.verification import change_listener
from portal.keys.verification.verifier import KeyVerifier
from portal.outbound.networks import parse
from tests.cast import GUS, Api
from tests.databases import Database, read_only
from tests.keys.limits.waiting import until

NOBODY = {"key_id": None, "tenant_id": None, "name": None, "scopes": [], "limits": []}


@pytest.fixture
def verify(ada: Api) -> Callable[..., dict[str, Any]]:
    def ask(issued: dict[str, Any] | str, **question: Any) -> dict[str, Any]:
        raw = issued if isinstance(issued, str) else issued["key"]
        answer = ada.post("/api-keys/verify", {"key": raw, **question})
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    return ask


# ---------------------------------------------------------------- answers


def test_a_good_key_is_described(ada: Api, verify: Any):
    crm = ada.create("applications", display_name="CRM 360")
    issued = ada.create(
        "api-keys", name="Gate", application_id=crm["id"], scopes=["keys:read"], rpm_limit=10
    )
    answer = verify(issued, scope="keys:read")
    assert answer["valid"] is True
    assert answer["code"] == "VALID"
    assert answer["key_id"] == issued["id"]
    assert (answer["application_id"], answer["app_id"]) == (crm["id"], crm["slug"])
    [limit] = answer["limits"]
    assert (limit["name"], limit["limit"], limit["remaining"]) == ("rpm", 10, 9)


def test_each_fault_has_its_code(ada: Api, verify: Any):
    assert verify("sk-acme-nonsense")["code"] == "MALFORMED"
    assert verify(key_format.generate("acme", "service").text)["code"] == "NOT_FOUND"
    issued = ada.create("api-keys", kind="virtual_llm", allowed_models=["m"], rpm_limit=1)
    assert verify(issued, scope="keys:read")["code"] == "SCOPE_MISSING"
    assert verify(issued, model="other")["code"] == "MODEL_FORBIDDEN"
    assert verify(issued)["valid"]
    assert verify(issued)["code"] == "RPM_EXCEEDED"
    ada.post(f"/api-keys/{issued['id']}/block", {"reason": "odd"})
    assert verify(issued)["code"] == "BLOCKED"
    ada.post(f"/api-keys/{issued['id']}/revoke")
    assert verify(issued)["code"] == "REVOKED"


def test_trap_6_another_tenants_key_looks_like_none(
    api: Callable[[str], Api], ada: Api, tenants: tuple[str, str]
):
    gus = api(GUS)
    theirs = ada.create("api-keys", rpm_limit=1)
    none = key_format.generate("acme", "service").text
    answers = [gus.post("/api-keys/verify", {"key": k}).json for k in (theirs["key"], none)]
    assert answers[0] == answers[1]
    assert answers[0].items() >= {"valid": False, "code": "NOT_FOUND", **NOBODY}.items()
    assert ada.post("/api-keys/verify", {"key": theirs["key"]}).json["valid"]  # nothing was taken


def test_only_those_may_ask_who_hold_the_scope(ada: Api, ed: Api, vic: Api, app: Flask):
    issued = ada.create("api-keys", scopes=["keys:verify"])
    assert ed.post("/api-keys/verify", {"key": issued["key"]}).status_code == 403
    assert vic.post("/api-keys/verify", {"key": issued["key"]}).status_code == 403
    holder = Api(app.test_client(), issued["key"])
    assert holder.post("/api-keys/verify", {"key": issued["key"]}).json["valid"]


def test_trap_5_what_is_refused_consumes_nothing(ada: Api, verify: Any):
    issued = ada.create("api-keys", rpm_limit=2, tpm_limit=100, max_budget_usd=1)
    for _ in range(5):
        assert verify(issued, scope="keys:read")["code"] == "SCOPE_MISSING"
        assert verify(issued, cost_tokens=101)["code"] == "TPM_EXCEEDED"
        assert verify(issued, estimated_usd=1.01)["code"] == "BUDGET_EXCEEDED"
    assert verify(issued, cost_tokens=100, estimated_usd=1)["valid"]
    last = verify(issued, dry_run=True)
    assert [limit["remaining"] for limit in last["limits"]] == [1, 0]
    assert last["budget"]["available_usd"] == 0


def test_a_rehearsal_consumes_nothing_and_tells_every_check(ada: Api, verify: Any):
    issued = ada.create("api-keys", rpm_limit=1, max_budget_usd=1)
    for _ in range(3):
        answer = verify(issued, dry_run=True, estimated_usd=1)
        assert answer["valid"]
        assert answer["reservation_id"] is None
    assert [check["code"] for check in answer["trace"]] == [
        "REVOKED", "BLOCKED", "EXPIRED", "APP_INACTIVE", "IP_FORBIDDEN", "SCOPE_MISSING",
        "MODEL_FORBIDDEN", "USES_EXCEEDED", "RPM_EXCEEDED", "TPM_EXCEEDED", "BUDGET_EXCEEDED",
    ]  # fmt: skip
    assert all(check["passed"] for check in answer["trace"])
    assert verify(issued, estimated_usd=1)["valid"]


def test_a_rehearsal_tells_every_limit_that_would_refuse(ada: Api, verify: Any):
    issued = ada.create("api-keys", tpm_limit=10, max_budget_usd=4, scopes=["applications:read"])
    asked = {"scope": "keys:write", "cost_tokens": 11, "estimated_usd": 4.5}
    answer = verify(issued, dry_run=True, **asked)
    assert answer["code"] == "SCOPE_MISSING"
    failed = {check["code"]: check["detail"] for check in answer["trace"] if not check["passed"]}
    assert failed == {
        "SCOPE_MISSING": "needs keys:write; granted: applications:read",
        "TPM_EXCEEDED": "needs 11; 10 of 10 left",
        "BUDGET_EXCEEDED": "needs 4.50; 4.00 of 4.00 left, in US dollars",
    }
    [malformed] = verify("nonsense", dry_run=True)["trace"]
    assert "not the shape of a key" in malformed["detail"]


def test_a_key_with_uses_dies_of_them(ada: Api, verify: Any):
    issued = ada.create("api-keys", max_uses=2)
    assert [verify(issued)["valid"] for _ in range(3)] == [True, True, False]
    assert verify(issued)["code"] == "USES_EXCEEDED"


def test_trap_10_an_address_list_holds_for_every_way_of_writing(ada: Api, verify: Any):
    issued = ada.create("api-keys", allowed_ips=["203.0.113.7/24", "::ffff:10.0.0.0/104"])
    assert ada.get(f"/api-keys/{issued['id']}").json["allowed_ips"] == [
        "10.0.0.0/8", "203.0.113.0/24",
    ]  # fmt: skip
    for ip in ("203.0.113.200", "::ffff:203.0.113.1", "10.9.8.7"):
        assert verify(issued, ip=ip)["valid"], ip
    for ip in ("203.0.114.1", "2001:db8::1"):
        assert verify(issued, ip=ip)["code"] == "IP_FORBIDDEN", ip
    assert verify(issued)["code"] == "IP_FORBIDDEN"
    for ip in ("203.0.113.7:443", "a, b", ""):
        assert ada.post("/api-keys/verify", {"key": "x", "ip": ip}).status_code == 422


# ---------------------------------------------------------------- the cache


def test_a_remembered_key_costs_no_statement(
    ada: Api, engine: KeyVerifier, monkeypatch: pytest.MonkeyPatch
):
    issued = ada.create("api-keys")
    loads: list[str] = []

    def load(wire: Any, digest: str, clock: Any) -> Any:
        loads.append(digest)
        return original(wire, digest, clock)

    original = snapshot.load
    monkeypatch.setattr(snapshot, "load", load)
    for _ in range(5):
        assert not isinstance(engine.find(issued["key"]), str)
    assert loads == [issued["key_hash"]]


def test_what_was_revoked_here_stops_here_at_once(ada: Api, engine: KeyVerifier, verify: Any):
    issued = ada.create("api-keys")
    assert verify(issued)["valid"]
    assert len(engine.cache) >= 1
    ada.post(f"/api-keys/{issued['id']}/revoke")
    assert verify(issued)["code"] == "REVOKED"


@pytest.fixture
def no_catching_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let changes arrive by notice only, and not by the regular look at the newest number."""
    monkeypatch.setattr(change_listener, "GRACE_SECONDS", 60)


heard_by_notice = pytest.mark.usefixtures("no_catching_up")


CHANGE = "UPDATE api_key SET blocked = true, version = version + 1 WHERE id = %s"


@heard_by_notice
def test_what_changes_elsewhere_is_heard_of(
    ada: Api, engine: KeyVerifier, verify: Any, database: Database
):
    issued = ada.create("api-keys")
    assert verify(issued)["valid"]
    database.sql(CHANGE, issued["id"])
    until(lambda: verify(issued)["code"] == "BLOCKED")


@heard_by_notice
def test_a_new_key_is_known_though_it_was_not_before(
    ada: Api, engine: KeyVerifier, verify: Any, database: Database
):
    raw = key_format.generate("acme", "service")
    assert verify(raw.text)["code"] == "NOT_FOUND"
    assert engine.cache.is_unknown(raw.digest)
    other = ada.create("api-keys")
    database.sql(
        "INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, version)"
        " SELECT tenant_id, 'key_NEW', 'new', %s, prefix, key_prefix, last4, 1 FROM api_key"
        " WHERE id = %s",
        raw.digest,
        other["id"],
    )
    until(lambda: verify(raw.text)["valid"])


@heard_by_notice
def test_trap_9_a_suspended_application_is_heard_of(
    ada: Api, engine: KeyVerifier, verify: Any, database: Database
):
    crm = ada.create("applications", display_name="CRM")
    issued = ada.create("api-keys", application_id=crm["id"])
    assert verify(issued)["valid"]
    database.sql("UPDATE application SET status = 'suspended' WHERE id = %s", crm["id"])
    until(lambda: verify(issued)["code"] == "APP_INACTIVE")


def test_a_lost_notice_is_made_up_for_within_a_second(
    ada: Api, engine: KeyVerifier, verify: Any, database: Database
):
    issued = ada.create("api-keys")
    assert verify(issued)["valid"]
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no trigger, so no notice
        connection.execute(CHANGE, (issued["id"],))
        connection.execute("UPDATE key_change_seq SET seq = seq + 1")
    assert until(lambda: verify(issued)["code"] == "BLOCKED") < 2.5


@heard_by_notice
@pytest.mark.parametrize("cost", [{}, {"estimated_usd": 0.001}], ids=["unknown", "known"])
def test_a_budget_that_is_used_up_elsewhere_ends_what_memory_knew_of_it(
    ada: Api,
    engine: KeyVerifier,
    verify: Any,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    cost: dict[str, float],
):
    # Neither expires during the test.
    monkeypatch.setattr(counting, "LEND_SECONDS", 60)
    monkeypatch.setattr(admission, "SOLVENT_SECONDS", 60)
    issued = ada.create("api-keys", max_budget_usd=10)
    lent = "SELECT 1 FROM spend_reservation WHERE secret IS NOT NULL"
    until(lambda: verify(issued, **cost)["valid"] and (not cost or database.sql(lent) is not None))
    assert verify(issued, **cost)["valid"]
    database.sql(
        "SELECT spend_on_key(tenant_id, 'bill', 'usage', id, 10, NULL, NULL, NULL, NULL)"
        " FROM api_key WHERE id = %s",
        issued["id"],
    )
    until(lambda: verify(issued, **cost)["code"] == "BUDGET_EXCEEDED")


def test_a_broken_connection_remembers_nothing(
    ada: Api, engine: KeyVerifier, verify: Any, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(change_listener, "RETRY_SECONDS", 4)  # it stays broken during the test
    issued = ada.create("api-keys")
    assert verify(issued)["valid"]
    assert engine.watch
    monkeypatch.setattr(engine.watch, "_stale_seconds", 60)  # so queries are answered meanwhile
    database.sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name LIKE 'portal-key-watch%' AND datname = current_database()"
    )
    until(lambda: not engine.cache.is_open)
    database.sql(CHANGE, issued["id"])
    assert verify(issued)["code"] == "BLOCKED"
    until(lambda: engine.cache.is_open, 20)


def test_only_a_key_is_refused_while_changes_of_keys_are_not_heard(
    app: Flask, ada: Api, engine: KeyVerifier, verify: Any, monkeypatch: pytest.MonkeyPatch
):
    raw = ada.create("api-keys", scopes=["keys:read", "keys:verify"])["key"]
    with_key = Api(app.test_client(), raw)
    credentials = {"grant_type": "client_credentials", "client_secret": raw}
    made_of_it = app.test_client().post("/oauth/token", data=credentials).json or {}
    with_token_of_key = Api(app.test_client(), made_of_it["access_token"])
    for caller in (with_key, with_token_of_key):
        assert caller.get("/api-keys").status_code == 200
    monkeypatch.setattr(engine.watch, "_stale_seconds", 0)
    refused = "Keys cannot be checked right now. Try again in a moment."
    for caller in (with_key, with_token_of_key):
        answer = caller.get("/api-keys")
        assert (answer.status_code, (answer.json or {})["detail"]) == (503, refused)
    assert ada.post("/api-keys/verify", {"key": raw}).status_code == 503
    assert ada.get("/api-keys").status_code == 200, "an access token of the provider is no key"
    assert Api(app.test_client(), "no.such.token").get("/api-keys").status_code == 401
    assert verify("sk-acme-nonsense")["code"] == "MALFORMED"


def test_trap_4_a_look_up_that_was_overtaken_is_neither_remembered_nor_believed(
    ada: Api, engine: KeyVerifier
):
    issued = ada.create("api-keys")
    digest, looked = key_format.digest(issued["key"]), list[Any]()

    def slow(hashed: str) -> Any:
        looked.append(engine.look_up(hashed))
        if len(looked) == 1:  # the key changes while the old result is on its way
            ada.post(f"/api-keys/{issued['id']}/block")
            engine.cache.evict([issued["id"]])
        return looked[-1]

    found = engine.cache.get(digest, slow)
    assert found is not None
    assert [one.blocked for one in looked] == [False, True]
    assert found.blocked


def test_a_look_up_that_is_overtaken_each_time_is_not_remembered(ada: Api, engine: KeyVerifier):
    issued = ada.create("api-keys")
    digest = key_format.digest(issued["key"])

    def slow(hashed: str) -> Any:
        found = engine.look_up(hashed)
        engine.cache.evict([issued["id"]])
        return found

    assert engine.cache.get(digest, slow) is not None
    assert engine.cache.peek(digest) is None


def test_every_verifier_says_what_it_has_seen(
    ada: Api, engine: KeyVerifier, verify: Any, database: Database
):
    issued = ada.create("api-keys")
    verify(issued)
    ada.post(f"/api-keys/{issued['id']}/revoke")
    assert engine.watch
    mine = issued["id"], engine.watch.id
    heard = (
        "SELECT count(*) FROM key_acknowledgement AS a JOIN key_change AS c USING (seq)"
        " WHERE c.record_id = %s AND a.verifier_id = %s"
    )
    until(lambda: database.sql(heard, *mine) == 1)


def test_who_guesses_cannot_tell_a_strangers_key_from_none(
    app: Flask, ada: Api, gus: Api, engine: KeyVerifier
):
    strangers = gus.create("api-keys")["key"]
    unknown = key_format.generate("acme", "service").text
    for number, key in enumerate((strangers, unknown), 1):
        asked = {"key": key, "ip": f"198.51.100.{number}"}
        heard = [ada.post("/api-keys/verify", asked).json["code"] for _ in range(32)]
        assert heard == ["NOT_FOUND"] * 30 + ["SOURCE_LIMITED"] * 2


def test_an_unknown_key_is_counted_on_a_connection_from_a_time_of_reading_only(
    app: Flask, database: Database, engine: KeyVerifier
):
    """Keep a connection: PostgreSQL decides when a session begins whether it may write."""
    engine.wire.close()
    with read_only(app, database):
        assert engine.wire.one("SELECT 1", ()) == (1,)
    unknown = key_format.generate("acme", "service").text
    assert engine.find(unknown, parse("2001:db8::2")) == "NOT_FOUND"


def test_unknown_keys_are_limited_by_where_they_come_from(
    app: Flask, ada: Api, engine: KeyVerifier
):
    issued = ada.create("api-keys")
    source, neighbour = parse("2001:db8::1"), parse("2001:db8:0:1::1")
    for _ in range(30):
        engine.find(key_format.generate("acme", "service").text, source)
    fresh = key_format.generate("acme", "service").text
    assert engine.find(fresh, parse("2001:db8::ffff")) == "SOURCE_LIMITED"
    assert engine.find(fresh, neighbour) == "NOT_FOUND"
    # A cached key needs no look-up, so no caller is locked out of a key in use.
    assert not isinstance(engine.find(issued["key"], neighbour), str)
    assert not isinstance(engine.find(issued["key"], source), str)


def test_guesses_are_counted_for_all_processes_together(
    ada: Api, engine: KeyVerifier, database: Database
):
    other = KeyVerifier(engine._app, engine._url, 2)  # as in another process

    def guess(process: KeyVerifier, source: str) -> Any:
        return process.find(key_format.generate("acme", "service").text, parse(source))

    for source in ("198.51.100.1", "198.51.100.2", "198.51.100.3"):
        begun = database.minute()
        first = [guess(engine, source) for _ in range(20)]
        second = [guess(other, source) for _ in range(20)]
        third = [guess(engine, source) for _ in range(2)]
        if database.minute() == begun:  # a new minute allows as many again
            break
    assert first == ["NOT_FOUND"] * 20
    assert second == ["NOT_FOUND"] * 10 + ["SOURCE_LIMITED"] * 10
    assert third == ["NOT_FOUND", "SOURCE_LIMITED"]  # it did not know the count yet


@pytest.mark.parametrize("address", ["198.51.100.77", "127.0.0.1"])
def test_an_address_that_a_tenant_reports_counts_for_it_alone(
    app: Flask, ada: Api, api: Callable[[str], Api], address: str
):
    issued = ada.create("api-keys", scopes=["keys:read"])

    def guess(caller: Api) -> str:
        guessed = {"key": key_format.generate("acme", "service").text, "ip": address}
        return str(caller.post("/api-keys/verify", guessed).json["code"])

    assert [guess(api(GUS)) for _ in range(32)] == ["NOT_FOUND"] * 30 + ["SOURCE_LIMITED"] * 2
    strangers = {"key": issued["key"], "ip": address}
    assert api(GUS).post("/api-keys/verify", strangers).json["code"] == "SOURCE_LIMITED"
    assert ada.post("/api-keys/verify", strangers).json["code"] == "VALID"
    assert [guess(ada) for _ in range(31)][-1] == "SOURCE_LIMITED"
    # The tests call from 127.0.0.1: a report says nothing about who calls.
    assert Api(app.test_client(), issued["key"]).get("/api-keys").status_code == 200
    form = {"grant_type": "client_credentials", "client_secret": issued["key"]}
    assert app.test_client().post("/oauth/token", data=form).status_code == 200


def test_guesses_of_a_caller_do_not_count_for_what_a_tenant_reports(app: Flask, ada: Api):
    issued = ada.create("api-keys")
    guesses = [
        Api(app.test_client(), key_format.generate("acme", "service").text) for _ in range(31)
    ]
    assert [one.get("/api-keys").status_code for one in guesses] == [401] * 30 + [429]
    asked = {"key": issued["key"], "ip": "127.0.0.1"}
    assert ada.post("/api-keys/verify", asked).json["code"] == "VALID"


def test_where_guesses_came_from_is_forgotten(app: Flask, ada: Api, database: Database):
    guess = {"key": key_format.generate("acme", "service").text, "ip": "198.51.100.9"}
    assert ada.post("/api-keys/verify", guess).json["code"] == "NOT_FOUND"
    assert database.sql("SELECT count(*) FROM unknown_key_source") == 1
    database.sql("UPDATE unknown_key_source SET minute = minute - 1")
    with app.app_context():
        housekeeping.forget_sources()
        session.commit()
    assert database.sql("SELECT count(*) FROM unknown_key_source") == 0


@pytest.mark.parametrize("hours", [-2, 2])
def test_keys_end_by_the_clock_of_the_database(
    app: Flask, ada: Api, verify: Any, database: Database, hours: int
):
    ends_soon, ended = ada.create("api-keys"), ada.create("api-keys")
    for issued, lasts in ((ends_soon, "1 hour"), (ended, "-1 hour")):
        database.sql(
            "UPDATE api_key SET expires_at = now() + %s::interval WHERE id = %s",
            lasts,
            issued["id"],
        )
    engine: KeyVerifier = app.extensions["keys"]
    rightly = engine.clock
    engine.clock = Clock(wall=lambda: time.time() + hours * 3600)
    try:
        assert verify(ends_soon)["code"] == "VALID"
        assert verify(ended)["code"] == "EXPIRED"
    finally:
        engine.clock = rightly


@given(
    st.floats(-1e5, 1e5),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=10),
)
def test_a_slow_answer_does_not_spoil_the_time_that_a_quick_one_taught(
    ahead: float, answers: list[tuple[float, float]]
):
    """Set the database's clock `ahead` of the process's; each answer takes a while there and
    back."""
    own = [1e6]
    clock = Clock(lambda: own[0], wall=lambda: 1e9)
    for there, back in answers:
        asked = own[0]
        server_time = datetime.fromtimestamp(asked + there + ahead + 1e9, UTC)
        own[0] += there + back
        clock.learn(server_time, asked)
    quickest = min(there + back for there, back in answers)
    wrong = abs(clock.now().timestamp() - (own[0] + ahead + 1e9))
    assert wrong <= quickest + 1e-3
