"""No sequence of edits, children and rotations gives a key more than its parent or its editor."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.cast import Api
from tests.thorough import times

# A key that edits keeps to its own limit per minute. A limit below the number of steps would end
# the walk with 429.
HELD = {
    "expires_at": "2098-01-01T00:00:00Z",
    "rpm_limit": 100,
    "tpm_limit": 1000,
    "max_budget_usd": 5.0,
}
OFTEN = ("none", "month", "week", "day")
VALUES = {
    "name": ["Another name"],
    "expires_at": [None, "2090-01-01T00:00:00Z", HELD["expires_at"], "2099-01-01T00:00:00Z"],
    "rpm_limit": [None, 50, 100, 101],
    "tpm_limit": [None, 999, 1000, 1001],
    "max_uses": [None, 3],
    "max_budget_usd": [None, 0, 4.5, 5, 6],
    "budget_period": list(OFTEN),
}
edits = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in VALUES.items()}
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["edit", "edit", "edit", "child", "rotate"]),
        st.integers(0, 9),
        edits,
        st.sampled_from(["now", "24h"]),
    ),
    min_size=3,
    max_size=12,
)


def all_keys(ada: Api, ids: list[str]) -> list[dict[str, Any]]:
    return [dict(ada.get(f"/api-keys/{key_id}").json or {}) for key_id in ids]


def walk(caller: Api, ids: list[str], taken: list[Any]) -> Iterator[int]:
    """Take the steps as the caller, and yield the status of each. New keys are added to `ids`."""
    for verb, which, values, overlap in taken:
        path = f"/api-keys/{ids[which % len(ids)]}"
        if verb == "edit":
            answer = caller.patch(path, values)
        elif verb == "child":
            answer = caller.post(f"{path}/children", {})
        else:
            answer = caller.post(f"{path}/rotations", {"overlap": overlap})
        if answer.status_code == 201:
            ids.append((answer.json or {})["id"])
        yield answer.status_code


def within(values: dict[str, Any], most: dict[str, Any], *names: str) -> bool:
    return all(
        most[name] is None or (values[name] is not None and values[name] <= most[name])
        for name in names
    )


def family(key: dict[str, Any]) -> str:
    return str(key["rotation_family_id"] or key["id"])


@pytest.mark.proof
@settings(
    max_examples=times(12),
    deadline=None,
    suppress_health_check=[*HealthCheck],
    database=None,
    phases=[Phase.generate],  # to shrink a long walk takes minutes
)
@given(taken=steps, by_holder=st.booleans())
def test_nothing_gives_a_key_more_than_its_editor_or_its_parent_has(
    app: Flask, ada: Api, taken: list[Any], by_holder: bool
) -> None:
    own = ada.create("api-keys", scopes=["keys:write"], **HELD, budget_period="week")
    holder = Api(app.test_client(), own["key"])
    ids = [
        own["id"],
        holder.create("api-keys")["id"],
        holder.create("api-keys", rpm_limit=60)["id"],
    ]
    statuses = list(walk(holder if by_holder else ada, ids, taken))
    assert set(statuses) <= {200, 201, 401, 409, 422}
    keys = {key["id"]: key for key in all_keys(ada, ids)}
    for key in keys.values():
        if by_holder:
            assert within(key, own, *HELD)
            assert OFTEN.index(key["budget_period"]) <= OFTEN.index("week")
        periods = {one["budget_period"] for one in keys.values() if family(one) == family(key)}
        assert len(periods) == 1
        parent = keys.get(key["parent_key_id"] or "")
        if parent:
            assert within(key, parent, "rpm_limit", "tpm_limit", "max_budget_usd")
        if parent and not any(one["rotated_from_key_id"] == parent["id"] for one in keys.values()):
            assert within(key, parent, "expires_at")
