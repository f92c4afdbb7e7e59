"""The weaknesses of keys: each is found, counted the same everywhere, and fixed by one action."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal.core.config import libpq_url
from portal.database.session import transaction
from portal.keys.listing import filters
from portal.keys.posture.posture import WEAKNESSES
from portal.keys.revocation import blast_radius
from portal.keys.usage import concerns
from tests.cast import ED, VIC, Api, Pages
from tests.databases import Database
from tests.front.kit import until

Browse = Callable[..., Pages]
Sql = Callable[..., None]
WEAK = [one.view for one in WEAKNESSES]
SOUND = {"expires_at": "2099-01-01T00:00:00Z", "rpm_limit": 60, "max_budget_usd": 5}


@pytest.fixture
def make(ada: Api) -> Callable[..., dict[str, Any]]:
    """Return a function that makes a key without any weakness, except for the values given."""
    return lambda **over: ada.create("api-keys", **(SOUND | over))


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Yield a function that takes the time away that people have to use a new key.

    The statements of lists are remembered with it, so they are written anew before and after.
    """

    def take() -> None:
        monkeypatch.setattr(filters, "GRACE", timedelta(seconds=-1))
        filters.CONSOLE.written.clear()

    yield take
    filters.CONSOLE.written.clear()


@pytest.fixture
def weak(app: Flask, ada: Api, make: Any, sql: Sql, no_grace: Callable[[], None]) -> Any:
    """Return `weak("idle")`, which makes a key with this weakness and, where possible, no other."""

    def used(days: int, **over: Any) -> dict[str, Any]:
        key = make(**over)
        statement = "UPDATE api_key_runtime SET last_used_at = now() - %s * interval '1 day'"
        sql(statement + " WHERE key_id = %s", days, key["id"])
        return dict(key)

    def many_sources() -> dict[str, Any]:
        key = used(0)
        for number in range(11):
            ada.post("/api-keys/verify", {"key": key["key"], "ip": f"203.0.113.{number}"})
        app.extensions["keys"].flush()
        return key

    def owner_gone() -> dict[str, Any]:
        key = used(0)
        sql("UPDATE person SET last_seen_at = now() - interval '91 days'")
        return key

    def never_used() -> dict[str, Any]:
        no_grace()
        return dict(make())

    soon = (datetime.now(UTC) + timedelta(days=5)).isoformat()
    made: dict[str, Callable[[], dict[str, Any]]] = {
        "expiring": lambda: used(0, expires_at=soon),
        "never_expires": lambda: used(0, expires_at=None),
        "no_budget": lambda: used(0, max_budget_usd=None),
        "unrestricted": lambda: used(0, rpm_limit=None, max_budget_usd=None),
        "idle": lambda: used(91),
        "never_used": never_used,
        "owner_gone": owner_gone,
        "many_sources": many_sources,
    }

    def of(view: str) -> dict[str, Any]:
        found = made[view]()
        with app.app_context(), transaction(ACME):
            concerns.find(ACME)
        return found

    return of


@pytest.mark.parametrize("view", WEAK)
def test_a_weakness_is_told_the_same_to_people_and_to_programs(
    view: str, page: Pages, ada: Api, make: Any, sql: Sql, weak: Any
):
    sound = make(name="Sound")
    sql("UPDATE api_key_runtime SET last_used_at = now()")
    found = weak(view)
    if view == "owner_gone":  # Ada made both, and another person is still active
        sql("UPDATE api_key SET created_by_user_id = 'per_x' WHERE id = %s", sound["id"])
        ada.get("/api-keys")
        found = weak(view)
    by_program = ada.get("/api-keys/posture").json or {}
    count = 2 if view == "owner_gone" else 1
    others = {"unrestricted": {"no_budget": 1}}.get(view, {})
    assert by_program == {**dict.fromkeys(WEAK, 0), view: count, **others}
    listed = page.get(f"/keys?show={view}").text
    assert found["id"] in listed
    assert sound["id"] not in listed
    weakness = next(one for one in WEAKNESSES if one.view == view)
    shown = page.get("/keys/posture").text
    assert weakness.title in shown
    assert weakness.fix in shown
    assert f"show={view}" in shown


@pytest.mark.parametrize(
    ("view", "mended"),
    [
        ("idle", {"status": "revoked"}),
        ("never_used", {"status": "revoked"}),
        ("owner_gone", {"blocked": True}),
        ("many_sources", {"blocked": True}),
        ("unrestricted", {"rpm_limit": 600, "status": "active"}),
        ("no_budget", {"max_budget_usd": 100.0, "budget_period": "month"}),
        ("never_expires", {"status": "active"}),
    ],
)
def test_a_weakness_is_mended_for_all_keys_that_have_it(
    view: str, mended: dict[str, Any], page: Pages, ada: Api, weak: Any
):
    found = weak(view)
    verb = next(one.verb for one in WEAKNESSES if one.view == view)
    assert f"/keys/bulk?show={view}&amp;verb={verb}" in page.get("/keys/posture").text
    assert "1 key selected" in page.get(f"/keys/bulk?show={view}&verb={verb}").text
    chosen = {"show": view, "verb": verb}
    assert page.post("/keys/bulk", chosen | {"confirm": "2"}).status_code == 422
    assert page.post("/keys/bulk", chosen | {"confirm": "1"}).status_code == 303
    key = ada.get(f"/api-keys/{found['id']}").json or {}
    assert key.items() >= mended.items()
    if view == "never_expires":
        left = datetime.fromisoformat(key["expires_at"]) - datetime.now(UTC)
        assert timedelta(days=89) < left <= timedelta(days=90)


@pytest.mark.parametrize("view", WEAK)
@pytest.mark.parametrize("verb", ["block", "revoke"])
def test_a_program_stops_the_keys_that_have_a_weakness(
    view: str, verb: str, ada: Api, make: Any, sql: Sql, weak: Any
):
    sound = make(name="Sound")
    sql("UPDATE api_key_runtime SET last_used_at = now()")
    found = weak(view)
    if view == "owner_gone":  # another person, who is still active, made the sound one
        sql("UPDATE api_key SET created_by_user_id = 'per_x' WHERE id = %s", sound["id"])
        sql("DELETE FROM key_concern WHERE key_id = %s", sound["id"])
    asked = {"weakness": view, "verb": verb, "reason": "A review"}
    counted = ada.post("/api-keys/revocations", asked).json or {}
    assert counted == {
        "count": 1, "left": 1, "dry_run": True,
        "sample": [{"id": found["id"], "name": found["name"]}],
    }  # fmt: skip
    done = ada.post("/api-keys/revocations", {**asked, "dry_run": False}).json or {}
    assert done == {**counted, "left": 0, "dry_run": False}
    key = ada.get(f"/api-keys/{found['id']}").json or {}
    stopped = key["blocked"] if verb == "block" else key["status"] == "revoked"
    assert stopped
    kept = ada.get(f"/api-keys/{sound['id']}").json or {}
    assert (kept["status"], kept["blocked"]) == ("active", False)


def test_a_weakness_narrows_what_other_conditions_name(ada: Api, make: Any):
    old = make(name="Old", tags=["old"], expires_at=None)
    make(name="New", expires_at=None)
    make(name="Sound", tags=["old"])
    asked = {"weakness": "never_expires", "tag": "old"}
    answer = ada.post("/api-keys/revocations", asked).json or {}
    assert [one["id"] for one in answer["sample"]] == [old["id"]]
    refused = ada.post("/api-keys/revocations", {"weakness": "ugly"}).json or {}
    assert refused["errors"][0]["field"] == "weakness"


def test_an_application_stops_only_its_own_weak_keys(app: Flask, ada: Api, make: Any):
    owner = ada.create("applications")["id"]
    theirs = make(name="Theirs", application_id=owner, expires_at=None)
    make(name="Another", expires_at=None)
    holder = make(name="Holder", application_id=owner, scopes=["keys:read", "keys:write"])
    caller = Api(app.test_client(), holder["key"])
    answer = caller.post("/api-keys/revocations", {"weakness": "never_expires"}).json or {}
    assert [one["id"] for one in answer["sample"]] == [theirs["id"]]


def test_a_repair_takes_nothing_away_that_a_key_has(page: Pages, ada: Api, make: Any):
    strict, free = make(rpm_limit=5), make(rpm_limit=None)
    chosen = {"id": f"{strict['id']},{free['id']}", "verb": "limit"}
    assert "1 key selected" in page.get("/keys/bulk", query_string=chosen).text
    refused = page.post("/keys/bulk", chosen | {"confirm": "2"})
    assert (refused.status_code, "Type 1 to confirm" in refused.text) == (422, True)
    assert page.post("/keys/bulk", chosen | {"confirm": "1"}).status_code == 303
    strict, free = (ada.get(f"/api-keys/{key['id']}").json or {} for key in (strict, free))
    assert (strict["rpm_limit"], strict["version"]) == (5, 1)
    assert (free["rpm_limit"], free["version"]) == (600, 2)


def test_a_repair_of_more_keys_than_it_changes_at_once_says_so(
    page: Pages, make: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(blast_radius, "MOST_REPAIRED", 2)
    ids = ",".join(make(rpm_limit=None)["id"] for _ in range(3))
    page.post("/keys/bulk", {"id": ids, "verb": "limit", "confirm": "3"})
    listed = page.get("/keys").text
    assert "2 of 3 keys are" in listed
    assert "Do it again for the others." in listed


def test_a_repair_gives_each_part_of_its_keys_free_before_the_next(
    ada: Api, make: Any, database: Database, monkeypatch: pytest.MonkeyPatch
):
    """A stop of a key waits for the part of the repair that holds it, and not for all."""
    monkeypatch.setattr(blast_radius, "REPAIRED_AT_ONCE", 1)
    *others, last = (make(max_budget_usd=None)["id"] for _ in range(4))
    asked = {"weakness": "no_budget", "remedy": "budget", "dry_run": False}
    with psycopg.connect(libpq_url(database.superuser_url)) as holder, ThreadPoolExecutor() as one:
        holder.execute("SELECT FROM api_key WHERE id = %s FOR UPDATE", [last])
        repaired = one.submit(ada.post, "/api-keys/repairs", asked)
        until(lambda: database.waiting("%api_key%"))
        for key_id in others:
            assert ada.post(f"/api-keys/{key_id}/revoke", {}).status_code == 200
        holder.rollback()
        assert repaired.result(10).json["count"] == 4


def test_a_key_that_is_stopped_before_its_turn_is_not_left_to_repair(
    ada: Api, make: Any, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(blast_radius, "REPAIRED_AT_ONCE", 1)
    first, *others = (make(max_budget_usd=None)["id"] for _ in range(3))
    asked = {"weakness": "no_budget", "remedy": "budget", "dry_run": False}
    with psycopg.connect(libpq_url(database.superuser_url)) as holder, ThreadPoolExecutor() as one:
        holder.execute("SELECT FROM api_key WHERE id = %s FOR UPDATE", [first])
        repaired = one.submit(ada.post, "/api-keys/repairs", asked)
        until(lambda: database.waiting("%api_key%"))
        for key_id in others:
            assert ada.post(f"/api-keys/{key_id}/revoke", {}).status_code == 200
        holder.rollback()
        done = repaired.result(10).json
    assert (done["count"], done["left"]) == (1, 0)


def test_a_repair_leaves_out_a_key_whose_child_is_being_changed_and_says_so(
    page: Pages, ada: Api, make: Any, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(blast_radius, "REPAIRED_AT_ONCE", 2)
    ids = [make(rpm_limit=None)["id"] for _ in range(5)]
    child = ada.post(f"/api-keys/{ids[3]}/children", {}).json["id"]
    with psycopg.connect(libpq_url(database.superuser_url)) as holder:
        holder.execute("SELECT FROM api_key WHERE id = %s FOR NO KEY UPDATE", [child])
        page.post("/keys/bulk", {"id": ",".join(ids), "verb": "limit", "confirm": "5"})
    assert "4 of 5 keys are" in page.get("/keys").text
    limits = [(ada.get(f"/api-keys/{id}").json or {})["rpm_limit"] for id in ids]
    assert limits == [600, 600, 600, None, 600]


def test_a_budget_for_good_is_not_made_one_of_each_month(page: Pages, ada: Api, make: Any):
    key = make(max_budget_usd=5)
    path = f"/api-keys/{key['id']}"
    assert key["budget_period"] == "none"
    assert "0 keys selected" in page.get(f"/keys/bulk?id={key['id']}&verb=budget").text
    page.post("/keys/bulk", {"id": key["id"], "verb": "budget", "confirm": "1"})
    assert (ada.get(path).json or {})["budget_period"] == "none"


def test_a_repair_leaves_a_key_alone_that_was_found_in_public(ada: Api, make: Any):
    """Nobody edits such a key before the leak is dealt with."""
    leaked, sound = (make(max_budget_usd=None) for _ in range(2))
    ada.patch("/api-keys/leak-policy", {"default": "notify"})
    ada.post("/api-keys/leaks", {"fingerprint": leaked["key_fingerprint"]})
    asked = {"weakness": "no_budget", "remedy": "budget"}
    counted = ada.post("/api-keys/repairs", asked).json or {}
    assert (counted["count"], counted["sample"]) == (1, [{n: sound[n] for n in ("id", "name")}])
    asked["dry_run"] = False
    for key, budgets in ((leaked, [None, 100]), (leaked, [100, 100])):
        assert ada.post("/api-keys/repairs", asked).json["count"] == 1
        both = [ada.get(f"/api-keys/{one['id']}").json for one in (leaked, sound)]
        assert [one["max_budget_usd"] for one in both] == budgets
        ada.post(f"/api-keys/{key['id']}/leak-settlements")


def test_keys_that_were_found_in_public_are_in_the_way_of_no_other(
    ada: Api, make: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(blast_radius, "MOST_REPAIRED", 1)
    ada.patch("/api-keys/leak-policy", {"default": "notify"})
    first, sound, last = (make(max_budget_usd=None) for _ in range(3))
    for leaked in (first, last):
        ada.post("/api-keys/leaks", {"fingerprint": leaked["key_fingerprint"]})
    asked = {"weakness": "no_budget", "remedy": "budget", "dry_run": False}
    assert (ada.post("/api-keys/repairs", asked).json or {})["count"] == 1
    assert (ada.get(f"/api-keys/{sound['id']}").json or {})["max_budget_usd"] == 100


def test_a_repair_needs_the_right_to_change_keys_only(app: Flask, ada: Api):
    writer = Api(app.test_client(), ada.create("api-keys", scopes=["keys:write"])["key"])
    answer = writer.post("/api-keys/repairs", {"weakness": "no_budget", "remedy": "budget"})
    assert (answer.status_code, answer.json["count"]) == (200, 1)


def test_a_key_that_was_just_issued_is_not_yet_unused(ada: Api, make: Any):
    make()
    assert (ada.get("/api-keys/posture").json or {})["never_used"] == 0


def test_a_key_that_has_a_successor_needs_no_other(page: Pages, ada: Api, make: Any):
    old = make(name="Nightly", expires_at="2099-01-01T00:00:00Z")
    ada.post(f"/api-keys/{old['id']}/children")
    assert ada.post(f"/api-keys/{old['id']}/rotations", {"overlap": "24h"}).status_code == 201
    assert (ada.get("/api-keys/posture").json or {})["expiring"] == 0
    assert "expires soon" not in page.get("/").text


def test_a_key_whose_successor_has_ended_needs_another(ada: Api, make: Any):
    def expiring() -> list[str]:
        found: Any = ada.get("/api-keys/posture/expiring/keys").json
        return [key["id"] for key in found["items"]]

    soon = (datetime.now(UTC) + timedelta(days=5)).isoformat()
    old = make(name="Nightly", expires_at=soon)
    new = ada.post(f"/api-keys/{old['id']}/rotations", {"overlap": "24h"}).json or {}
    assert expiring() == [new["id"]]
    ada.post(f"/api-keys/{new['id']}/revoke")
    ada.post(f"/api-keys/{old['id']}/rotation/cancellations")
    assert expiring() == [old["id"]]
    assert (ada.get("/api-keys/posture").json or {})["expiring"] == 1


def test_a_person_who_calls_and_does_not_sign_in_is_not_gone(
    app: Flask, ada: Api, make: Any, sql: Sql
):
    key = make()
    sql("UPDATE person SET last_seen_at = now() - interval '91 days'")
    assert ada.get("/api-keys").status_code == 200
    with app.app_context(), transaction(ACME):
        concerns.find(ACME)
    assert ada.get("/api-keys/posture").json["owner_gone"] == 0, key["id"]


def test_a_weakness_that_is_over_is_forgotten(app: Flask, ada: Api, weak: Any, sql: Sql):
    weak("many_sources")
    assert (ada.get("/api-keys/posture").json or {})["many_sources"] == 1
    sql("UPDATE key_use SET hour = hour - interval '8 days'")
    with app.app_context(), transaction(ACME):
        concerns.find(ACME)
    assert (ada.get("/api-keys/posture").json or {})["many_sources"] == 0


def test_who_may_only_look_is_offered_no_repair(browse: Browse, weak: Any):
    weak("never_expires")
    for email in (ED, VIC):
        text = browse(email).get("/keys/posture").text
        assert "Never expire" in text
        assert "/keys/bulk" not in text
