"""Test batches of every resource: all or none, or each on its own, and what belongs to a record."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from portal.core.config import libpq_url
from portal.rest.batch import MOST_AT_ONCE
from portal.rest.resources import Resource
from tests.cast import ADA, GUS, VIC, Api, Provider
from tests.databases import Database
from tests.quotas.conftest import set_quota
from tests.resources import RESOURCES, called, minimal

__all__ = ["set_quota"]

every = pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)


def bodies(resource: Resource[Any, Any], many: int = 3) -> list[dict[str, Any]]:
    """Return bodies that differ in what must be unique."""
    found = [dict(minimal(resource)) for _ in range(many)]
    for number, body in enumerate(found):
        if resource.name == "event-types":
            body["name"] = f"rfp.number{number}"
    return found


def batch(api: Api, resource: str, items: Any, **options: Any) -> Any:
    headers = options.pop("headers", {})
    return api.post(f"/{resource}/batch", {"items": items, **options}, headers=headers)


def stored(api: Api, resource: str) -> list[str]:
    return [item["id"] for item in (api.get(f"/{resource}").json or {})["items"]]


@every
@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_makes_what_single_requests_make(
    resource: Resource[Any, Any], ada: Api, api: Callable[[str], Api], atomic: bool
) -> None:
    single = ada.create(resource.name, **bodies(resource, 5)[4])
    answer = batch(ada, resource.name, bodies(resource), atomic=atomic)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    results = answer.json["results"]
    assert [(one["status"], one["problem"]) for one in results] == [(201, None)] * 3
    for one in results:
        item = one["item"]
        assert item.keys() == single.keys()
        path = f"/{resource.name}/{item['id']}"
        shown = {name: value for name, value in item.items() if name not in resource.once}
        assert ada.get(path).json == shown
        history = (ada.get(f"{path}/history").json or {})["items"]
        of_single = ada.get(f"/{resource.name}/{single['id']}/history").json["items"]
        assert [entry["action"] for entry in history] == [of_single[0]["action"]]
        assert history[0]["changes"].keys() == of_single[0]["changes"].keys()
        for secret in resource.once.keys() & single.keys():
            assert item[secret], "each new record shows its own secret"
        assert item["id"] in (ada.get(f"/{resource.name}?q={item['id']}").text)
        assert api(GUS).get(path).status_code == 404
    assert len({json.dumps(one["item"]) for one in results}) == 3
    named = str(minimal(resource).get(called(resource), "")).split(maxsplit=1)[0]
    if named:
        found = (ada.get(f"/{resource.name}?q={named}").json or {})["items"]
        assert {one["item"]["id"] for one in results} <= {item["id"] for item in found}


@every
def test_a_batch_names_every_item_that_is_refused_and_stores_nothing(
    resource: Resource[Any, Any], ada: Api
) -> None:
    items = [*bodies(resource), {"colour": "red"}, [], {called(resource): "\x07"}]
    answer = batch(ada, resource.name, items)
    assert answer.status_code == 422, answer.text
    fields = [error["field"] for error in answer.json["errors"]]
    assert fields == ["items.3.colour", "items.4.body", f"items.5.{called(resource)}"]
    assert stored(ada, resource.name) == []


@every
def test_a_batch_of_single_items_says_what_became_of_each(
    resource: Resource[Any, Any], ada: Api
) -> None:
    first, second, _ = bodies(resource)
    answer = batch(ada, resource.name, [first, {"colour": "red"}, second], atomic=False)
    assert answer.status_code == 200
    good, bad, fine = answer.json["results"]
    assert (good["status"], bad["status"], fine["status"]) == (201, 422, 201)
    assert bad["item"] is None
    assert bad["problem"]["code"] == "invalid"
    assert bad["problem"]["errors"][0]["field"] == "colour"
    assert sorted(stored(ada, resource.name)) == sorted(one["item"]["id"] for one in (good, fine))


def test_a_conflict_within_a_batch_is_named(ada: Api) -> None:
    ada.create("applications", slug="crm")
    items = [{"slug": "erp"}, {"slug": "crm"}, {"slug": "hr"}, {"slug": "erp"}]
    answer = batch(ada, "applications", items)
    assert answer.status_code == 409
    fields = [error["field"] for error in answer.json["errors"]]
    assert fields == ["items.1.slug", "items.3.slug"]
    assert len(stored(ada, "applications")) == 1
    results = batch(ada, "applications", items, atomic=False).json["results"]
    assert [one["status"] for one in results] == [201, 409, 201, 409]
    assert len(stored(ada, "applications")) == 3


def test_slugs_that_a_batch_makes_are_free(ada: Api) -> None:
    ada.create("applications", display_name="CRM")
    names = ["CRM", "ERP", "ERP", "", None, "Ω"]
    items = [{"display_name": name} if name else {} for name in names]
    results = batch(ada, "applications", items).json["results"]
    slugs = [one["item"]["slug"] for one in results]
    assert len({*slugs, "crm"}) == 7
    assert slugs[1] == "erp"
    assert slugs[3] == "untitled-application"


@every
def test_a_batch_is_made_once_for_an_idempotency_key(
    resource: Resource[Any, Any], ada: Api
) -> None:
    key = {"Idempotency-Key": "import-7"}
    first = batch(ada, resource.name, bodies(resource), headers=key)
    again = batch(ada, resource.name, bodies(resource), headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(stored(ada, resource.name)) == 3
    for one, same in zip(first.json["results"], again.json["results"], strict=True):
        hidden = dict.fromkeys(resource.once.keys() & one["item"].keys())
        assert same == {**one, "item": {**one["item"], **hidden}}


@every
def test_a_batch_has_bounds(resource: Resource[Any, Any], ada: Api) -> None:
    for items in ([], [{}] * (MOST_AT_ONCE + 1)):
        answer = batch(ada, resource.name, items)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "items"
    for body in ({}, {"items": {}}, {"items": [{}], "atomic": "yes"}, {"items": [{}], "x": 1}):
        assert ada.post(f"/{resource.name}/batch", body).status_code == 422, body
    assert stored(ada, resource.name) == []


@every
def test_a_batch_counts_towards_the_quota(
    resource: Resource[Any, Any], ada: Api, set_quota: Callable[..., None]
) -> None:
    option = f"--{resource.model.quota.replace('_', '-')}"
    first, more = bodies(resource, 6)[:3], bodies(resource, 6)[3:]
    set_quota(option, "2")
    assert batch(ada, resource.name, first).status_code == 409
    assert stored(ada, resource.name) == []
    set_quota(option, "3")  # the first record or batch of a tenant counts all that are there
    assert batch(ada, resource.name, first).status_code == 200
    assert ada.post(f"/{resource.name}", {}).status_code == 409
    set_quota(option, "5")
    assert batch(ada, resource.name, more).status_code == 409
    set_quota(option, "6")
    assert batch(ada, resource.name, more).status_code == 200
    assert ada.post(f"/{resource.name}", {}).status_code == 409
    assert len(stored(ada, resource.name)) == 6


@every
def test_each_record_of_a_batch_is_announced(resource: Resource[Any, Any], ada: Api) -> None:
    if resource.model.published_as is None:
        return
    name = f"{resource.model.published_as}.created"
    ada.create("webhooks", url="https://hooks.example.com/in", event_types=[name])
    before = len((ada.get(f"/events?type={name}").json or {})["items"])
    made = batch(ada, resource.name, bodies(resource)).json["results"]
    events = (ada.get(f"/events?type={name}").json or {})["items"]
    assert len(events) == before + 3
    assert {one["item"]["id"] for one in made} <= {event["subject"] for event in events}


def test_a_batch_needs_the_permission(ada: Api, api: Callable[[str], Api]) -> None:
    for resource in RESOURCES:
        assert batch(api(VIC), resource.name, [{}]).status_code == 403


def test_a_failure_in_the_middle_leaves_nothing(ada: Api, database: Database) -> None:
    """Let the database fail at the audit entry of the last record."""
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION fail_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NEW.record_name = 'Last' THEN RAISE 'the disk is full'; END IF; RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER fail_here BEFORE INSERT ON audit_entry FOR EACH ROW"
            " EXECUTE FUNCTION fail_here()"
        )
        try:
            for resource in RESOURCES:
                items = [*bodies(resource), {called(resource): "Last"}]
                if resource.name == "event-types":
                    items[-1] = {"name": "Last"}
                with pytest.raises(DBAPIError, match="the disk is full"):
                    batch(ada, resource.name, items)
                assert stored(ada, resource.name) == []
        finally:
            connection.execute("DROP FUNCTION fail_here CASCADE")
        left = connection.execute(
            "SELECT (SELECT count(*) FROM audit_entry WHERE action LIKE '%.created'),"
            " (SELECT count(*) FROM search_term WHERE kind <> 'person'),"
            " (SELECT count(*) FROM api_key_runtime)"
        ).fetchone()
    assert left == (0, 0, 0)


def test_both_ways_store_the_same(
    ada: Api, another_app: Callable[..., Flask], token_provider: Provider
) -> None:
    plain = Api(another_app(PORTAL_PLAIN="insert").test_client(), token_provider.token(ADA))
    items = [{"display_name": f"App {n}", "canonical_owner_of": ["Deal"]} for n in range(3)]
    pair = [batch(one, "applications", items).json["results"][0]["item"] for one in (ada, plain)]
    own = {"id", "slug", "created_at", "updated_at"}
    assert len({json.dumps({k: v for k, v in one.items() if k not in own}) for one in pair}) == 1
