"""Test that a row which another transaction changes, or makes, holds up its key alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
import pytest

from portal.core.config import libpq_url
from tests.cast import Api
from tests.databases import Database

UPDATE_RATE = "UPDATE key_rate SET requests_sum = requests_sum WHERE key_id = %(key)s"
UPDATE_BUDGET = "UPDATE key_budget SET spent_usd = spent_usd WHERE family_id = %(key)s"
SPEND = """
SELECT spend_on_key(%(tenant)s, 'use-1', 'usage', %(key)s, 1, NULL, NULL, NULL, NULL)
"""
LIMITS = {"rpm_limit": 1000, "max_budget_usd": 1000}
Connection = psycopg.Connection[Any]


@contextmanager
def transaction(database: Database, tenant_id: str) -> Iterator[Connection]:
    """Open a transaction of a tenant that is rolled back, and that waits for nobody."""
    with psycopg.connect(libpq_url(database.app_url)) as connection:
        connection.execute("SET lock_timeout = '20ms'")
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant_id,))
        yield connection
        connection.rollback()


def admitted(connection: Connection, *calls: dict[str, Any]) -> list[str | None]:
    """Return what refused each of these calls, or None."""
    asked = orjson.dumps([{"n": n, **call} for n, call in enumerate(calls)]).decode()
    rows = connection.execute("SELECT refused FROM admit_calls(%s::jsonb, 600, 30000)", (asked,))
    return [refused for (refused,) in rows.fetchall()]


def call_of(key: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "tenant": key["tenant_id"], "key": key["id"], "family": key["id"], "rpm": 1000,
        "requests": 1, "requests_want": 1, "max_usd": "1000", "period": "none", "zone": "UTC",
        "usd": "0.01", "held_tokens": 0, "tokens": 0, "is_own": False, "dry": False, **more,
    }  # fmt: skip


@pytest.mark.parametrize("held", [UPDATE_RATE, UPDATE_BUDGET, SPEND])
def test_a_change_that_stands_still_delays_no_other_tenant(
    ada: Api, gus: Api, database: Database, held: str
) -> None:
    key, other = ada.create("api-keys", **LIMITS), gus.create("api-keys", **LIMITS)
    ask = {"estimated_usd": 0.01}
    for api, made in ((ada, key), (gus, other)):
        assert api.post("/api-keys/verify", {"key": made["key"], **ask}).json["valid"]
    with (
        transaction(database, key["tenant_id"]) as standing_still,
        transaction(database, key["tenant_id"]) as batch,
    ):
        standing_still.execute(held, {"tenant": key["tenant_id"], "key": key["id"]})
        assert admitted(batch, call_of(key), call_of(other)) == ["BUSY", None]


@pytest.mark.parametrize("by", ["a call", "a usage"])
def test_a_row_that_is_just_made_delays_no_other_tenant(
    ada: Api, gus: Api, database: Database, by: str
) -> None:
    key, other = ada.create("api-keys", **LIMITS), gus.create("api-keys", **LIMITS)
    with (
        transaction(database, key["tenant_id"]) as standing_still,
        transaction(database, key["tenant_id"]) as batch,
    ):
        if by == "a call":
            assert admitted(standing_still, call_of(key)) == [None]
        else:
            standing_still.execute(SPEND, {"tenant": key["tenant_id"], "key": key["id"]})
        assert admitted(batch, call_of(key), call_of(other)) == ["BUSY", None]


def test_two_batches_of_the_same_new_keys_in_other_orders_both_end(
    ada: Api, database: Database
) -> None:
    one, two = (ada.create("api-keys", **LIMITS) for _ in range(2))
    with (
        transaction(database, one["tenant_id"]) as first,
        transaction(database, one["tenant_id"]) as second,
    ):
        assert admitted(first, call_of(one)) == [None]
        assert admitted(second, call_of(two), call_of(one)) == [None, "BUSY"]
        assert admitted(first, call_of(two)) == ["BUSY"]


def test_an_id_that_another_key_is_just_reserving_delays_no_other_call(
    ada: Api, database: Database
) -> None:
    one, two = (ada.create("api-keys", **LIMITS) for _ in range(2))
    own = {"reservation": "call-00001", "is_own": True}
    with (
        transaction(database, one["tenant_id"]) as first,
        transaction(database, one["tenant_id"]) as second,
    ):
        assert admitted(first, call_of(one, **own)) == [None]
        assert admitted(second, call_of(two, **own)) == ["BUSY"]


def test_tokens_that_were_not_used_are_given_back_of_the_call_that_began_a_lease(
    ada: Api, database: Database
) -> None:
    key = ada.create("api-keys", tpm_limit=100_000, max_budget_usd=1000)
    call = {"key": key["key"], "estimated_usd": 0.01, "cost_tokens": 2000}
    reserved = ada.post("/api-keys/verify", call).json["reservation_id"]
    settled = {"cost_usd": 0.001, "tokens": 1}
    assert ada.post(f"/api-keys/reservations/{reserved}/settle", settled).status_code == 200
    assert database.sql("SELECT tokens_sum FROM key_rate WHERE key_id = %s", key["id"]) == 1
