"""Keys are edited: within the rights of the editor and of a parent, and heard of at once."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal import migrations
from portal.core.config import libpq_url
from portal.keys.verification.verifier import KeyVerifier
from tests.cast import VIC, Api, Pages
from tests.databases import Database
from tests.keys.limits.waiting import until

LATER, SOONER = "2099-01-01T00:00:00Z", "2098-01-01T00:00:00Z"
PAST = "2020-01-01T00:00:00Z"
MAY_WRITE = ["keys:read", "keys:write"]


@pytest.fixture
def by_key(app: Flask) -> Callable[[dict[str, Any]], Api]:
    """Return `by_key(issued).patch(…)`: REST with a key that was just issued."""
    return lambda issued: Api(app.test_client(), issued["key"])


@pytest.fixture
def other(app: Flask, ada: Api) -> Iterator[KeyVerifier]:
    """Yield the verification of another process, which remembers keys."""
    made = KeyVerifier(app, app.extensions["portal"].database_url, 5)
    made.begin_now()
    assert made.watch
    assert made.watch.listening.wait(10)
    yield made
    made.end()


def path(issued: dict[str, Any]) -> str:
    return f"/api-keys/{issued['id']}"


def changed(caller: Api, issued: dict[str, Any], **values: Any) -> dict[str, Any]:
    answer = caller.patch(path(issued), values)
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def refused(caller: Api, issued: dict[str, Any], **values: Any) -> dict[str, str]:
    """Return field → message of the refusal of an edit."""
    answer = caller.patch(path(issued), values)
    assert answer.status_code == 422, answer.text
    return {error["field"]: error["message"] for error in (answer.json or {})["errors"]}


def code(ada: Api, issued: dict[str, Any], **question: Any) -> str:
    answer = ada.post("/api-keys/verify", {"key": issued["key"], **question})
    return str((answer.json or {})["code"])


def spend(ada: Api, issued: dict[str, Any], usd: str) -> None:
    assert ada.post(f"{path(issued)}/usage", {"cost_usd": usd}).status_code in (200, 201)


# ---------------------------------------------------------------- what can be changed


def test_name_tags_expiry_limits_and_budget_are_changed_with_a_history(ada: Api):
    ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["api_key.*"])
    issued = ada.create("api-keys", name="Nightly", rpm_limit=10)
    wanted = {
        "name": "Nightly export",
        "tags": ["etl"],
        "expires_at": LATER,
        "rpm_limit": 20,
        "tpm_limit": 1000,
        "max_uses": 5,
        "max_budget_usd": 12.5,
        "budget_period": "month",
    }
    now = changed(ada, issued, **wanted)
    assert {name: now[name] for name in wanted} == wanted
    [entry, *_] = ada.get(f"{path(issued)}/history").json["items"]
    assert entry["action"] == "key.updated"
    assert entry["changes"]["rpm_limit"] == [10, 20]
    [event, *_] = ada.get("/events?type=api_key.updated").json["items"]
    assert event["data"]["changed"] == sorted(wanted)
    assert changed(ada, issued, rpm_limit=None)["rpm_limit"] is None
    assert [item["id"] for item in ada.get("/api-keys?q=export").json["items"]] == [issued["id"]]


def test_what_is_fixed_is_refused_by_name_and_may_be_sent_back(ada: Api):
    issued = ada.create("api-keys", scopes=["keys:read"])
    assert "Rotate the key" in refused(ada, issued, scopes=["keys:write"])["scopes"]
    assert set(refused(ada, issued, kind="user", allowed_ips=["10.0.0.0/8"])) == {
        "kind",
        "allowed_ips",
    }
    assert "unblock" in refused(ada, issued, blocked=True)["blocked"]
    read = ada.get(path(issued)).json
    assert changed(ada, issued, **{**read, "name": "Renamed"})["scopes"] == ["keys:read"]


def test_an_edit_that_is_only_validated_changes_nothing(ada: Api):
    issued = ada.create("api-keys", rpm_limit=10)
    answer = ada.patch(path(issued), {"rpm_limit": 5}, headers={"Prefer": "validate-only"})
    assert answer.json["rpm_limit"] == 5
    assert ada.get(path(issued)).json["rpm_limit"] == 10


def test_a_key_that_has_ended_or_was_found_is_not_edited(ada: Api):
    revoked, expired, leaked = (ada.create("api-keys", expires_at=LATER) for _ in range(3))
    ada.post(f"{path(revoked)}/revoke")
    changed(ada, expired, expires_at=PAST)
    ada.post("/api-keys/leaks", {"fingerprint": leaked["key_hash"]})
    for issued, why in ((revoked, "revoked"), (expired, "expired"), (leaked, "found in public")):
        answer = ada.patch(path(issued), {"expires_at": LATER})
        assert answer.status_code == 409, why
        assert why in answer.json["detail"]


# ---------------------------------------------------------------- who may give how much


def test_a_viewer_edits_nothing(ada: Api, api: Callable[[str], Api]):
    issued = ada.create("api-keys")
    assert api(VIC).patch(path(issued), {"name": "Mine"}).status_code == 403


def test_a_key_gives_others_at_most_what_it_has(ada: Api, by_key: Any):
    limits = {"rpm_limit": 10, "max_budget_usd": 5, "budget_period": "week"}
    own = ada.create("api-keys", scopes=MAY_WRITE, expires_at=SOONER, **limits)
    holder = by_key(own)
    other = ada.create("api-keys", rpm_limit=2, max_budget_usd=1, expires_at="2090-01-01T00:00:00Z")
    assert changed(holder, other, rpm_limit=10)["rpm_limit"] == 10
    assert set(refused(holder, other, rpm_limit=11)) == {"rpm_limit"}
    assert set(refused(holder, other, rpm_limit=None)) == {"rpm_limit"}
    assert set(refused(holder, other, expires_at=LATER)) == {"expires_at"}
    assert set(refused(holder, other, expires_at=None)) == {"expires_at"}
    assert set(refused(holder, other, max_budget_usd=6)) == {"max_budget_usd"}
    assert set(refused(holder, other, budget_period="day")) == {"budget_period"}
    assert set(refused(holder, own, rpm_limit=11)) == {"rpm_limit"}


def test_a_key_without_a_right_gives_no_more_to_a_key_that_has_it(ada: Api, by_key: Any):
    holder = by_key(ada.create("api-keys", scopes=MAY_WRITE))
    other = ada.create("api-keys", scopes=["webhooks:write"], rpm_limit=10)
    assert "webhooks:write" in refused(holder, other, rpm_limit=11)["rpm_limit"]
    assert changed(holder, other, rpm_limit=9, name="Slower")["rpm_limit"] == 9


def test_a_child_gets_no_more_than_its_parent_and_loses_with_it(ada: Api):
    parent = ada.create("api-keys", rpm_limit=10, max_budget_usd=5, expires_at=LATER)
    child = ada.post(f"{path(parent)}/children", {}).json
    assert set(refused(ada, child, rpm_limit=11)) == {"rpm_limit"}
    assert set(refused(ada, child, max_budget_usd=None)) == {"max_budget_usd"}
    assert set(refused(ada, child, expires_at="2100-01-01T00:00:00Z")) == {"expires_at"}
    assert set(refused(ada, child, budget_period="day")) == {"budget_period"}
    assert changed(ada, child, rpm_limit=9)["rpm_limit"] == 9
    soon = (datetime.now(UTC) + timedelta(minutes=5)).replace(microsecond=0).isoformat()
    changed(ada, parent, rpm_limit=4, tpm_limit=7, max_budget_usd=2, expires_at=soon)
    now = ada.get(path(child)).json
    assert (now["rpm_limit"], now["tpm_limit"], now["max_budget_usd"]) == (4, 7, 2)
    assert now["expires_at"] == ada.get(path(parent)).json["expires_at"]
    assert (ada.get(f"{path(child)}/history").json["items"])[0]["changes"]["rpm_limit"] == [9, 4]
    assert set(refused(ada, parent, max_uses=3)) == {"max_uses"}
    changed(ada, parent, rpm_limit=100)
    assert ada.get(path(child)).json["rpm_limit"] == 4


# ---------------------------------------------------------------- verification


def test_a_verifier_that_remembers_the_key_hears_of_its_new_expiry_and_limit(
    ada: Api, other: KeyVerifier
):
    ended = ada.create("api-keys")
    slowed = ada.create("api-keys", rpm_limit=100)
    for issued in (ended, slowed):
        assert not isinstance(other.find(issued["key"]), str)
    changed(ada, ended, expires_at=PAST)
    changed(ada, slowed, rpm_limit=1)

    def is_past() -> bool:
        found = other.find(ended["key"])
        return not isinstance(found, str) and found.expires_at is not None

    def is_slow() -> bool:
        found = other.find(slowed["key"])
        return not isinstance(found, str) and found.rpm_limit == 1

    until(is_past, 1)
    until(is_slow, 1)
    assert code(ada, ended) == "EXPIRED"
    assert [code(ada, slowed) for _ in range(2)] == ["VALID", "RPM_EXCEEDED"]


def test_a_budget_below_what_is_spent_refuses_and_a_higher_one_admits(ada: Api):
    issued = ada.create("api-keys", max_budget_usd=10)
    spend(ada, issued, "6")
    changed(ada, issued, max_budget_usd=5)
    assert code(ada, issued, estimated_usd=1) == "BUDGET_EXCEEDED"
    changed(ada, issued, max_budget_usd=8)
    assert code(ada, issued, estimated_usd=1) == "VALID"


def test_a_raised_budget_is_announced_again_when_it_is_used_up(ada: Api):
    ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["api_key.*"])
    issued = ada.create("api-keys", max_budget_usd=10)
    spend(ada, issued, "10")
    changed(ada, issued, max_budget_usd=20)
    spend(ada, issued, "10")
    told = ada.get("/events?type=api_key.budget_threshold").json["items"]
    full = [event["data"]["max_usd"] for event in told if event["data"]["percent"] == 100]
    assert sorted(full) == [10, 20]


@pytest.mark.parametrize(
    ("before", "after"), [("month", "day"), ("day", "month"), ("none", "week")]
)
def test_another_budget_period_keeps_what_was_spent(ada: Api, before: str, after: str):
    issued = ada.create("api-keys", max_budget_usd=10, budget_period=before)
    held = ada.post(
        "/api-keys/verify",
        {"key": issued["key"], "estimated_usd": 3, "reservation_id": "reservation-1"},
    ).json
    spend(ada, issued, "6")
    assert changed(ada, issued, budget_period=after)["spend_usd"] == 6
    changed(ada, issued, budget_period=before)
    changed(ada, issued, budget_period=after)
    answer = ada.post("/api-keys/verify", {"key": issued["key"], "estimated_usd": 2}).json
    assert answer["code"] == "BUDGET_EXCEEDED"
    assert (answer["budget"]["spent_usd"], answer["budget"]["reserved_usd"]) == (6, 3)
    settled = ada.post(f"/api-keys/reservations/{held['reservation_id']}/settle", {"cost_usd": 2})
    assert settled.json["budget"]["spent_usd"] == 8
    assert settled.json["budget"]["reserved_usd"] == 0


def test_keys_that_share_a_budget_keep_one_period(ada: Api):
    old = ada.create("api-keys", max_budget_usd=10, budget_period="month")
    new = ada.post(f"{path(old)}/rotations", {"overlap": "24h"}).json
    child = ada.post(f"{path(new)}/children", {}).json
    changed(ada, new, budget_period="day")
    assert ada.get(path(old)).json["budget_period"] == "day"
    assert ada.get(path(child)).json["budget_period"] == "day"


def test_a_key_that_has_ended_has_another_period_in_its_history(ada: Api):
    old = ada.create("api-keys", max_budget_usd=5)
    new = ada.post(f"{path(old)}/rotations", {"overlap": "now"}).json
    before = ada.get(path(old)).json
    changed(ada, new, budget_period="month")
    after = ada.get(path(old)).json
    assert (after["status"], after["budget_period"]) == ("revoked", "month")
    assert after["version"] == before["version"] + 1
    newest = ada.get(f"{path(old)}/history").json["items"][0]
    assert newest["action"] == "key.updated"
    assert newest["changes"] == {"budget_period": ["none", "month"]}


# ---------------------------------------------------------------- others at the same time


def test_a_rotation_keeps_the_end_of_its_old_key(ada: Api):
    old = ada.create("api-keys")
    new = ada.post(f"{path(old)}/rotations", {"overlap": "1h"}).json
    assert "rotation" in refused(ada, old, expires_at=LATER)["expires_at"]
    assert changed(ada, old, name="Old one")["name"] == "Old one"
    assert changed(ada, new, expires_at=LATER)["status"] == "active"


def test_a_stale_edit_of_a_rotated_or_revoked_key_is_refused(ada: Api):
    issued = ada.create("api-keys")
    tag = ada.get(path(issued)).headers["ETag"]
    ada.post(f"{path(issued)}/rotations", {"overlap": "1h"})
    stale = ada.patch(path(issued), {"name": "Late"}, headers={"If-Match": tag})
    assert stale.status_code == 412
    ada.post(f"{path(issued)}/revoke")
    assert ada.patch(path(issued), {"expires_at": None}).status_code == 409
    assert ada.get(path(issued)).json["status"] == "revoked"


def test_an_edit_waits_for_no_relative_that_is_being_changed(ada: Api, database: Database):
    parent = ada.create("api-keys", rpm_limit=10)
    child = ada.post(f"{path(parent)}/children", {}).json
    with psycopg.connect(libpq_url(database.superuser_url)) as another:
        another.execute("SELECT FROM api_key WHERE id = %s FOR UPDATE", (child["id"],))
        answer = ada.patch(path(parent), {"rpm_limit": 5})
    assert answer.status_code == 409
    assert "is being changed now" in answer.json["detail"]
    assert ada.get(path(parent)).json["rpm_limit"] == 10


# ---------------------------------------------------------------- the page


def sent(page: Pages, issued: dict[str, Any], **typed: str) -> Any:
    """Send the form of a key as a browser does: what is drawn, with what a person typed."""
    shown = page.get(f"/keys/{issued['id']}/edit").text
    drawn = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', shown))
    period = re.search(r'<option selected value="(\w+)"', shown)
    fields = {**drawn, "budget_period": period[1] if period else "none", **typed}
    return page.post(f"/keys/{issued['id']}/edit", fields)


def test_the_page_changes_one_field_and_leaves_the_others(page: Pages, ada: Api):
    issued = ada.create(
        "api-keys",
        name="Nightly",
        expires_at="2099-05-06T07:08:09Z",
        max_budget_usd=12.5,
        budget_period="week",
        tags=["etl"],
    )
    answer = sent(page, issued, rpm_limit="30")
    assert answer.status_code == 303, answer.text
    entry = ada.get(f"{path(issued)}/history").json["items"][0]
    assert entry["changes"] == {"rpm_limit": [None, 30]}


def test_the_page_names_the_field_that_is_wrong_and_ends_no_key_by_mistake(page: Pages, ada: Api):
    issued = ada.create("api-keys", expires_at=LATER)
    answer = sent(page, issued, expires_at="2020-01-01T00:00")
    assert answer.status_code == 422
    assert "This is in the past" in answer.text
    assert sent(page, issued, rpm_limit="-1").status_code == 422
    assert ada.get(path(issued)).json["version"] == 1


def test_the_page_says_that_a_lowered_budget_refuses(page: Pages, ada: Api):
    issued = ada.create("api-keys", max_budget_usd=10)
    spend(ada, issued, "6")
    assert sent(page, issued, max_budget_usd="5").status_code == 303
    assert "spent $6.00 of $5.00" in page.get(f"/keys/{issued['id']}").text


def test_the_second_of_two_editors_sees_both_values(page: Pages, ada: Api):
    issued = ada.create("api-keys", rpm_limit=10)
    changed(ada, issued, rpm_limit=20)
    answer = sent(page, issued, rpm_limit="30", version="1")
    assert answer.status_code == 409
    assert "Stored now" in answer.text
    assert ada.get(path(issued)).json["rpm_limit"] == 20


def test_only_a_key_that_works_offers_to_be_edited(page: Pages, ada: Api):
    issued = ada.create("api-keys")
    assert f"/keys/{issued['id']}/edit" in page.get(f"/keys/{issued['id']}").text
    ada.post(f"{path(issued)}/revoke")
    assert f"/keys/{issued['id']}/edit" not in page.get(f"/keys/{issued['id']}").text
    assert page.get(f"/keys/{issued['id']}/edit").status_code == 409


def test_a_rotation_gives_the_successor_other_scopes(page: Pages, ada: Api, by_key: Any):
    issued = ada.create("api-keys", scopes=["keys:read", "keys:write"])
    rotations = f"{path(issued)}/rotations"
    narrow = ada.post(rotations, {"scopes": ["keys:read"], "overlap": "now"}).json
    assert narrow["scopes"] == ["keys:read"]
    holder = by_key(ada.create("api-keys", scopes=MAY_WRITE))
    beyond = holder.post(f"{path(narrow)}/rotations", {"scopes": ["webhooks:write"]})
    assert beyond.status_code == 422
    typed = {"overlap": "now", "has_scopes": "1", "scopes": ["events:read"]}
    form = page.get(f"/keys/{narrow['id']}/rotate").text
    key = re.search(r'name="idempotency_key"[^>]*value="([^"]+)"', form)
    assert key
    answer = page.post(f"/keys/{narrow['id']}/rotate", {**typed, "idempotency_key": key[1]})
    assert answer.status_code == 200
    successor = ada.get("/api-keys?status=active&sort=-created_at").json["items"][0]
    assert (successor["rotated_from_key_id"], successor["scopes"]) == (
        narrow["id"],
        ["events:read"],
    )


WHOLE_FAMILY = Path(migrations.DIRECTORY, "functions", "keys", "family_budgets.sql")
REFUSED = """
CREATE OR REPLACE FUNCTION family_budgets(p_tenant text, p_family text, p_also numeric)
RETURNS TABLE (max_usd numeric, key_id text) LANGUAGE plpgsql STABLE AS $$
BEGIN RAISE EXCEPTION 'It looks at the whole family'; END $$
"""


def test_a_lower_budget_is_given_to_each_child_without_a_look_at_the_whole_family(
    ada: Api, database: Database
) -> None:
    """Two thousand children took five seconds, in which their calls were refused."""
    parent = ada.create("api-keys", scopes=["keys:read"], max_budget_usd=100)
    made = [ada.post(f"{path(parent)}/children", {"lifetime_seconds": 60}) for _ in range(3)]
    assert ada.post(f"{path(made[0].json)}/usage", {"cost_usd": 60}).status_code < 300
    database.sql(REFUSED)
    try:
        changed(ada, parent, max_budget_usd=70)
    finally:
        database.sql(WHOLE_FAMILY.read_text())
    children = [ada.get(path(one.json)).json or {} for one in made]
    assert [(one["max_budget_usd"], one["version"]) for one in children] == [(70, 2)] * 3
    history = ada.get(f"{path(children[0])}/history").json["items"]
    assert history[0]["changes"]["max_budget_usd"] == [100, 70]
