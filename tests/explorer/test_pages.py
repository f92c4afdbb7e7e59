"""Test what the explorer shows: every operation, its fields, and how pages lead there."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from portal.explorer.catalogue import Catalogue
from portal.features import RESOURCES
from portal.rest.openapi import camel
from portal.rest.resources import Resource
from tests.cast import ADA, VIC, Api, Pages
from tests.explorer.conftest import PARTIAL, code_in, page_of, seen
from tests.resources import minimal, pages_of


def test_every_operation_has_a_page(person: Pages, catalogue: Catalogue) -> None:
    for operation in catalogue.operations.values():
        answer = person.get(f"/explorer/{operation.id}")
        assert answer.status_code == 200, operation.id
        assert operation.summary in unescape(answer.text), operation.id
        languages = {"curl"} if operation.media_types else {"curl", "Python", "JavaScript"}
        assert set(code_in(answer)) >= languages, operation.id


def test_the_index_lists_every_operation(person: Pages, catalogue: Catalogue) -> None:
    linked = re.findall(r'href="/explorer/([\w.]+)"', person.get("/explorer").text)
    assert sorted(linked) == sorted(catalogue.operations)


def test_words_narrow_the_list(person: Pages) -> None:
    found = person.get(
        "/explorer?q=rotate+secret&current=integration.webhooks.get", headers=PARTIAL
    )
    assert re.findall(r"integration\.\w+\.\w+", found.text) == ["integration.webhooks.rotateSecret"]
    assert "No operation has all" in person.get("/explorer?q=zebra").text


def test_every_field_is_in_the_table_with_the_sentence_of_the_schema(
    person: Pages, catalogue: Catalogue
) -> None:
    described = catalogue.find("integration.webhooks.create")
    assert described is not None
    shown = seen(person.get(page_of("webhooks.create")))
    names = {row.name for row in described.sent}
    assert {"name", "retry_policy.maxAttempts", "Idempotency-Key", "id", "created_at"} <= names
    for row in described.sent:
        assert row.name in shown
        assert re.sub(r"\s+", " ", row.description) in shown
    (read_only,) = [row for row in described.sent if row.name == "created_at"]
    assert read_only.read_only


def test_rules_and_descriptions_are_for_people(person: Pages, catalogue: Catalogue) -> None:
    page = person.get(page_of("webhooks.create"))
    assert "With an <code>Idempotency-Key</code> the request" in page.text
    assert "one of <code>outbound</code>, <code>inbound</code>" in page.text
    for operation in catalogue.operations:
        described = catalogue.find(operation)
        assert described is not None
        for row in described.sent + described.answered:
            assert all("\\x00" not in rule for rule in row.rules), (operation, row.name)
            patterns = [rule for rule in row.rules if rule.startswith("matches ")]
            assert all(len(rule) < 80 for rule in patterns), (operation, row.name)


def test_a_list_asks_for_words_and_order_first(person: Pages, catalogue: Catalogue) -> None:
    described = catalogue.find("integration.webhooks.list")
    assert described is not None
    titles = [title for title, _ in described.parameters]
    assert titles == ["Search and order", "Filters", "Headers"]
    plain = person.get(page_of("webhooks.list")).text
    used = person.get(page_of("webhooks.list") + "?query.direction=inbound").text
    assert plain.count('<details class="more" open>') == 1
    assert used.count('<details class="more" open>') == 2


def test_the_records_that_people_create_come_first(person: Pages) -> None:
    linked = re.findall(r'href="/explorer/integration\.(\w+)\.', person.get("/explorer").text)
    first = list(dict.fromkeys(linked))[: len(RESOURCES)]
    assert first == [camel(resource.name) for resource in RESOURCES]


def test_an_unknown_operation_leads_on(person: Pages) -> None:
    answer = person.get("/explorer/integration.webhook.create")
    assert answer.status_code == 404
    assert 'href="/explorer/integration.webhooks.create"' in answer.text
    assert 'href="/explorer"' in answer.text
    for path in ("", "/draft"):
        assert person.post(f"/explorer/nothing{path}").status_code == 404


def test_what_one_may_not_call_says_why(browse: Callable[..., Pages]) -> None:
    vic = browse(VIC)
    page = vic.get(page_of("webhooks.delete"))
    assert "This needs the permission webhooks:write" in seen(page)
    assert ">Send<" not in page.text
    assert vic.post(page_of("webhooks.delete"), {"confirm": "delete"}).status_code == 403
    lease = browse(ADA).get(page_of("connectors.takeLease"))
    assert "Only API keys do this" in seen(lease)
    assert ">Send<" not in lease.text


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.name)
def test_every_list_and_every_record_leads_to_the_explorer(
    person: Pages, ada: Api, resource: Resource, catalogue: Catalogue
) -> None:
    made = ada.create(resource.name, **minimal(resource))
    place = "/" + pages_of(resource).replace("_", "-")
    listing = {op.name: op.id for op in resource.operations()}
    found = person.get(f"{place}?q=a+word")
    assert f'href="/explorer/{listing["list"]}?query.q=a+word"' in found.text
    found = person.get(f"{place}?q=other", headers=PARTIAL)
    assert f'href="/explorer/{listing["list"]}?query.q=other"' in found.text
    page = person.get(f"{place}/{made['id']}")
    url = f"/explorer/{listing['get']}?path.id={made['id']}"
    assert f'href="{url}"' in page.text
    assert f'value="{made["id"]}"' in person.get(url).text
    as_code = code_in(page)
    name = listing["get"].split(".")[1]
    assert f'.{name}.get("{made["id"]}")' in as_code["JavaScript"]
    assert f'.get("{made["id"]}")' in as_code["Python"]


@pytest.mark.parametrize(
    ("page", "operation"),
    [
        ("/webhooks/{webhook}/attempts", "webhooks.listTests?path.id={webhook}"),
        ("/webhooks/{webhook}/replays", "webhooks.listReplays?path.id={webhook}"),
        ("/webhooks/{webhook}/deliveries", "webhooks.listDeliveries?path.id={webhook}"),
        ("/connectors/{connector}/timeline", "connectors.listChecks?path.id={connector}"),
        ("/event-types/portal", "eventTypes.listOwn"),
        ("/events", "events.list"),
        ("/quotas", "quotas.get"),
    ],
)
def test_lists_below_records_lead_there_too(
    person: Pages, ada: Api, page: str, operation: str
) -> None:
    ids = {"webhook": ada.create("webhooks")["id"], "connector": ada.create("connectors")["id"]}
    found = person.get(page.format(**ids))
    assert f'href="{page_of(operation.format(**ids))}"' in found.text


def test_the_filters_of_a_list_become_parameters(person: Pages) -> None:
    listing = person.get("/webhooks?direction=inbound", headers=PARTIAL)
    (url,) = re.findall(r'href="(/explorer/[^"]*)"', listing.text)
    assert url == "/explorer/integration.webhooks.list?query.direction=inbound"
    page = person.get(url)
    assert 'list(direction="inbound")' in code_in(page)["Python"]
    assert 'list({ direction: "inbound" })' in code_in(page)["JavaScript"]
    assert "/webhooks?direction=inbound" in code_in(page)["curl"]
