"""Many reservations that nobody settled: what they delay, and what the calls after them hear."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from portal.database.session import transaction
from portal.keys.limits import counting, ledger
from tests.cast import Api
from tests.databases import Database
from tests.keys.limits.waiting import until

MANY = """
WITH held AS (
    INSERT INTO spend_reservation (tenant_id, id, key_id, family_id, period_start, usd, tokens,
        bucket, expires_at)
    SELECT tenant_id, 'rsv_old_' || n, family_id, family_id, period_start, 0.001, 0, 0,
        now() - (20000 - n) * interval '1 ms'
    FROM key_budget, generate_series(1, %s) AS n WHERE family_id = %s RETURNING usd
)
UPDATE key_budget SET reserved_usd = reserved_usd + (SELECT sum(usd) FROM held)
WHERE family_id = %s
"""
AT_ONCE = """
SELECT max(n) FROM (
    SELECT count(*) AS n FROM spend_reservation WHERE released_at IS NOT NULL GROUP BY released_at
) AS released
"""
OPEN = "SELECT count(*) FROM spend_reservation WHERE released_at IS NULL"
SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.usd = 5 THEN PERFORM pg_sleep(20); END IF; RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON spend_reservation FOR EACH ROW EXECUTE FUNCTION slow()
"""


def key_with(ada: Api, database: Database, expired: int) -> dict[str, Any]:
    """Issue a key whose budget is reserved by so many calls that nobody settled."""
    key = ada.create("api-keys", max_budget_usd=expired / 1000)
    assert verify(ada, key, 0).json["valid"]
    database.sql("DELETE FROM spend_reservation")
    database.sql(MANY, expired, key["id"], key["id"])
    return key


def verify(ada: Api, key: dict[str, Any], usd: float | None, **more: Any) -> Any:
    return ada.post("/api-keys/verify", {"key": key["key"], "estimated_usd": usd, **more})


def test_a_call_that_needs_their_money_releases_a_part_at_a_time(ada: Api, database: Database):
    key = key_with(ada, database, expired=2000)
    assert verify(ada, key, 2).json["code"] == "VALID"
    assert database.sql(AT_ONCE) <= 500
    assert database.sql("SELECT reserved_usd FROM key_budget") == 2


def test_while_they_are_released_nobody_is_told_of_a_used_up_budget(
    ada: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    key = key_with(ada, database, expired=20_000)
    with monkeypatch.context() as patch:
        patch.setattr(counting, "ANSWER_SECONDS", 0.5)
        answer = verify(ada, key, 20)
        assert (answer.status_code, answer.json["code"]) == (503, "unavailable"), answer.text
    assert 0 < database.sql(OPEN) < 20_000
    until(lambda: verify(ada, key, 20).status_code == 200)
    assert database.sql("SELECT reserved_usd FROM key_budget") == 20
    assert verify(ada, key, 0.001).json["code"] == "BUDGET_EXCEEDED"


def test_a_call_that_repeats_one_of_them_releases_that_one(ada: Api, database: Database):
    key = key_with(ada, database, expired=2000)
    assert verify(ada, key, 0.001, reservation_id="rsv_old_2000").json["valid"]
    held = "SELECT sum(usd) FROM spend_reservation WHERE released_at IS NULL"
    assert database.sql("SELECT reserved_usd FROM key_budget") == database.sql(held)
    assert database.sql(AT_ONCE) <= 500


def test_a_call_of_unknown_cost_releases_them_too(app: Flask, ada: Api, database: Database):
    key = key_with(ada, database, expired=10)
    app.extensions["keys"].meters.forget([key["id"]])  # and that the budget was ample
    assert verify(ada, key, None).json["code"] == "VALID"


def test_the_worker_releases_them_in_small_transactions(app: Flask, ada: Api, database: Database):
    key = key_with(ada, database, expired=4500)
    steps = 0
    while True:
        with app.app_context(), transaction(key["tenant_id"]):
            if not ledger.release_due(key["tenant_id"]):
                break
        steps += 1
    assert steps == 3
    assert database.sql(OPEN) == 0
    told = [
        entry["changes"]["reservations"][0]
        for entry in ada.get(f"/api-keys/{key['id']}/history").json["items"]
        if entry["action"] == "key.reservations_released"
    ]
    assert sorted(told) == [500, 2000, 2000]


# ---------------------------------------------------------------- a call that takes too long


@pytest.fixture
def slow(database: Database) -> Iterator[None]:
    """Let a reservation of five dollars take longer than the database lets a batch."""
    database.sql(SLOW)
    yield
    database.sql("DROP FUNCTION slow CASCADE")


def test_a_call_that_takes_too_long_fails_alone(
    app: Flask,
    ada: Api,
    gus: Api,
    database: Database,
    slow: None,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(counting, "STATEMENT_SECONDS", 0.4)
    app.extensions["keys"].meters.counting._forget()
    first, second = (ada.create("api-keys", max_budget_usd=100) for _ in range(2))
    other = gus.create("api-keys", max_budget_usd=100)
    together = threading.Barrier(3)

    def ask(api: Api, key: dict[str, Any], usd: float) -> tuple[int, str]:
        together.wait(10)
        answer = verify(api, key, usd)
        return answer.status_code, answer.json["code"]

    with ThreadPoolExecutor(3) as beside:
        asked = [
            beside.submit(ask, Api(app.test_client(), api.token), key, usd)
            for api, key, usd in ((ada, first, 5), (ada, second, 5), (gus, other, 1))
        ]
        answers = [one.result(20) for one in asked]
    assert answers == [(503, "unavailable"), (503, "unavailable"), (200, "VALID")]
    assert database.sql("SELECT sum(reserved_usd) FROM key_budget") == 1
    assert verify(ada, first, 1).json["valid"]
