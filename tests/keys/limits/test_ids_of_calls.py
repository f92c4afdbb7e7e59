"""Ids that callers choose: an id is for one call of one key, and its money is counted once."""

from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from portal.database.session import transaction
from portal.keys.limits import ledger
from tests.cast import Api
from tests.databases import Database

SPENT = "SELECT spent_usd FROM key_budget WHERE family_id = %s"
RESERVED = "SELECT reserved_usd FROM key_budget WHERE family_id = %s"
ID = "invoice-0001"


@pytest.fixture
def key(ada: Api) -> dict[str, Any]:
    return ada.create("api-keys", max_budget_usd=10)


@pytest.fixture
def other(ada: Api) -> dict[str, Any]:
    return ada.create("api-keys", max_budget_usd=10)


def verify(ada: Api, key: dict[str, Any], usd: float, reservation_id: str | None = ID) -> Any:
    own = {} if reservation_id is None else {"reservation_id": reservation_id}
    return ada.post("/api-keys/verify", {"key": key["key"], "estimated_usd": usd, **own})


def settle(ada: Api, usd: float, reservation_id: str = ID) -> Any:
    return ada.post(f"/api-keys/reservations/{reservation_id}/settle", {"cost_usd": usd})


def bill(ada: Api, key: dict[str, Any], usd: float) -> Any:
    return ada.post(f"/api-keys/{key['id']}/usage", {"usage_id": ID, "cost_usd": usd})


def expire(database: Database) -> None:
    database.sql("UPDATE spend_reservation SET expires_at = now()")


def release(app: Flask, key: dict[str, Any]) -> int:
    with app.app_context(), transaction(key["tenant_id"]):
        return ledger.release_due(key["tenant_id"])


def refused_field(answer: Any) -> str:
    assert answer.status_code == 409, answer.text
    [problem] = answer.json["errors"]
    return str(problem["field"])


# ---------------------------------------------------------------- one key, one kind of call


@pytest.mark.parametrize("is_settled", [False, True], ids=["reserved", "settled"])
def test_a_reservation_id_of_another_key_is_refused(
    ada: Api, database: Database, key: Any, other: Any, is_settled: bool
):
    assert verify(ada, key, 1).json["valid"]
    if is_settled:
        assert settle(ada, 1).status_code == 200
    assert refused_field(verify(ada, other, 1)) == "reservation_id"
    assert database.sql(RESERVED, other["id"]) in (None, 0)


def test_a_usage_id_of_another_key_is_refused_and_a_repetition_is_not(
    ada: Api, key: Any, other: Any
):
    assert bill(ada, key, 1).json["repeated"] is False
    assert refused_field(bill(ada, other, 7)) == "usage_id"
    again = bill(ada, key, 1).json
    assert (again["repeated"], again["budget"]["spent_usd"]) == (True, 1)


def test_a_usage_is_no_reservation(ada: Api, key: Any):
    assert bill(ada, key, 1).status_code == 200
    assert refused_field(verify(ada, key, 1)) == "reservation_id"
    assert settle(ada, 5).status_code == 404


@pytest.mark.parametrize("is_settled", [False, True], ids=["reserved", "settled"])
def test_a_reservation_is_no_usage(ada: Api, key: Any, is_settled: bool):
    assert verify(ada, key, 1).json["valid"]
    if is_settled:
        assert settle(ada, 1).status_code == 200
    assert refused_field(bill(ada, key, 5)) == "usage_id"
    assert settle(ada, 1).json["budget"]["spent_usd"] == 1


def test_a_cost_is_never_taken_for_that_of_another_key(
    ada: Api, database: Database, key: Any, other: Any
):
    assert verify(ada, key, 1).json["valid"]
    assert settle(ada, 1).status_code == 200
    assert verify(ada, other, 5, "invoice-0002").json["valid"]
    # The release before reserved an id anew that another key had settled.
    database.sql("UPDATE spend_reservation SET id = %s", ID)
    assert refused_field(settle(ada, 5)) == "id"
    assert database.sql(RESERVED, other["id"]) == 5


# ---------------------------------------------------------------- one amount


@pytest.mark.parametrize("state", ["reserved", "settled", "expired", "settled late"])
def test_an_id_that_reserved_another_amount_is_refused(
    app: Flask, ada: Api, database: Database, key: Any, state: str
):
    assert verify(ada, key, 0.01).json["valid"]
    if state in ("expired", "settled late"):
        expire(database)
        assert release(app, key) == 1
    if state in ("settled", "settled late"):
        assert settle(ada, 0.02).status_code == 200
    assert refused_field(verify(ada, key, 1000)) == "reservation_id"
    assert verify(ada, key, 0.01).json["valid"]


# ---------------------------------------------------------------- reservations that expired


def test_an_expired_reservation_is_not_repeated_from_a_budget_that_is_used_up(
    ada: Api, database: Database, key: Any
):
    assert verify(ada, key, 8).json["valid"]
    expire(database)
    assert verify(ada, key, 10, "invoice-0002").json["valid"]  # it releases the other one
    assert verify(ada, key, 8).json["code"] == "BUDGET_EXCEEDED"


@pytest.mark.parametrize("is_released", [True, False], ids=["released", "not yet released"])
def test_a_call_that_repeats_an_expired_reservation_reserves_anew(
    app: Flask, ada: Api, database: Database, key: Any, is_released: bool
):
    assert verify(ada, key, 8).json["valid"]
    expire(database)
    if is_released:
        assert release(app, key) == 1
    assert verify(ada, key, 8).json["reservation_id"] == ID
    assert release(app, key) == 0
    assert database.sql(RESERVED, key["id"]) == 8
    assert verify(ada, key, 8, "invoice-0002").json["code"] == "BUDGET_EXCEEDED"
    assert settle(ada, 8).json["budget"]["available_usd"] == 2


def test_an_id_that_expires_again_and_again_breaks_no_budget(
    app: Flask, ada: Api, database: Database, key: Any
):
    for _ in range(2):
        assert verify(ada, key, 8).json["valid"]
        expire(database)
        assert release(app, key) == 1
    assert verify(ada, key, 8).json["valid"]
    expire(database)
    assert verify(ada, key, 9, None).json["valid"]  # the call that needs the money releases it
    assert settle(ada, 1).status_code == 200
    assert database.sql("SELECT spent_usd, reserved_usd FROM key_budget") == (1, 9)


# ---------------------------------------------------------------- slices of processes


def test_a_slice_is_no_reservation_of_a_caller(ada: Api, database: Database, key: Any):
    ids = [verify(ada, key, 0.01, None).json["reservation_id"] for _ in range(6)]
    piece = next(one for one in ids if "." in one)
    whole = piece.partition(".")[0]
    assert settle(ada, 0, whole).status_code == 404
    held = database.sql("SELECT usd FROM spend_reservation WHERE id = %s", whole)
    assert refused_field(verify(ada, key, float(held), whole)) == "reservation_id"
    assert verify(ada, key, 0.01, None).json["valid"]
    for one in ids:
        assert settle(ada, 0.01, one).status_code == 200
    assert database.sql(SPENT, key["id"]) == Decimal("0.06")


# ---------------------------------------------------------------- ids that the portal makes


@pytest.mark.parametrize("more", ["!", "!!", "*~", "=", "%0A", "é", "!" * 60])
def test_a_piece_of_a_slice_has_one_spelling(
    ada: Api, database: Database, key: dict[str, Any], more: str
):
    def reserve() -> str:
        return str(verify(ada, key, 0.01, None).json["reservation_id"])

    piece = next(one for one in (reserve() for _ in range(4)) if "." in one)
    assert settle(ada, 0.01, piece).json["repeated"] is False
    before = database.sql(SPENT, key["id"]), database.sql(RESERVED, key["id"])
    assert settle(ada, 0.01, piece + more).status_code == 404
    assert settle(ada, 0.01, piece).json["repeated"]
    assert (database.sql(SPENT, key["id"]), database.sql(RESERVED, key["id"])) == before


@pytest.mark.parametrize(
    ("reservation_id", "said"),
    [
        ("r1", "Use at least 8 characters."),
        ("r" * 61, "Use at most 60 characters."),
        ("order 1234", "This has a character that is not allowed here."),
    ],
)
def test_a_reservation_id_of_another_form_is_told_what_is_wrong(
    ada: Api, key: dict[str, Any], reservation_id: str, said: str
) -> None:
    answer = verify(ada, key, 1, reservation_id)
    assert answer.status_code == 422
    assert (answer.json or {})["errors"] == [{"field": "reservation_id", "message": said}]
