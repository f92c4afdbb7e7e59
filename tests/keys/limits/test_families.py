"""Keys of a family share one budget, of which each of them may have a different maximum."""

from typing import Any

import pytest

from tests.cast import Api
from tests.databases import Database

Key = dict[str, Any]


@pytest.fixture
def parent(ada: Api) -> Key:
    """Return a key with a budget of 100 dollars, whose notices are published."""
    ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["api_key.*"])
    return ada.create("api-keys", max_budget_usd=100)


def child_of(ada: Api, parent: Key, **values: Any) -> Key:
    child: Key = ada.post(f"/api-keys/{parent['id']}/children", {}).json
    if values:
        changed(ada, child, **values)
    return child


def changed(ada: Api, key: Key, **values: Any) -> None:
    answer = ada.patch(f"/api-keys/{key['id']}", values)
    assert answer.status_code == 200, answer.text


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
