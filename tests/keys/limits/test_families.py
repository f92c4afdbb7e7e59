"""Keys of a family share one budget, of which each of them may have a different maximum."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from portal.keys.verification.verifier import KeyVerifier
from tests.cast import Api
from tests.databases import Database
from tests.keys.limits.waiting import until

Key = dict[str, Any]


@pytest.fixture
def parent(ada: Api) -> Key:
    """Return a key with a budget of 100 dollars, whose notices are published."""
    ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["api_key.*"])
    return ada.create("api-keys", max_budget_usd=100)


@pytest.fixture
def listening(app: Flask) -> Iterator[KeyVerifier]:
    """Let the verification of the application remember keys, and hear of their changes."""
    verifier: KeyVerifier = app.extensions["keys"]
    verifier.begin_now()
    assert verifier.watch
    assert verifier.watch.listening.wait(10)
    yield verifier
    verifier.end()


def child_of(ada: Api, parent: Key, **values: Any) -> Key:
    child: Key = ada.post(f"/api-keys/{parent['id']}/children", {}).json
    if values:
        changed(ada, child, **values)
    return child


def changed(ada: Api, key: Key, **values: Any) -> None:
    answer = ada.patch(f"/api-keys/{key['id']}", values)
    assert answer.status_code == 200, answer.text


def spend(ada: Api, key: Key, usd: float) -> None:
    answer = ada.post(f"/api-keys/{key['id']}/usage", {"cost_usd": usd})
    assert answer.status_code == 200, answer.text


def told(ada: Api) -> list[tuple[str, int, float]]:
    """Return the notices, the oldest first: the key, the percentage, and its budget."""
    events = ada.get("/events?type=api_key.budget_threshold&limit=100").json["items"]
    notices = [event["data"] for event in reversed(events)]
    return [(one["id"], one["percent"], one["max_usd"]) for one in notices]


# ---------------------------------------------------------------- notices


def test_each_budget_of_a_family_has_notices_of_its_own(ada: Api, parent: Key):
    child = child_of(ada, parent, max_budget_usd=1)
    spend(ada, child, 1)
    assert told(ada) == [(child["id"], percent, 1) for percent in (50, 80, 100)]
    spend(ada, parent, 99)
    assert told(ada)[3:] == [(parent["id"], percent, 100) for percent in (50, 80, 100)]
    spend(ada, parent, 1)
    assert len(told(ada)) == 6


def test_a_key_is_told_of_its_budget_whoever_spends_it(ada: Api, parent: Key):
    child = child_of(ada, parent, max_budget_usd=60)
    spend(ada, child, 55)
    assert sorted(told(ada)) == sorted(
        [(child["id"], 50, 60), (child["id"], 80, 60), (parent["id"], 50, 100)]
    )
    spend(ada, parent, 10)
    assert told(ada)[3:] == [(child["id"], 100, 60)]


def test_keys_with_the_same_budget_are_told_of_it_once(ada: Api, parent: Key):
    child = child_of(ada, parent)
    spend(ada, child, 50)
    spend(ada, parent, 1)
    later = child_of(ada, parent)
    spend(ada, later, 29)
    assert told(ada) == [(child["id"], 50, 100), (later["id"], 80, 100)]


def test_a_successor_with_a_higher_budget_is_told_of_its_own(ada: Api, parent: Key):
    spend(ada, parent, 100)
    successor = ada.post(f"/api-keys/{parent['id']}/rotations", {"overlap": "until_quiet"}).json
    changed(ada, successor, max_budget_usd=200)
    before = told(ada)
    spend(ada, successor, 60)
    assert told(ada)[len(before) :] == [(successor["id"], 80, 200)]


def test_a_child_that_cannot_pay_any_more_is_told_with_the_next_payment(ada: Api, parent: Key):
    spend(ada, parent, 10)
    child = child_of(ada, parent, max_budget_usd=5)
    spend(ada, parent, 1)
    assert told(ada) == [(child["id"], percent, 5) for percent in (50, 80, 100)]


def test_a_lowered_budget_is_told_of_what_it_had_not_reached(ada: Api, parent: Key):
    spend(ada, parent, 60)
    changed(ada, parent, max_budget_usd=70)
    spend(ada, parent, 1)
    changed(ada, parent, max_budget_usd=100)
    spend(ada, parent, 20)
    assert told(ada) == [(parent["id"], 50, 100), (parent["id"], 80, 70), (parent["id"], 80, 100)]


def test_each_period_has_its_notices(ada: Api, database: Database):
    ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["api_key.*"])
    issued = ada.create("api-keys", max_budget_usd=100, budget_period="day")
    child = child_of(ada, issued, max_budget_usd=1)
    for _ in range(2):
        spend(ada, child, 1)
        spend(ada, issued, 60)
        database.sql(
            "UPDATE key_budget SET period_start = period_start - interval '1 day',"
            " period_end = period_end - interval '1 day'"
        )
    one_day = [(child["id"], 50, 1), (child["id"], 80, 1), (child["id"], 100, 1)]
    assert told(ada) == [*one_day, (issued["id"], 50, 100)] * 2


def test_what_the_release_before_announced_is_not_announced_again(
    ada: Api, parent: Key, database: Database
):
    spend(ada, parent, 85)
    before = told(ada)
    database.sql("UPDATE key_budget SET announced_by_budget = NULL, next_notice_usd = 0")
    spend(ada, parent, 1)
    assert told(ada) == before
    spend(ada, parent, 14)
    assert told(ada) == [*before, (parent["id"], 100, 100)]


# ---------------------------------------------------------------- used up


@pytest.mark.parametrize("payer", ["parent", "successor"])
def test_no_process_admits_from_memory_after_a_family_used_up_its_budget(
    ada: Api, parent: Key, payer: str, listening: KeyVerifier
):
    child = child_of(ada, parent, max_budget_usd=1)
    spend(ada, child, 1)
    paying = parent
    if payer == "successor":
        paying = ada.post(f"/api-keys/{parent['id']}/rotations", {"overlap": "until_quiet"}).json
        changed(ada, paying, max_budget_usd=500)
    ask = {"key": parent["key"], "estimated_usd": 0.01}
    for _ in range(3):
        answer = ada.post("/api-keys/verify", ask).json
        assert answer["valid"], answer
    assert "." in answer["reservation_id"], "no slice was lent, so this proves nothing"
    spend(ada, paying, 99)
    # So little that the slice would pay for it for as long as it lasts.
    little = {**ask, "estimated_usd": 0.0001}
    until(lambda: ada.post("/api-keys/verify", little).json["code"] == "BUDGET_EXCEEDED", 2)


# ---------------------------------------------------------------- one budget for all


def test_slices_of_many_children_leave_most_of_the_budget_to_their_parent(
    ada: Api, parent: Key, database: Database
):
    promised = 0.0
    for child in [child_of(ada, parent) for _ in range(40)]:
        for _ in range(3):
            ask = {"key": child["key"], "estimated_usd": 0.1}
            assert ada.post("/api-keys/verify", ask).json["valid"]
            promised += 0.1
    assert database.sql("SELECT count(*) FROM spend_reservation WHERE secret IS NOT NULL") > 0
    held = database.sql("SELECT reserved_usd FROM key_budget")
    assert held <= 100 / 4 + 100 / 64 + promised
    ask = {"key": parent["key"], "estimated_usd": 60}
    assert ada.post("/api-keys/verify", ask).json["valid"]
