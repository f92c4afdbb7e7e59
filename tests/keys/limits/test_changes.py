"""A change of a key ends what it was lent, also what was asked for before the change."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from tests.cast import Api
from tests.databases import Database
from tests.keys.limits.waiting import until


class Case(NamedTuple):
    """A key, the table whose row its calls need, what a call takes, and what the key becomes."""

    key: dict[str, Any]
    table: str
    call: dict[str, Any]
    becomes: dict[str, Any]


RICH, POOR = {"max_budget_usd": 1000}, {"max_budget_usd": 1}
CASES = {
    "slice": Case(RICH, "key_budget", {"estimated_usd": 0.5}, POOR),
    "budget": Case(RICH, "key_budget", {}, POOR),
    "lease": Case({"rpm_limit": 60_000}, "key_rate", {}, {"rpm_limit": 1}),
}


WAITS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def change(ada: Api, key: dict[str, Any], values: dict[str, Any]) -> int:
    path = f"/api-keys/{key['id']}"
    match = {"If-Match": f'"{ada.get(path).json["version"]}"'}
    return ada.patch(path, values, headers=match).status_code


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_nothing_is_kept_that_was_asked_for_before_a_change(
    app: Flask, ada: Api, database: Database, case: Case
):
    issued = ada.create("api-keys", **case.key)
    call, meters = {"key": issued["key"], **case.call}, app.extensions["keys"].meters
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 0.5})
    assert all(ada.post("/api-keys/verify", call).json["valid"] for _ in range(2))
    meters.forget([issued["id"]])
    with (
        psycopg.connect(libpq_url(database.superuser_url)) as other,
        ThreadPoolExecutor() as beside,
    ):
        other.execute(f"SELECT FROM {case.table} FOR UPDATE")
        late = Api(app.test_client(), ada.token)
        waiting = beside.submit(lambda: late.post("/api-keys/verify", call).json["valid"])
        until(lambda: bool(meters.counting._held))
        changing = beside.submit(change, ada, issued, case.becomes)
        until(lambda: changing.done() or database.sql(WAITS) > 0)
        other.rollback()  # now a change that waits is the first to get the row
        assert changing.result() == 200
        assert waiting.result(), "it began before the change"
    ada.post(f"/api-keys/{issued['id']}/usage", {"cost_usd": 0.5})
    assert not any(ada.post("/api-keys/verify", call).json["valid"] for _ in range(4))


def test_a_call_of_our_rest_keeps_no_lease_of_a_limit_from_before_a_change(
    app: Flask, ada: Api, database: Database
):
    rates, keys = app.extensions["portal.rates"], app.extensions["keys"]
    rates.forget()  # so that the next request asks PostgreSQL for its loan
    issued = ada.create("api-keys", rpm_limit=60_000, scopes=["keys:read"])
    late = Api(app.test_client(), issued["key"])
    assert all(late.get("/api-keys").status_code == 200 for _ in range(6))
    with (
        psycopg.connect(libpq_url(database.superuser_url)) as other,
        ThreadPoolExecutor() as beside,
    ):
        keys.meters.forget([issued["id"]])
        rates.forget()
        other.execute("SELECT FROM quota_rate FOR UPDATE")
        waiting = beside.submit(lambda: late.get("/api-keys").status_code)
        until(lambda: database.sql(WAITS) > 0)
        other.execute("UPDATE api_key SET rpm_limit = 2 WHERE id = %s", (issued["id"],))
        keys.meters.forget([issued["id"]])
        other.commit()
        assert waiting.result() == 200, "it began before the change"
    keys.cache.evict([issued["id"]])
    assert {late.get("/api-keys").status_code for _ in range(4)} == {429}


def test_a_slice_that_is_too_small_for_a_call_is_given_back(app: Flask, ada: Api):
    call = {"key": ada.create("api-keys", max_budget_usd=1)["key"], "estimated_usd": 0.0009}
    for _ in range(4):
        left = ada.post("/api-keys/verify", call).json["budget"]["available_usd"]
    whole = {**call, "estimated_usd": left}
    assert ada.post("/api-keys/verify", whole).json["code"] == "BUDGET_EXCEEDED"
    app.extensions["keys"].meters.return_slices()  # a thread does so every second
    assert ada.post("/api-keys/verify", whole).json["code"] == "VALID"


def test_what_is_given_back_reaches_a_server_that_ended_its_connection(
    app: Flask, ada: Api, database: Database
):
    meters, counting = app.extensions["keys"].meters, app.extensions["keys"].meters.counting
    call = {"key": ada.create("api-keys", max_budget_usd=1)["key"], "estimated_usd": 0.0009}
    for _ in range(4):
        assert ada.post("/api-keys/verify", call).json["valid"]
        meters.return_slices(everything=True)
    database.sql("SELECT pg_terminate_backend(%s, 5000)", counting._returning.info.backend_pid)
    assert ada.post("/api-keys/verify", call).json["valid"]
    meters.return_slices(everything=True)


# As if a statement about a slice took longer than it may.
SLOW = """
CREATE FUNCTION take_too_long() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING errcode = '57014', message = 'canceling statement'; END $$;
CREATE TRIGGER take_too_long BEFORE UPDATE ON spend_reservation
    FOR EACH ROW EXECUTE FUNCTION take_too_long()
"""
RESERVED = "SELECT sum(reserved_usd) FROM key_budget WHERE family_id = %s"


def lent(asker: Api) -> dict[str, Any]:
    """Return a key that is called so often that its process is lent a slice of its budget."""
    key = asker.create("api-keys", max_budget_usd=100)
    call = {"key": key["key"], "estimated_usd": 0.01}
    for _ in range(4):
        answer = asker.post("/api-keys/verify", call).json
        asker.post(f"/api-keys/reservations/{answer['reservation_id']}/settle", {"cost_usd": 0})
    return key


def test_money_that_nobody_holds_goes_back_beside_money_that_somebody_holds(
    app: Flask, ada: Api, gus: Api, database: Database
):
    held, free = lent(ada), lent(gus)
    meters = app.extensions["keys"].meters
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        of_key = "SELECT FROM spend_reservation WHERE family_id = %s FOR UPDATE"
        other.execute(of_key, (held["id"],))
        meters.return_slices(everything=True)
        assert database.sql(RESERVED, free["id"]) == 0
        assert database.sql(RESERVED, held["id"]) > 0
    meters.return_slices()
    assert database.sql(RESERVED, held["id"]) == 0


def test_money_that_could_not_be_given_back_in_time_is_given_back_later(
    app: Flask, ada: Api, database: Database
):
    key = lent(ada)
    meters = app.extensions["keys"].meters
    database.sql(SLOW)
    try:
        meters.return_slices(everything=True)
        assert database.sql(RESERVED, key["id"]) > 0
    finally:
        database.sql("DROP FUNCTION take_too_long CASCADE")
    meters.return_slices()
    assert database.sql(RESERVED, key["id"]) == 0
