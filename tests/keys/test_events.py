"""The events about keys: every step of a key's life is in the event stream."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from portal_devtools.identity_provider.people import ACME
from sqlalchemy import func, literal, select

from portal.database.session import transaction
from portal.events.catalogue.portal_types import PORTAL_TYPES
from portal.events.listeners import Owed, Published, Rows, Work
from portal.fast.statements import Bound, Statement
from portal.keys.housekeeping import HOUSEKEEPING
from portal.keys.revocation import blast_radius
from portal.keys.usage import expiry_notices
from tests.cast import ADA, Api, Pages
from tests.databases import Database
from tests.statements import statements

Turn = Callable[[], None]


@pytest.fixture
def subscribed(ada: Api) -> None:
    ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["api_key.*", "api_keys.*"])


@pytest.fixture
def told(ada: Api, subscribed: None) -> Callable[[str], list[dict[str, Any]]]:
    """Return `told("revoked")`, which returns the data of these events, each valid by its
    schema."""

    def of(name: str) -> list[dict[str, Any]]:
        kind = name if "." in name else f"api_key.{name}"
        found: Any = ada.get(f"/events?type={kind}").json
        for event in found["items"]:
            Draft202012Validator(PORTAL_TYPES[kind].json_schema).validate(event["data"])
        return [event["data"] for event in reversed(found["items"])]

    return of


@pytest.fixture
def upkeep(app: Flask) -> Turn:
    """Return a function that runs the worker's notices about keys once."""

    def turn() -> None:
        with app.app_context(), transaction(ACME):
            expiry_notices.announce_expiring(ACME)
            expiry_notices.announce_unused(ACME)

    return turn


def test_every_step_of_a_keys_life_is_told(ada: Api, told: Callable[..., Any]):
    issued = ada.create("api-keys", max_budget_usd=1)
    path = f"/api-keys/{issued['id']}"
    ada.post(f"{path}/block", {"reason": "odd"})
    ada.post(f"{path}/unblock")
    ada.post(f"{path}/usage", {"cost_usd": 0.85})
    successor = ada.post(f"{path}/rotations", {"overlap": "until_quiet"}).json or {}
    ada.post(f"{path}/revoke", {"at": "2099-01-01T00:00:00Z"})
    ada.post(f"{path}/revoke")
    assert [event["id"] for event in told("created")] == [issued["id"], successor["id"]]
    for step in ("blocked", "unblocked", "rotated", "revocation_planned", "revoked"):
        assert [event["id"] for event in told(step)] == [issued["id"]], step
    passed = told("budget_threshold")
    assert sorted((event["id"], event["percent"]) for event in passed) == [
        (issued["id"], 50),
        (issued["id"], 80),
    ]


def test_a_rotation_without_overlap_tells_of_both(ada: Api, told: Callable[..., Any]):
    issued = ada.create("api-keys")
    ada.post(f"/api-keys/{issued['id']}/rotations", {"overlap": "now"})
    assert [event["id"] for event in told("rotated")] == [issued["id"]]
    assert [event["id"] for event in told("revoked")] == [issued["id"]]


def test_a_key_that_expires_is_told_of_at_14_7_and_1_days_once_each(
    ada: Api, told: Callable[..., Any], sql: Callable[..., None], upkeep: Turn
):
    issued = ada.create("api-keys", name="Nightly", expires_at="2099-01-01T00:00:00Z")
    upkeep()
    assert told("expiring") == []
    sql("UPDATE api_key SET created_at = now() - interval '60 days'")
    for hours_left in (340, 330, 170, 160, 30, 23, 1):
        # Time passes: the same expiry, with the notices that were sent about it, is nearer.
        sql("UPDATE api_key SET expires_at = now() + make_interval(hours => %s)", hours_left)
        sql("UPDATE key_notice SET about = (SELECT expires_at FROM api_key)")
        upkeep()
        upkeep()
    assert [event["days"] for event in told("expiring")] == [14, 7, 1]
    [first, *_] = told("expiring")
    assert (first["id"], first["name"]) == (issued["id"], "Nightly")


class Slow:
    """A listener that needs 0.3 seconds for each event, as a thousand webhooks may."""

    def who_wants(
        self, tenant_id: str, types: Collection[str], at_most: int | None = None
    ) -> Bound:
        return Bound(Statement(select(literal("a webhook"))), {})

    def owes(self, tenant_id: str, events: Sequence[Published], wanting: Rows, work: Work) -> Owed:
        return Owed([Bound(Statement(select(func.pg_sleep(0.3))), {}) for _ in events], {})


LONG_AGO = "UPDATE api_key SET created_at = now() - interval '200 days'"
DUE = {
    "tell of expiring keys": (
        "expiring",
        f"{LONG_AGO}, expires_at = now() + interval '5 days'",
    ),
    "tell of unused keys": ("unused", LONG_AGO),
    "end planned keys": ("revoked", "UPDATE api_key SET revoke_at = now()"),
    "finish rotations": ("revoked", "UPDATE key_rotation SET finish_at = now()"),
}


@pytest.mark.parametrize(("job_name", "told_of", "make_due"), [(k, *v) for k, v in DUE.items()])
def test_a_step_that_tells_of_many_keys_ends_in_time_and_the_next_goes_on(
    app: Flask,
    ada: Api,
    told: Callable[..., Any],
    sql: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    job_name: str,
    told_of: str,
    make_due: str,
):
    for _ in range(4):
        issued = ada.create("api-keys")
        if job_name == "finish rotations":
            ada.post(f"/api-keys/{issued['id']}/rotations", {"overlap": "24h"})
    sql(make_due)
    [job] = [one for one in HOUSEKEEPING if one.name == job_name]
    listening = app.extensions["event_listeners"]
    monkeypatch.setitem(app.extensions, "event_listeners", [*listening, Slow()])

    def step() -> bool:
        with app.app_context(), transaction(ACME):
            return bool(job.run(ACME) and job.repeats)

    assert step()
    assert 0 < len(told(told_of)) < 4
    while step():
        pass
    assert len(told(told_of)) == 4


def test_another_expiry_is_told_of_anew(
    ada: Api, told: Callable[..., Any], sql: Callable[..., None], upkeep: Turn
):
    ada.create("api-keys", expires_at="2099-01-01T00:00:00Z")
    sql("UPDATE api_key SET created_at = now() - interval '60 days'")
    for days in (5, 6):
        sql("UPDATE api_key SET expires_at = now() + make_interval(days => %s)", days)
        upkeep()
    assert [event["days"] for event in told("expiring")] == [7, 7]


def test_a_key_that_stays_after_a_rotation_is_told_of_again(
    ada: Api, told: Callable[..., Any], database: Database, upkeep: Turn
):
    issued = ada.create("api-keys", expires_at="2099-01-01T00:00:00Z")
    database.sql(
        "UPDATE api_key SET created_at = now() - interval '60 days',"
        " expires_at = now() + interval '5 days'"
    )
    path = f"/api-keys/{issued['id']}"
    successor = ada.post(f"{path}/rotations", {"overlap": "24h"}).json or {}
    due = "SELECT due_expiry_notices('', 10, '{1,7,14}')"
    upkeep()
    assert (told("expiring"), database.sql(due)) == ([], None)
    ada.post(f"/api-keys/{successor['id']}/revoke")
    assert ada.post(f"{path}/rotation/cancellations").status_code == 200
    assert database.sql(due) == ACME
    upkeep()
    assert [event["id"] for event in told("expiring")] == [issued["id"]]
    assert database.sql(due) is None


def test_what_is_meant_to_end_soon_is_not_told_of(
    ada: Api, told: Callable[..., Any], sql: Callable[..., None], upkeep: Turn
):
    rotated, revoked = ada.create("api-keys"), ada.create("api-keys")
    parent, brief = ada.create("api-keys"), ada.create("api-keys", name="For three days")
    ada.post(f"/api-keys/{parent['id']}/children")
    sql("UPDATE api_key SET created_at = now() - interval '60 days'")
    ada.post(f"/api-keys/{rotated['id']}/rotations", {"overlap": "24h"})
    sql("UPDATE api_key SET expires_at = now() + interval '5 days' WHERE id = %s", revoked["id"])
    ada.post(f"/api-keys/{revoked['id']}/revoke")
    sql(
        "UPDATE api_key SET created_at = now(), expires_at = now() + interval '3 days'"
        " WHERE id = %s",
        brief["id"],
    )
    upkeep()
    assert told("expiring") == []


def test_a_key_that_nobody_uses_is_told_of_once_until_it_is_used_again(
    ada: Api, told: Callable[..., Any], sql: Callable[..., None], upkeep: Turn
):
    used, never, fresh = (ada.create("api-keys", name=name) for name in ("used", "never", "new"))
    old = "UPDATE api_key SET created_at = now() - interval '200 days' WHERE id = %s"
    sql(old, used["id"])
    sql(old, never["id"])
    last = "UPDATE api_key_runtime SET last_used_at = now() - interval '1 day' * %s WHERE key_id=%s"
    sql(last, 91, used["id"])
    upkeep()
    upkeep()
    first = told("unused")
    assert {event["name"] for event in first} == {"used", "never"}
    assert {event["last_used_at"] is None for event in first} == {True, False}
    sql(last, 89, used["id"])
    upkeep()
    assert len(told("unused")) == 2
    sql(last, 90.5, used["id"])
    upkeep()
    assert [event["name"] for event in told("unused")][2:] == ["used"]
    assert fresh["id"] not in str(told("unused"))


@pytest.mark.parametrize(("verb", "name"), [("revoke", "revoked"), ("block", "blocked")])
def test_many_stopped_at_once_are_one_event(
    ada: Api,
    told: Callable[..., Any],
    browse: Callable[..., Pages],
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    name: str,
):
    monkeypatch.setattr(blast_radius, "ONE_BY_ONE", 1)
    crm = ada.create("applications", display_name="CRM 360")
    keys = [ada.create("api-keys", application_id=crm["id"]) for _ in range(3)]
    chosen = {"application_id": crm["id"], "verb": verb, "confirm": "3", "reason": "stolen"}
    assert browse(ADA).post("/keys/bulk", chosen).status_code == 303
    event = {"count": 3, "reason": "stolen", "application_id": crm["id"]}
    assert told(f"api_keys.{name}") == [event]
    assert told(name) == []
    for key in keys:
        [newest, *_] = ada.get(f"/api-keys/{key['id']}/history").json["items"]
        assert newest["action"] == f"key.{name}"
        assert newest["changes"]["reason"] == [None, "stolen"]


def test_many_keys_of_two_applications_are_one_event_of_neither(
    ada: Api,
    told: Callable[..., Any],
    browse: Callable[..., Pages],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(blast_radius, "ONE_BY_ONE", 1)
    owners = [ada.create("applications", display_name=name)["id"] for name in ("CRM", "ERP")]
    for owner in owners:
        ada.create("api-keys", application_id=owner)
    browse(ADA).post("/keys/bulk", {"application_id": ",".join(owners), "confirm": "2"})
    assert told("api_keys.revoked") == [{"count": 2, "reason": None, "application_id": None}]


@pytest.mark.parametrize("path", ["bulk", "panic", "REST"])
def test_a_thousand_keys_are_stopped_with_as_many_statements_as_three(
    ada: Api,
    browse: Callable[..., Pages],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
):
    """In an emergency there is no time for a statement about each key."""
    monkeypatch.setattr(blast_radius, "ONE_BY_ONE", 1)
    page = browse(ADA)

    def stopped(many: int) -> int:
        crm = ada.create("applications", display_name=f"CRM {many}")
        for _ in range(many):
            ada.create("api-keys", application_id=crm["id"])
        chosen = {"application_id": crm["id"]}
        with statements() as sent:
            if path == "REST":
                ada.post("/api-keys/revocations", {**chosen, "dry_run": False})
            else:
                typed = {"bulk": str(many), "panic": crm["slug"]}[path]
                page.post(f"/keys/{path}", {**chosen, "confirm": typed})
        [written] = [sql for sql, _ in sent if sql.startswith("UPDATE api_key ")]
        assert "SELECT" not in written, "a bad plan searches all keys for each"
        live = ada.get(f"/api-keys?application_id={crm['id']}&status=active").json or {}
        assert live["items"] == []
        return len(sent)

    stopped(2)
    assert stopped(3) == stopped(9)


def test_every_event_of_a_key_is_in_the_catalogue(vic: Api):
    names = {one["name"] for one in vic.get("/event-types/own").json["items"]}
    steps = "created rotated expiring revoked blocked leaked budget_threshold unused"
    assert {f"api_key.{step}" for step in steps.split()} <= names
    for own in PORTAL_TYPES.values():
        Draft202012Validator(own.json_schema).validate(own.example)
