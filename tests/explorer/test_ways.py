"""Walk every page of the portal, and follow its ways to the explorer."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from werkzeug.routing import Rule

from portal.explorer import links
from portal.explorer.catalogue import Catalogue, Described
from tests.cast import ADA, Api, Pages
from tests.connections.conftest import connector, run_checks, service
from tests.explorer.conftest import page_of, seen
from tests.test_every_route import Call, Records, calls, receiver_url, records
from tests.test_parity import PAGES, usual

__all__ = ["connector", "receiver_url", "records", "run_checks", "service"]  # fixtures
AN_ID = re.compile(r"[a-z]{3}_[0-9A-Z]{26}")
# The pages of forms only; what they read has a page of its own.
OF_ITSELF = {
    "connectors.create": "providers.list",  # the first step; the next one shows one provider
    "keys.leak_rule": "",  # a file; the page that offers it has the way
    "webhooks.index": "webhooks.list",  # saved views are its tabs
    "choices.index": "",  # a part of forms; the palette has the way
    "connections.latest": "",  # a part of the connector's page, which has a check once one ended
}


def shown(app: Flask, records: Records) -> list[Call]:
    """Return every page, with the ids of Ada's records. Inbound pages have those of an inbound
    webhook."""

    def arguments(rule: Rule) -> dict[str, str]:
        found = records.arguments(rule)
        if rule.endpoint in ("inbound.received", "inbound.verification"):
            found["record_id"] = records.extra["inbound_id"]
        if rule.endpoint == "keys.rotation":
            found["record_id"] = records.extra["rotated_id"]
        return found

    return [one for one in calls(app, arguments) if one.method == "GET"]


def reads_of(call: Call, catalogue: Catalogue) -> Iterator[Described]:
    """Return the operations that read what a page shows."""
    names = OF_ITSELF.get(call.endpoint, (usual() | PAGES).get(call.endpoint, ""))
    for name in names.split():
        described = catalogue.find(f"integration.{name}")
        assert described is not None, name
        if not described.operation.is_write:
            yield described


def ways(page: str, operation_id: str) -> list[str]:
    """Return the addresses in a page that lead to an operation in the explorer."""
    found = [unescape(one) for one in re.findall(r'href="(/explorer/[^"]*)"', page)]
    return [one for one in found if urlsplit(one).path == f"/explorer/{operation_id}"]


def test_every_list_and_record_leads_to_its_operations_with_the_ids_filled_in(
    app: Flask, records: Records, browse: Callable[..., Pages], catalogue: Catalogue
) -> None:
    person, walked, missing = browse(ADA), set(), []
    for call in shown(app, records):
        for described in reads_of(call, catalogue):
            name = described.operation.id
            found = ways(person.get(call.path).text, name)
            if not found:
                missing.append((call.endpoint, name))
                continue
            walked.add(name)
            given = parse_qs(urlsplit(found[0]).query)
            form = person.get(found[0]).text
            for one in described.of("path"):
                (value,) = given[one.key]
                assert f'name="{one.key}" value="{value}"' in form, (call.path, name)
            if described.of("path") and (of_page := AN_ID.findall(call.path)):
                assert [of_page[-1]] in given.values(), (call.path, name)
    assert missing == []
    assert len(walked) > 40


def test_a_check_leads_to_its_operation_with_both_ids(
    person: Pages,
    ada: Api,
    connector: Callable[..., dict[str, Any]],
    run_checks: Callable[[], None],
) -> None:
    made = connector()
    run_checks()
    (check,) = (ada.get(f"/connectors/{made['id']}/checks").json or {})["items"]
    page = person.get(f"/connectors/{made['id']}").text
    (url,) = ways(page, "integration.connectors.getCheck")
    assert (
        url == page_of("connectors.getCheck") + f"?path.id={made['id']}&path.check_id={check['id']}"
    )
    answer = person.post(url, {"path.id": made["id"], "path.check_id": check["id"]})
    assert "200 OK" in seen(answer)
    assert ways(page, "integration.connectors.listChecks")


def test_a_link_with_an_id_too_few_is_a_mistake(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(ValueError, match="zip"):
        links.record_url("integration.connectors.getCheck", "cnn_1")
    with app.test_request_context():
        assert links.record_url("integration.connectors.getNothing", "cnn_1") is None
