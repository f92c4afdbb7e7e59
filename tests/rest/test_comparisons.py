"""Test the comparisons of lists beyond equality: not, contains, empty, and one level of OR."""

from typing import Any

import pytest

from portal.records.bounded_search import SHARE
from portal.rest.resources import Resource
from tests.cast import Api
from tests.resources import RESOURCES, minimal
from tests.thorough import IS_PROOF

every = pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)


@pytest.fixture
def webhooks(ada: Api) -> dict[str, str]:
    """Return the ids of three webhooks by their names."""
    crm = ada.create("applications", display_name="CRM 360")["id"]
    bodies = [
        {
            "name": "CRM events",
            "url": "https://hooks.example.com/a",
            "application_id": crm,
            "event_types": ["rfp.*"],
        },
        {"name": "Audit 100%", "url": "https://other.example.com/b", "tags": ["soc"]},
        {"name": "Nothing yet", "direction": "inbound"},
    ]
    return {body["name"]: ada.create("webhooks", **body)["id"] for body in bodies}


def names(ada: Api, question: str, resource: str = "webhooks") -> list[str]:
    answer = ada.get(f"/{resource}?{question}")
    assert answer.status_code == 200, answer.text
    return sorted(item["name"] for item in (answer.json or {})["items"])


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("direction_not=inbound", ["Audit 100%", "CRM events"]),
        ("direction_not=inbound,outbound", []),
        ("last_delivery_status_not=delivered", ["Audit 100%", "CRM events", "Nothing yet"]),
        ("tag_not=soc", ["CRM events", "Nothing yet"]),
        ("event_type_not=rfp.created", ["Audit 100%", "Nothing yet"]),
        ("name_contains=EVENTS", ["CRM events"]),
        ("name_contains=0%25", ["Audit 100%"]),
        ("name_contains=_", []),
        ("url_contains=other", ["Audit 100%"]),
        ("application_id_empty=true", ["Audit 100%", "Nothing yet"]),
        ("application_id_empty=false", ["CRM events"]),
        ("last_delivery_empty=true", ["Audit 100%", "CRM events", "Nothing yet"]),
        ("direction_not=inbound&name_contains=audit", ["Audit 100%"]),
        ("direction_not=inbound&name_contains=audit&sort=-name", ["Audit 100%"]),
        ("direction=inbound&name_contains=a", []),
        ("q=crm&name_contains=zzz", []),
        ("q=crm&direction_not=inbound", ["CRM events"]),
    ],
)
def test_a_list_compares_in_more_ways_than_by_equality(
    ada: Api, webhooks: dict[str, str], question: str, found: list[str]
) -> None:
    assert names(ada, question) == found


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (
            "either=direction,name_contains&direction=inbound&name_contains=audit",
            ["Audit 100%", "Nothing yet"],
        ),
        ("either=tag,direction&tag=soc&direction=inbound", ["Audit 100%", "Nothing yet"]),
        ("either=direction,tag&direction=inbound&tag=soc&name_contains=audit", ["Audit 100%"]),
        ("either=created_before,tag&created_before=2020-01-01&tag=soc", ["Audit 100%"]),
        ("either=event_type,tag&event_type=rfp.made&tag=soc", ["Audit 100%", "CRM events"]),
        ("either=direction,enabled&direction=inbound", ["Nothing yet"]),
        ("either=direction", ["Audit 100%", "CRM events", "Nothing yet"]),
    ],
)
def test_one_of_a_group_of_parameters_is_enough(
    ada: Api, webhooks: dict[str, str], question: str, found: list[str]
) -> None:
    assert names(ada, question) == found


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("direction_not=sideways", "direction_not"),
        ("application_id_not=a,,b", "application_id_not"),
        ("application_id_empty=perhaps", "application_id_empty"),
        ("either=colour", "either"),
        ("either=q", "either"),
        ("either=limit,", "either"),
        ("enabled_not=true", "enabled_not"),
        ("name_not=x", "name_not"),
        ("direction_contains=x", "direction_contains"),
    ],
)
def test_a_wrong_comparison_is_refused_by_its_name(ada: Api, question: str, field: str) -> None:
    answer = ada.get(f"/webhooks?{question}")
    assert answer.status_code == 400
    assert [error["field"] for error in (answer.json or {})["errors"]] == [field]


@pytest.mark.proof
@every
def test_every_comparison_of_every_list_is_answered(resource: Resource[Any, Any], ada: Api) -> None:
    listing = resource.listing
    made = ada.create(resource.name, **minimal(resource))
    sorts = (listing.default_sort, listing.sort_names[-1])
    for number, (parameter, (name, how)) in enumerate(listing.comparisons.items()):
        closed = listing.choices.get(name, ["x"])[0]
        text = {"after": "2020-01-01", "before": "2020-01-01", "empty": "true"}.get(how, closed)
        value = "true" if listing.is_switch(name) else text
        for sort in sorts if IS_PROOF else (sorts[number % 2],):
            answer = ada.get(f"/{resource.name}?{parameter}={value}&sort={sort}&count=true")
            assert answer.status_code == 200, (parameter, answer.text)
            found = answer.json or {}
            assert found["count"] == {"value": len(found["items"]), "more_than": False}, parameter
        if how in ("not", "empty"):
            other = {"not": f"{name}={value}", "empty": f"{parameter}=false"}[how]
            shown = "&include_deleted=true"
            both = [
                item["id"]
                for question in (f"{parameter}={value}", other)
                for item in (ada.get(f"/{resource.name}?{question}{shown}").json or {})["items"]
            ]
            assert both == [made["id"]], parameter


def test_a_comparison_without_an_index_looks_at_a_share_of_the_list(ada: Api) -> None:
    for start in (0, 300):
        bodies = [{"name": f"rfp.made{n:03}"} for n in range(start, start + 300)]
        assert ada.post("/event-types/batch", json={"items": bodies}).status_code in (200, 201)
    assert SHARE < 590  # so the oldest ten are beyond the first page's share
    question = "/event-types?name_contains=MADE00"
    first = ada.get(question).json or {}
    assert (first["items"], bool(first["next_cursor"])) == ([], True)
    rest = ada.get(f"{question}&cursor={first['next_cursor']}").json or {}
    assert (len(rest["items"]), rest["next_cursor"]) == (10, None)
    counted = ada.get(f"{question}&count=true").json or {}
    assert counted["count"] == {"value": 10, "more_than": False}


def test_every_record_is_found_once_on_the_pages_of_a_comparison(ada: Api) -> None:
    made = {ada.create("connectors", name=f"Log {n % 3}")["id"] for n in range(30)}
    for question in ("name_contains=log", "name_contains=log&sort=name", "provider_not=splunk"):
        found, cursor = [], ""
        while cursor is not None:
            page = ada.get(f"/connectors?{question}&limit=7{cursor}").json or {}
            found += [item["id"] for item in page["items"]]
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
        assert sorted(found) == sorted(made), question


def test_a_group_with_the_time_of_last_use_matches_the_keys_themselves(ada: Api) -> None:
    for name in ("Export", "Import", "Report"):
        ada.create("api-keys", name=name)
    either = "either=name_contains,last_used_after&last_used_after=2020-01-01"
    assert names(ada, f"{either}&name_contains=report", "api-keys") == ["Report"]
    both = "either=name_contains,last_used_empty&last_used_empty=true&name_contains=port"
    assert names(ada, both, "api-keys") == ["Export", "Import", "Report"]
