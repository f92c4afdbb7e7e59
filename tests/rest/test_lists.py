"""Test the filters, ranges, orders, counts and links of lists, over every resource."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from portal_devtools.identity_provider.people import ACME

from portal.core.config import libpq_url
from portal.records.listing import MOST_COUNTED, NOT_OURS, Cursor
from portal.rest.resources import Resource
from tests.cast import GUS, PREFIX, Api
from tests.databases import Database
from tests.resources import RESOURCES, minimal

every = pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)
LAST_TIMES = [
    ("webhooks", "last_delivery_at", "UPDATE webhook SET last_delivery_at = %s WHERE id = %s"),
    ("connectors", "last_sync_at", "UPDATE connector SET last_sync_at = %s WHERE id = %s"),
    ("connectors", "last_check_at", "UPDATE connector SET last_check_at = %s WHERE id = %s"),
    ("api-keys", "last_used_at", "UPDATE api_key_runtime SET last_used_at = %s WHERE key_id = %s"),
]


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


def run(database: Database, statement: str, *values: Any) -> None:
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        connection.execute(statement, values)


@every
def test_a_set_of_ids_finds_those_that_the_caller_sees(
    resource: Resource[Any, Any], ada: Api, api: Callable[[str], Api]
) -> None:
    first, second, third = (ada.create(resource.name)["id"] for _ in range(3))
    theirs = api(GUS).create(resource.name)["id"]
    assert ids(ada.get(f"/{resource.name}?id={third},{first},{theirs},made-up")) == [third, first]
    assert ids(ada.get(f"/{resource.name}?id={second}&sort=updated_at")) == [second]
    assert ids(ada.get(f"/{resource.name}?id={theirs}")) == []
    assert ids(api(GUS).get(f"/{resource.name}?id={first},{second}")) == []


@every
@pytest.mark.parametrize("value", ["a,", ",", ",".join(f"x{n}" for n in range(201))])
def test_a_set_of_ids_is_well_formed_and_small(
    resource: Resource[Any, Any], ada: Api, value: str
) -> None:
    answer = ada.get(f"/{resource.name}", query_string={"id": value})
    assert answer.status_code == 400
    assert (answer.json or {})["errors"][0]["field"] == "id"


@every
def test_every_date_of_a_record_is_a_range(resource: Resource[Any, Any], ada: Api) -> None:
    dates = {
        name
        for name, field in resource.document.model_fields.items()
        if datetime in (field.annotation, *get_args(field.annotation))
    }
    if not resource.delete:
        dates -= {"deleted_at"}
    assert dates == set(resource.listing.ranges)
    made = ada.create(resource.name, **minimal(resource))
    assert ids(ada.get(f"/{resource.name}?created_after=2020-01-01")) == [made["id"]]
    for name in dates:
        never = f"/{resource.name}?{name.removesuffix('_at')}_before=2020-01-01"
        assert ids(ada.get(never)) == [], name


def test_what_was_deleted_is_found_by_its_time(ada: Api) -> None:
    kept, gone = (ada.create("connectors")["id"] for _ in range(2))
    ada.delete(f"/connectors/{gone}")
    assert ids(ada.get("/connectors?deleted_after=2020-01-01")) == [gone]
    assert ids(ada.get("/connectors?deleted_before=2020-01-01")) == []
    assert ids(ada.get("/connectors")) == [kept]


@pytest.mark.parametrize(("path", "name", "statement"), LAST_TIMES)
def test_a_missing_time_is_in_no_range_and_last_among_the_newest(
    ada: Api, database: Database, path: str, name: str, statement: str
) -> None:
    old, never, new, never_too = (ada.create(path)["id"] for _ in range(4))
    now = datetime.now(UTC)
    run(database, statement, now - timedelta(days=9), old)
    run(database, statement, now - timedelta(days=2), new)
    newest_first = [new, old, never_too, never]
    assert ids(ada.get(f"/{path}?sort=-{name}")) == newest_first
    assert ids(ada.get(f"/{path}?sort={name}")) == newest_first[::-1]
    assert walked(ada, f"/{path}?sort=-{name}&limit=1") == newest_first
    assert walked(ada, f"/{path}?sort={name}&limit=1") == newest_first[::-1]
    after, before = (f"{name.removesuffix('_at')}_{end}" for end in ("after", "before"))
    for days, newer, older in ((1, [], [new, old]), (5, [new], [old]), (10, [new, old], [])):
        moment = {"limit": 3}
        at = (now - timedelta(days=days)).isoformat()
        assert ids(ada.get(f"/{path}", query_string={after: at, **moment})) == newer
        assert ids(ada.get(f"/{path}", query_string={before: at, **moment})) == older


def test_the_time_of_use_is_exact_within_a_day(ada: Api, database: Database) -> None:
    made = ada.create("api-keys")["id"]
    used = datetime(2026, 3, 4, 12, tzinfo=UTC)
    run(database, LAST_TIMES[-1][2], used, made)
    for shift, newer in ((-1, [made]), (0, [made]), (1, [])):
        at = (used + timedelta(hours=shift)).isoformat()
        assert ids(ada.get("/api-keys", query_string={"last_used_after": at})) == newer
        older = [] if newer else [made]
        assert ids(ada.get("/api-keys", query_string={"last_used_before": at})) == older


def test_keys_are_sorted_by_what_was_spent(ada: Api, database: Database) -> None:
    made = [ada.create("api-keys")["id"] for _ in range(3)]
    for key, spent in zip(made, (5, 70, 0), strict=True):
        run(database, "UPDATE api_key_runtime SET spend_usd = %s WHERE key_id = %s", spent, key)
    assert walked(ada, "/api-keys?sort=-spend_usd&limit=1") == [made[1], made[0], made[2]]


def walked(api: Api, path: str) -> list[str]:
    """Return the ids of all pages, in order."""
    found: list[str] = []
    cursor = ""
    while True:
        answer = api.get(path + cursor)
        found += ids(answer)
        if (answer.json or {})["next_cursor"] is None:
            return found
        cursor = f"&cursor={(answer.json or {})['next_cursor']}"


def test_a_cursor_belongs_to_the_list_that_gave_it(ada: Api) -> None:
    made = {one.name: ada.create(one.name, **minimal(one))["id"] for one in RESOURCES}
    hook, connector = f"/webhooks/{made['webhooks']}", f"/connectors/{made['connectors']}"
    inbound = ada.create("webhooks", direction="inbound")["id"]
    own = {f"/{one.name}": {one.model.id_prefix} for one in RESOURCES} | {
        "/deliveries": {"dlv"},
        f"{hook}/deliveries": {"dlv"},
        f"{hook}/test-deliveries": {"dlv", "att"},
        f"/webhooks/{inbound}/received": {"inr"},
        f"{connector}/checks": {"chk"},
        f"{connector}/leases": {"lse"},
        "/events": {"evt"},
        "/audit": {"aud"},
        "/deleted": {one.model.id_prefix for one in RESOURCES if one.delete},
    }
    sorts = {"received": "-received_at", "events": "-received_at", "audit": "-occurred_at",
             "deleted": "-deleted_at"}  # fmt: skip
    for path, prefixes in own.items():
        sort = sorts.get(path.rpartition("/")[2], "-created_at")
        for prefix in set().union(*own.values()):
            cursor = Cursor(sort, "2026-01-31T09:00:00Z", f"{prefix}_{'0' * 26}").encode()
            answer = ada.get(f"{path}?cursor={cursor}")
            refused = (answer.json or {}).get("detail") == f"cursor: {NOT_OURS}"
            assert (answer.status_code, refused) == (
                (200, False) if prefix in prefixes else (400, True)
            ), (path, prefix)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00", "soon"])
def test_a_cursor_of_a_time_that_never_was_is_no_error_of_ours(ada: Api, at: str) -> None:
    for path, sort, prefix in (
        ("/audit?", "-occurred_at", "aud"),
        ("/deleted?", "-deleted_at", "whk"),
        ("/connectors?sort=-updated_at&", "-updated_at", "cnn"),
    ):
        for backward in (False, True):
            cursor = Cursor(sort, at, f"{prefix}_{'Z' * 26}", backward).encode()
            answer = ada.get(f"{path}cursor={cursor}")
            assert answer.status_code == (400 if at == "soon" else 200), (path, answer.text)


def test_a_filter_with_several_values_finds_any_of_them(ada: Api) -> None:
    kinds = ("app", "library", "platform-service")
    app, library, service = (ada.create("applications", kind=kind)["id"] for kind in kinds)
    assert ids(ada.get("/applications?kind=app,library")) == [library, app]
    assert ids(ada.get("/applications?kind=library")) == [library]
    bad = ada.get("/applications?kind=app,toaster")
    assert (bad.json or {})["errors"][0]["field"] == "kind"
    keys = [ada.create("api-keys", application_id=id)["id"] for id in (app, app, service)]
    assert ids(ada.get(f"/api-keys?application_id={app},{service}")) == keys[::-1]
    ada.post(f"/api-keys/{keys[1]}/revoke")
    assert ids(ada.get("/api-keys?status=active,revoked")) == keys[::-1]
    assert ids(ada.get("/api-keys?status=revoked,expired")) == [keys[1]]


def test_a_text_that_may_hold_a_comma_is_one_value(ada: Api) -> None:
    made = ada.create("applications", primary_domain="sales, service")["id"]
    found = ada.get("/applications", query_string={"primary_domain": "sales, service"})
    assert ids(found) == [made]


def test_webhooks_are_found_by_an_event_type_through_their_patterns(ada: Api) -> None:
    exact, group, everything, other = (
        ada.create("webhooks", event_types=types)["id"]
        for types in (["rfp.won", "rfp.*"], ["rfp.*", "bid.*"], ["*"], ["bid.lost"])
    )
    assert ids(ada.get("/webhooks?event_type=rfp.won")) == [everything, group, exact]
    assert ids(ada.get("/webhooks?event_type=bid.lost")) == [other, everything, group]
    assert ids(ada.get("/webhooks?event_type=bid.won,other")) == [everything, group]
    assert ids(ada.get("/webhooks?event_type=rfp.won&sort=name")) == [exact, group, everything]
    assert ids(ada.get(f"/webhooks?event_type=rfp.won&id={exact},{other}")) == [exact]
    assert ids(ada.get("/webhooks", query_string={"event_type": "x." * 300})) == []
    ada.delete(f"/webhooks/{group}")
    assert walked(ada, "/webhooks?event_type=rfp.won&limit=1") == [everything, exact]


def test_a_page_by_event_type_passes_over_many_that_are_hidden(
    ada: Api, database: Database
) -> None:
    first = ada.create("webhooks", event_types=["*"])["id"]
    gone = [ada.create("webhooks", event_types=["rfp.*"])["id"] for _ in range(120)]
    last = ada.create("webhooks", event_types=["rfp.won"])["id"]
    run(
        database,
        "UPDATE webhook SET is_deleted = true, deleted_at = now() WHERE id = ANY(%s)",
        gone,
    )
    for sort in ("created_at", "-created_at"):
        found = walked(ada, f"/webhooks?event_type=rfp.won&limit=1&sort={sort}")
        assert found == ([first, last] if sort == "created_at" else [last, first])


def test_keys_are_found_by_a_scope(ada: Api) -> None:
    reads, both = (
        ada.create("api-keys", scopes=scopes)["id"]
        for scopes in (["keys:read"], ["keys:read", "webhooks:read"])
    )
    assert ids(ada.get("/api-keys?scope=keys:read")) == [both, reads]
    assert ids(ada.get("/api-keys?scope=webhooks:read")) == [both]
    assert ids(ada.get("/api-keys?scope=webhooks:read,keys:read&sort=name")) == [reads, both]
    assert ids(ada.get("/api-keys?scope=keys")) == []


@every
def test_a_list_counts_on_demand(resource: Resource[Any, Any], ada: Api) -> None:
    made = [ada.create(resource.name)["id"] for _ in range(3)]
    path = f"/{resource.name}?limit=1"
    assert "count" not in (ada.get(path).json or {})
    for query, value in (("", 3), (f"&id={made[0]},{made[1]}", 2), ("&q=nothing-like-it", 0)):
        answer = ada.get(f"{path}&count=true{query}").json or {}
        assert answer["count"] == {"value": value, "more_than": False}


MANY_KEYS = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, version)
SELECT %s, 'key_' || lpad(n::text, 26, '0'), 'Key', encode(sha256(n::text::bytea), 'hex'),
    'sk-acme-', 'sk-acme-abcd', 'abcd', 1
FROM generate_series(1, %s) AS n
"""


def test_a_count_ends_where_it_would_cost_too_much(ada: Api, database: Database) -> None:
    run(database, MANY_KEYS, ACME, MOST_COUNTED)
    count = (ada.get("/api-keys?count=true").json or {})["count"]
    assert count == {"value": MOST_COUNTED, "more_than": False}
    ada.create("api-keys")
    count = (ada.get("/api-keys?count=true").json or {})["count"]
    assert count == {"value": MOST_COUNTED, "more_than": True}


def test_a_page_links_to_the_next_and_keeps_its_parameters(ada: Api) -> None:
    for _ in range(3):
        ada.create("applications", display_name="R & D, München")
    asked = {"q": "münchen", "limit": "2", "sort": "display_name", "kind": "app,library"}
    answer = ada.get("/applications", query_string=asked)
    target, relation = answer.headers["Link"].split(";")
    assert relation == ' rel="next"'
    onward = urlsplit(target.strip("<>"))
    assert onward.path == f"{PREFIX}/applications"
    cursor = (answer.json or {})["next_cursor"]
    assert parse_qs(onward.query) == {name: [value] for name, value in asked.items()} | {
        "cursor": [cursor]
    }
    last = ada.get(f"/applications?{onward.query}")
    assert len(ids(last)) == 1
    assert "Link" not in last.headers
