"""A job and an export of all that match have the records that the list shows, for every filter."""

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from portal.bulk.kinds import KINDS
from tests.cast import ADA, Api, Pages
from tests.thorough import IS_PROOF, some

PATHS = {name: f"/{kind.page}" for name, kind in KINDS.items()}
NO_FILTERS = ("sort", "limit")
Documents = list[dict[str, Any]]


@pytest.fixture
def different(ada: Api) -> None:
    """Make records that differ in what people filter by, and delete one of each kind."""
    crm = ada.create("applications", display_name="CRM", slug="crm")["id"]
    ada.create(
        "applications", display_name="Logs", kind="platform-service", primary_domain="a.example"
    )
    ada.create("api-keys", name="Export", kind="service", scopes=["keys:read"], tags=["soc"])
    blocked = ada.create("api-keys", name="Import", expires_at="2099-01-31T00:00:00Z")["id"]
    ada.post(f"/api-keys/{blocked}/block", {})
    connector = ada.create("connectors", name="Logs", tags=["soc"])["id"]
    ada.create("connectors", name="Tickets", application_id=crm)
    ada.create("webhooks", name="Events", url="https://a.example/", application_id=crm)
    ada.create("webhooks", name="Inbox", direction="inbound", tags=["soc"])
    ada.create("webhooks", name="Logs", connector_id=connector)
    for resource in PATHS:
        name = "display_name" if resource == "applications" else "name"
        ada.create(resource, **{name: "Logs of old"})
        made = ada.create(resource, **{name: "Gone"})["id"]
        ada.delete(f"/{resource}/{made}")


def shown(page: str) -> set[str]:
    """Return the ids of the rows of a list's page."""
    return set(re.findall(r'<th scope="row".*?<a href="/[a-z]+/(\w+)"', page))


def bar(page: str) -> dict[str, str]:
    """Return the filter that the bar below a list sends."""
    drawn = page[page.index('id="bulk"') :]
    found = re.search(r'name="filter" value="([^"]*)"', drawn)
    assert found
    return dict(parse_qsl(unescape(found[1]), keep_blank_values=True))


def previewed(ada: Api, resource: str, asked: dict[str, str]) -> set[str]:
    """Return the ids of a job's preview."""
    values = {"status": "deprecated"} if resource == "applications" else {"add_tags": ["night"]}
    act = {"resource": resource, "verb": "edit", "arguments": values}
    job = ada.post("/bulk-jobs", {**act, "filter": asked})
    assert job.status_code == 201, job.text
    rows = ada.get(f"/bulk-jobs/{job.json['id']}/rows?limit=200").json["items"]
    return {row["record_id"] for row in rows}


def exported(ada: Api, resource: str, asked: dict[str, str]) -> set[str]:
    """Return the ids of an export."""
    sent = {"format": "jsonl", "filter": asked}
    answer = ada.post(f"/{resource}/exports", sent, buffered=True)
    assert answer.status_code == 200, answer.text
    return {json.loads(line)["id"] for line in answer.text.splitlines()}


def value_of(resource: str, parameter: str, documents: Documents) -> str:
    """Return a value that some of the records have, if any has one."""
    listing = KINDS[resource].listing
    name, how = listing.comparisons[parameter]
    if how == "empty" or listing.is_switch(name):
        return "true"
    field = "tags" if name == "tag" else "scopes" if name == "scope" else name
    values = [one[field] for one in documents if one.get(field)] or ["2026-01-31T09:00:00Z"]
    value = values[len(values) // 2]
    first = value[0] if isinstance(value, list) else value
    return str(first)[:3] if how == "contains" else str(first)


def questions(resource: str, documents: Documents) -> Iterator[dict[str, str]]:
    """Yield a query for every comparison, for groups of which one is enough, and for the rest."""
    listing = KINDS[resource].listing
    single = {name: value_of(resource, name, documents) for name in listing.comparisons}
    if resource == "api-keys":
        single["scope"] = single["scope_not"] = "keys:read"
    else:
        single = {n: v for n, v in single.items() if v in choices(resource, n, v)}
    yield from ({name: value} for name, value in single.items())
    names = list(single)
    for first, other in zip(names[::4], names[2::4], strict=False):
        yield {first: single[first], other: single[other], "either": f"{first},{other}"}
    for name in listing.comparisons:
        if listing.takes_several(name) and len(listing.choices.get(name, ())) > 1:
            yield {name: ",".join(listing.choices[name][:2])}
    yield from ({"show": view} for view in listing.views)
    some = [one["id"] for one in documents][:2]
    yield {"id": ",".join(some), "include_deleted": "true"}
    yield {"include_deleted": "true"}
    yield from ({"q": words} for words in ("logs", "logs of", " ", "!?"))
    yield {KINDS[resource].label + "_contains": "logs "}
    yield {"tag": "soc", "tag_not": "new", "sort": "created_at", "limit": "1"}


def choices(resource: str, parameter: str, value: str) -> list[str]:
    """Return the values that a filter may have; of an open one, the given."""
    listing = KINDS[resource].listing
    name, how = listing.comparisons[parameter]
    known = listing.choices.get(name) if how in ("is", "not") else None
    return list(known) if known else [value]


@pytest.mark.proof
@pytest.mark.parametrize("resource", PATHS)
def test_all_that_match_are_those_of_the_list(
    ada: Api, browse: Callable[..., Pages], different: None, resource: str
) -> None:
    page = browse(ADA)
    documents = ada.get(f"/{resource}?include_deleted=true").json["items"]
    divides = 0
    for asked in some(questions(resource, documents), 4):
        text = page.get(f"{PATHS[resource]}?{urlencode(asked)}").text
        listed = shown(text)
        if "limit" in asked:
            whole = page.get(f"{PATHS[resource]}?{urlencode({**asked, 'limit': '200'})}").text
            listed = shown(whole)
        # There is no bar below an empty list.
        meant = bar(text) if listed else {n: v for n, v in asked.items() if n not in NO_FILTERS}
        divides += 0 < len(listed) < len(documents)
        assert previewed(ada, resource, meant) == listed, asked
        assert exported(ada, resource, meant) == listed, asked
    assert divides > (10 if IS_PROOF else 2)
