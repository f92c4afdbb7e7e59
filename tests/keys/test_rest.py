"""Keys through REST: what may be issued, what is shown, and what stops them."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.core.key_shape import is_well_formed
from portal.keys.decision import format as key_format
from portal.keys.verification.use_counts import Usage, usage
from tests import ROOT
from tests.cast import GUS, Api
from tests.databases import Database
from tests.statements import statements
from tests.thorough import some

FUTURE = "2099-01-01T00:00:00Z"
READ = ["applications:read", "keys:read"]


@pytest.fixture
def crm(ada: Api) -> dict[str, Any]:
    return ada.create("applications", display_name="CRM 360")


@pytest.fixture
def by_key(app: Flask) -> Callable[[dict[str, Any]], Api]:
    """Return `by_key(issued).get(…)`: REST with a key that was just issued."""
    return lambda issued: Api(app.test_client(), issued["key"])


def fields(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [error["field"] for error in answer.json["errors"]]


# ---------------------------------------------------------------- the answer to the create


def test_the_key_is_in_the_answer_to_the_create_and_nowhere_else(ada: Api):
    answer = ada.post("/api-keys", {"name": "Nightly export"})
    issued = answer.json
    raw = issued["key"]
    assert is_well_formed(raw)
    assert answer.headers["Cache-Control"] == "no-store"
    assert issued["key_hash"] == hashlib.sha256(raw.encode()).hexdigest()
    assert issued["prefix"] == "sk-acme-"
    assert (issued["key_prefix"], issued["last4"]) == (raw[:12], raw[-4:])
    path = f"/api-keys/{issued['id']}"
    for later in (path, "/api-keys", f"{path}/history"):
        shown = ada.get(later)
        assert raw not in shown.text
        assert '"key_hash"' not in shown.text
    assert ada.get(path).json["key_fingerprint"] == issued["key_hash"]


def test_a_key_of_least_privilege_is_the_default(ada: Api, by_key):
    issued = ada.create("api-keys")
    assert issued["kind"] == "service"
    assert issued["scopes"] == []
    assert issued["expires_at"] is None
    assert issued["status"] == "active"
    assert issued["spend_usd"] == 0
    answer = by_key(issued).get("/applications")
    assert answer.status_code == 403
    assert "applications:read" in answer.headers["WWW-Authenticate"]


def test_a_retried_create_makes_no_second_key_and_shows_none(ada: Api):
    headers = {"Idempotency-Key": "a retry after a lost answer"}
    first = ada.post("/api-keys", {"name": "Once"}, headers=headers)
    second = ada.post("/api-keys", {"name": "Once"}, headers=headers)
    assert second.status_code == 201
    assert second.json["id"] == first.json["id"]
    assert second.json["key"] is None
    assert len(ada.get("/api-keys").json["items"]) == 1


def test_the_raw_key_is_nowhere_in_the_database(ada: Api, database: Database):
    raw = ada.post("/api-keys", {}, headers={"Idempotency-Key": "x"}).json["key"]
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        tables = connection.execute(
            "SELECT quote_ident(relname) FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relnamespace = 'public'::regnamespace AND NOT relispartition"
        ).fetchall()
        for (table,) in tables:
            # Only the random part, so that no escaping of the text hides it.
            found = connection.execute(
                f"SELECT count(*) FROM {table} AS t WHERE strpos(t::text, %s) > 0", (raw[12:40],)
            ).fetchone()
            assert found == (0,), table
        assert len(tables) > 5


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(
    "field", ["blocked_reason", "issued_to_user_id", "issued_to_service", "name"]
)
def test_an_empty_text_is_none_or_a_clear_error(ada: Api, field: str) -> None:
    for kind in ("user", "service", "virtual_llm"):
        answer = ada.post("/api-keys", {"kind": kind, field: ""})
        if answer.status_code == 201:
            assert (answer.json or {})[field] != "", kind
        else:
            assert answer.status_code == 422, kind
            assert [error["field"] for error in (answer.json or {})["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "robot"}, "kind"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"scopes": "keys:read"}, "scopes"),
        ({"scopes": [True]}, "scopes.0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2099-01-01"}, "expires_at"),
        ({"expires_at": 4070908800}, "expires_at"),
        ({"rpm_limit": 0}, "rpm_limit"),
        ({"tpm_limit": -5}, "tpm_limit"),
        ({"tpm_limit": 2**31}, "tpm_limit"),
        ({"rpm_limit": 1.5}, "rpm_limit"),
        ({"rpm_limit": "10"}, "rpm_limit"),
        ({"max_budget_usd": -1}, "max_budget_usd"),
        ({"max_budget_usd": "much"}, "max_budget_usd"),
        ({"max_budget_usd": 10**12}, "max_budget_usd"),
        ({"max_budget_usd": "1.0000000001"}, "max_budget_usd"),
        ({"allowed_models": ["gpt-5"]}, "allowed_models"),
        ({"kind": "virtual_llm", "allowed_models": ["a b"]}, "allowed_models.0"),
        ({"issued_to_user_id": "per_1"}, "issued_to_user_id"),
        ({"kind": "user", "issued_to_service": "billing"}, "issued_to_service"),
        ({"blocked_reason": "no"}, "blocked_reason"),
        ({"application_id": "app_01K0000000000000000000NONE"}, "application_id"),
        ({"application_id": ""}, "application_id"),
        ({"rotated_from_key_id": "key_01K0000000000000000000NONE"}, "rotated_from_key_id"),
        ({"name": "x" * 201}, "name"),
        ({"name": "bell\x07"}, "name"),
        ({"tags": ["?"]}, "tags.0"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else None,
)
def test_a_broken_rule_names_its_field_and_stores_nothing(ada: Api, body, field):
    assert fields(ada.post("/api-keys", body)) == [field]
    assert ada.get("/api-keys").json["items"] == []


def test_a_sum_that_is_too_large_is_refused_in_our_words(ada: Api):
    [error] = ada.post("/api-keys", {"max_budget_usd": 10**12}).json["errors"]
    assert error["message"] == "Use at most 9 digits before the decimal point."


def test_every_field_is_kept(ada: Api, crm):
    before = ada.create("api-keys", application_id=crm["id"])
    asked = {
        "name": "Assistant",
        "kind": "virtual_llm",
        "application_id": crm["id"],
        "scopes": READ,
        "allowed_models": ["anthropic/claude", "gpt-5"],
        "tpm_limit": 100_000,
        "rpm_limit": 60,
        "max_budget_usd": 12.345678901,
        "expires_at": FUTURE,
        "rotated_from_key_id": before["id"],
        "tags": ["ai", "beta"],
    }
    issued = ada.create("api-keys", **asked)
    stored = ada.get(f"/api-keys/{issued['id']}").json
    assert {name: stored[name] for name in asked} == asked
    assert stored["created_by_user_id"] == stored["created_by"]


def test_a_key_of_a_user_is_its_creators_unless_said_otherwise(ada: Api):
    own = ada.create("api-keys", kind="user")
    assert own["issued_to_user_id"] == own["created_by"]
    assert (
        ada.create("api-keys", kind="user", issued_to_user_id="per_2")["issued_to_user_id"]
        == "per_2"
    )


def test_no_key_for_a_library(ada: Api, crm):
    assert ada.patch(f"/applications/{crm['id']}", {"kind": "library"}).status_code == 200
    assert fields(ada.post("/api-keys", {"application_id": crm["id"]})) == ["application_id"]


def test_another_tenants_application_and_key_do_not_exist(ada: Api, api: Callable[[str], Api], crm):
    theirs = ada.create("api-keys")
    gus = api(GUS)
    assert fields(gus.post("/api-keys", {"application_id": crm["id"]})) == ["application_id"]
    answer = gus.post("/api-keys", {"rotated_from_key_id": theirs["id"]})
    assert fields(answer) == ["rotated_from_key_id"]


def test_an_editor_issues_no_keys(ed: Api):
    assert ed.post("/api-keys", {}).status_code == 403


# ---------------------------------------------------------------- a key that issues keys


def test_trap_8_a_key_grants_no_more_than_it_has(ada: Api, by_key):
    minter = by_key(ada.create("api-keys", scopes=["keys:write", "keys:read"]))
    assert minter.create("api-keys", scopes=["keys:read"])["scopes"] == ["keys:read"]
    answer = minter.post("/api-keys", {"scopes": ["applications:read", "keys:read"]})
    assert fields(answer) == ["scopes"]
    assert "applications:read" in answer.json["errors"][0]["message"]


def test_a_key_issues_none_that_is_faster_than_itself(ada: Api, by_key):
    minter = by_key(ada.create("api-keys", scopes=["keys:write"], rpm_limit=50, tpm_limit=900))
    made = minter.create("api-keys", tpm_limit=100)
    assert (made["rpm_limit"], made["tpm_limit"]) == (50, 100)
    assert fields(minter.post("/api-keys", {"rpm_limit": 51})) == ["rpm_limit"]


def test_an_applications_key_issues_keys_of_that_application_only(ada: Api, by_key, crm):
    other = ada.create("applications", display_name="ERP")
    scopes = ["keys:write", "keys:read", "applications:write", "applications:read"]
    minter = by_key(ada.create("api-keys", application_id=crm["id"], scopes=scopes))
    issued = minter.create("api-keys", scopes=["keys:read"])
    assert issued["application_id"] == crm["id"]
    assert issued["app_id"] == crm["slug"]
    own = minter.create("applications", display_name="Made by CRM")
    for elsewhere in (other["id"], own["id"]):
        answer = minter.post("/api-keys", {"application_id": elsewhere})
        assert fields(answer) == ["application_id"]


def test_an_application_sees_its_own_keys_only(ada: Api, by_key, crm):
    issued = ada.create("api-keys", application_id=crm["id"], scopes=["keys:read"])
    stranger = ada.create("api-keys", name="Of nobody")
    holder = by_key(issued)
    assert [item["id"] for item in holder.get("/api-keys").json["items"]] == [issued["id"]]
    assert holder.get(f"/api-keys/{stranger['id']}").status_code == 404


# ---------------------------------------------------------------- use


def test_a_key_opens_what_its_scopes_say_and_stamps_its_application(ada: Api, by_key, crm):
    scopes = ["connectors:read", "applications:read", "applications:write"]
    holder = by_key(ada.create("api-keys", application_id=crm["id"], scopes=scopes))
    made = holder.create("applications", display_name="From the CRM")
    assert made["app_id"] == crm["slug"]
    assert made["created_by"].startswith("key_")
    seen = {item["id"] for item in holder.get("/applications").json["items"]}
    assert seen == {crm["id"], made["id"]}
    assert holder.get("/api-keys").status_code == 403


def test_a_key_belongs_to_its_tenant(ada: Api, api: Callable[[str], Api], by_key, crm):
    theirs = by_key(api(GUS).create("api-keys", scopes=READ))
    assert theirs.get("/applications").json["items"] == []
    assert theirs.get(f"/applications/{crm['id']}").status_code == 404


def test_when_and_how_often_a_key_was_used(app: Flask, ada: Api, by_key):
    issued = ada.create("api-keys", scopes=READ)
    path = f"/api-keys/{issued['id']}"
    assert ada.get(path).json["last_used_at"] is None
    with app.app_context():
        usage.flush()
        for _ in range(3):
            assert by_key(issued).get("/applications").status_code == 200
        assert usage.flush() == 1
        assert usage.flush() == 0
    used = ada.get(path).json
    assert used["last_used_at"] > issued["created_at"]
    # A use is no change, so the version stays.
    assert (used["version"], used["updated_at"]) == (1, issued["updated_at"])


def test_asking_for_another_application_widens_nothing(ada: Api, by_key, crm):
    other = ada.create("applications")
    theirs = ada.create("api-keys", application_id=other["id"])
    issued = ada.create("api-keys", scopes=READ, application_id=crm["id"])
    for query in ("", f"?application_id={other['id']}", f"?application_id={crm['id']}"):
        found = by_key(issued).get(f"/api-keys{query}")
        assert theirs["id"] not in found.text
    assert theirs["id"] in ada.get(f"/api-keys?application_id={other['id']}").text


def test_a_call_by_key_is_two_statements(ada: Api, by_key, crm):
    holder = by_key(ada.create("api-keys", scopes=READ, application_id=crm["id"]))
    # Replaces a connection that an earlier test broke, which sends more statements.
    assert holder.get(f"/applications/{crm['id']}").status_code == 200
    with statements() as sent:
        assert holder.get(f"/applications/{crm['id']}").status_code == 200
    assert len(sent) == 2, [sql for sql, _ in sent]
    mistyped = Api(holder.client, holder.token[:-1] + "~")
    with statements() as sent:
        assert mistyped.get("/applications").status_code == 401
    assert sent == []


def test_a_key_is_issued_in_one_statement_that_writes(ada: Api, by_key):
    holder = by_key(ada.create("api-keys", scopes=["keys:write"]))
    with statements() as sent:
        assert holder.post("/api-keys", {"name": "Night shift"}).status_code == 201
    # The caller, what it may pass on, the new rows, and whether a webhook subscribes to the event.
    assert len(sent) == 4, sent
    (row,) = [sql for sql, _ in sent if "INSERT" in sql]
    assert re.findall(r"INSERT INTO (\w+)", row) == [
        "search_term",
        "audit_entry",
        "api_key_runtime",
        "api_key",
    ]


def test_use_that_cannot_be_written_yet_is_kept(app: Flask, ada: Api, database: Database):
    issued = ada.create("api-keys")
    used, now = Usage(), datetime.now(UTC)
    with app.app_context():
        used.note(issued["tenant_id"], issued["id"], now)
        with psycopg.connect(libpq_url(database.superuser_url)) as connection:
            connection.execute("LOCK TABLE api_key_runtime")
            used.flush()
        used.note(issued["tenant_id"], issued["id"], now - timedelta(hours=1))
        used.flush()
    stored = ada.get(f"/api-keys/{issued['id']}").json
    assert datetime.fromisoformat(stored["last_used_at"]) == now
    assert database.sql("SELECT sum(request_count) FROM api_key_runtime") == 2


def test_use_is_written_forward_only(app: Flask, ada: Api):
    issued = ada.create("api-keys")
    used, now = Usage(), datetime.now(UTC)
    with app.app_context():
        for moment in (now, now - timedelta(hours=1)):
            used.note(issued["tenant_id"], issued["id"], moment)
            used.flush()
    stored = ada.get(f"/api-keys/{issued['id']}").json
    assert datetime.fromisoformat(stored["last_used_at"]) == now


# ---------------------------------------------------------------- the end of a key

UNIFORM = {"status": 401, "code": "unauthenticated"}


def refused(answer: Any) -> bool:
    return answer.status_code == 401 and answer.json.items() >= UNIFORM.items()


def test_a_revoked_key_stops_at_its_next_request(ada: Api, by_key):
    issued = ada.create("api-keys", scopes=READ)
    holder = by_key(issued)
    assert holder.get("/applications").status_code == 200
    answer = ada.post(f"/api-keys/{issued['id']}/revoke", {"reason": "leaked"})
    assert answer.status_code == 200
    assert answer.json["status"] == "revoked"
    assert answer.json["revoked_reason"] == "leaked"
    assert refused(holder.get("/applications"))


def test_revoking_is_final_and_repeatable(ada: Api):
    issued = ada.create("api-keys")
    path = f"/api-keys/{issued['id']}"
    first = ada.post(f"{path}/revoke").json
    again = ada.post(f"{path}/revoke", {"reason": "another"})
    assert again.status_code == 200
    assert again.json == first
    assert ada.post(f"{path}/block").status_code == 409
    assert ada.post(f"{path}/unblock").status_code == 409
    assert ada.patch(path, {"name": "x"}).status_code == 409
    assert ada.get(path).json == first
    assert ada.delete(path).status_code == 405


def test_a_blocked_key_works_again_when_it_is_unblocked(ada: Api, by_key):
    issued = ada.create("api-keys", scopes=READ)
    holder = by_key(issued)
    blocked = ada.post(f"/api-keys/{issued['id']}/block", {"reason": "odd traffic"}).json
    assert (blocked["blocked"], blocked["blocked_reason"]) == (True, "odd traffic")
    assert blocked["status"] == "active"
    assert refused(holder.get("/applications"))
    open_again = ada.post(f"/api-keys/{issued['id']}/unblock").json
    assert (open_again["blocked"], open_again["blocked_reason"]) == (False, None)
    assert holder.get("/applications").status_code == 200


def test_an_expired_key_is_expired_in_list_detail_and_at_the_gate(
    ada: Api, by_key, database: Database
):
    issued = ada.create("api-keys", scopes=READ, expires_at=FUTURE)
    lasting = ada.create("api-keys", name="Lasting")
    holder = by_key(issued)
    assert holder.get("/applications").status_code == 200
    expire(database, issued["id"])
    assert refused(holder.get("/applications"))
    assert ada.get(f"/api-keys/{issued['id']}").json["status"] == "expired"
    assert listed(ada, "status=expired") == [issued["id"]]
    assert listed(ada, "status=active") == [lasting["id"]]
    assert ada.post(f"/api-keys/{issued['id']}/revoke").json["status"] == "revoked"
    assert listed(ada, "status=expired") == []


def expire(database: Database, key_id: str) -> None:
    database.sql(
        "UPDATE api_key SET expires_at = now() - interval '1 second' WHERE id = %s", key_id
    )


def listed(api: Api, question: str) -> list[str]:
    answer = api.get(f"/api-keys?{question}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


def test_every_refusal_looks_the_same(ada: Api, api, app: Flask, by_key):
    revoked = ada.create("api-keys", scopes=READ)
    ada.post(f"/api-keys/{revoked['id']}/revoke")
    blocked = ada.create("api-keys", scopes=READ, blocked=True, blocked_reason="not yet")
    unknown = key_format.generate("acme", "service").text
    mistyped = revoked["key"][:-1] + ("A" if revoked["key"][-1] != "A" else "B")
    answers = [
        Api(app.test_client(), token).get("/applications")
        for token in (revoked["key"], blocked["key"], unknown, mistyped, "sk-", "sk-acme-s")
    ]
    seen = {
        (a.status_code, a.json["detail"], a.json["code"], a.headers["WWW-Authenticate"])
        for a in answers
    }
    assert len(seen) == 1
    for answer in answers:
        assert revoked["key_fingerprint"] not in answer.text


# ---------------------------------------------------------------- finding keys


def test_keys_are_found_by_what_people_know_of_them(ada: Api, crm):
    first = ada.create("api-keys", name="Nightly export", application_id=crm["id"], tags=["etl"])
    second = ada.create("api-keys", name="Billing", issued_to_service="billing-svc", kind="service")
    third = ada.create("api-keys", kind="user", issued_to_user_id="per_2", blocked=True)
    everything = [third["id"], second["id"], first["id"]]
    assert listed(ada, "") == everything
    for question, found in {
        f"application_id={crm['id']}": [first],
        "kind=user": [third],
        "kind=service&sort=created_at": [first, second],
        "blocked=true": [third],
        "blocked=false": [second, first],
        "issued_to_user_id=per_2": [third],
        "issued_to_service=billing-svc": [second],
        f"key_fingerprint={second['key_hash']}": [second],
        f"key_prefix={first['key_prefix']}": [first],
        "tag=etl": [first],
        "q=night": [first],
        "q=billing-svc": [second],
        f"q={third['key_prefix']}": [third],
        f"q={first['id']}": [first],
        "q=nothing": [],
        "status=revoked": [],
        "sort=name": [second, first, third],
    }.items():
        assert listed(ada, question) == [key["id"] for key in found], question


def test_the_beginning_of_all_ids_finds_only_what_is_called_so(ada: Api):
    named = ada.create("api-keys", name="The key of the rail")
    other = ada.create("api-keys", name="Nightly export")
    for text in ("key", "key_"):
        assert listed(ada, f"q={text}") == [named["id"]], text
    own_part = other["id"].removeprefix("key_")
    for text in (other["id"], other["id"].lower(), other["id"][:-2], own_part, own_part[:-2]):
        assert listed(ada, f"q={text}") == [other["id"]], text
    assert listed(ada, f"q={other['key_prefix']} {other['id']} night") == [other["id"]]
    assert listed(ada, "q=sk-acme-") == [other["id"], named["id"]]
    called = ada.create("api-keys", name="crm_2024")
    ada.create("api-keys", name="Of 2024")
    assert listed(ada, "q=crm_2024") == [called["id"]]


@pytest.mark.parametrize("question", ["status=late", "kind=robot", "blocked=maybe"])
def test_an_unknown_choice_is_refused(ada: Api, question):
    assert ada.get(f"/api-keys?{question}").status_code == 400


def test_what_happened_to_a_key_is_in_its_history(ada: Api):
    issued = ada.create("api-keys", name="Nightly", scopes=READ)
    path = f"/api-keys/{issued['id']}"
    ada.post(f"{path}/block", {"reason": "odd traffic"})
    ada.post(f"{path}/unblock")
    ada.post(f"{path}/revoke", {"reason": "done"})
    entries = ada.get(f"{path}/history").json["items"]
    assert [entry["action"] for entry in entries] == [
        "key.revoked",
        "key.unblocked",
        "key.blocked",
        "key.created",
    ]
    assert entries[0]["changes"]["revoked_reason"] == [None, "done"]
    assert entries[2]["changes"]["blocked"] == [False, True]
    assert entries[3]["changes"]["scopes"] == [None, READ]
    for secret in (issued["key"], issued["key"][12:40], issued["key_hash"]):
        assert secret not in str(entries)


SERVER = """
import multiprocessing, sys
from datetime import UTC, datetime
from portal import create_app
from portal.keys.verification.use_counts import usage

def serve():
    app = create_app()
    app.test_client().get("/healthz")
    usage.note(*sys.argv[1:3], datetime.now(UTC))

if __name__ == "__main__":
    worker = multiprocessing.get_context(sys.argv[3]).Process(target=serve)
    worker.start()
    worker.join()
    sys.exit(worker.exitcode)
"""


@pytest.mark.proof
@pytest.mark.parametrize("start", some(["spawn", "fork"], 2))
def test_a_server_that_ends_writes_what_it_has(
    ada: Api, request: pytest.FixtureRequest, tmp_path: Path, start: str
):
    settings: dict[str, str] = request.getfixturevalue("_settings")
    issued = ada.create("api-keys")
    program = tmp_path / "server.py"
    program.write_text(SERVER)
    root = str(ROOT)
    subprocess.run(
        [sys.executable, program, issued["tenant_id"], issued["id"], start],
        env={**os.environ, **settings, "PYTHONPATH": root},
        check=True,
        timeout=60,
    )
    assert ada.get(f"/api-keys/{issued['id']}").json["last_used_at"] is not None
