"""Test every page with real records: content policy, accessibility, and no raw Python values.

A proof walks all pages in both themes and widths, and `make test` one of the four.
"""

import os
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from flask import Flask

from portal.inbound.inbox import SENDER
from tests.cast import ADA, Api, Pages
from tests.identity import serving
from tests.looks import SPILL, faults
from tests.resources import RESOURCES, minimal, pages_of
from tests.thorough import IS_PROOF, LOOKS
from tests.web.conftest import Reader

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDE = 1280
TELL_OF_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));"""
MACHINE_TALK = re.compile(r""".{0,30}(="None"|Undefined|\{\{| object at 0x).{0,30}""")
FOR_PROGRAMS = {"door.take"}
LEAD_ELSEWHERE = {"auth.login", "auth.callback", "auth.logout", "keys.leak_rule"}
# Pages that look different depending on the query in their address.
STATES = (
    *(("tests.attempt", f"?tab={tab}") for tab in ("request", "signature", "timing")),
    ("deliveries.index", "?state=pending"),
    ("inbound.received", "?state=quarantined"),
    ("search.index", "?q=crm"),
)
# The blueprints of resources; the last one has the pages of all others. In a proof, each is a test
# of its own, and in `make test` one test sees them all with the same records.
GROUPS = [*map(pages_of, RESOURCES), "others"]
WALKS = [[group] for group in GROUPS] if IS_PROOF else [GROUPS]


@pytest.fixture
def records(ada: Api, browse: Callable[..., Pages]) -> dict[str, str]:
    """Create one record of each resource, and return its id by the name of its pages.

    The result also has other arguments of addresses, by their own name.
    """
    made = {pages_of(one): str(ada.create(one.name, **minimal(one))["id"]) for one in RESOURCES}
    made["inbound"] = ada.create("webhooks", name="From GitHub", direction="inbound")["id"]
    made["tests"] = made["webhooks"]
    made["connections"] = made["connectors"]
    job = {"resource": "webhooks", "verb": "delete", "filter": {}}
    made["bulk_jobs"] = (ada.post("/bulk-jobs", job).json or {})["id"]
    made["operation_id"] = "integration.webhooks.create"
    made |= delivered(ada, made["webhooks"]) | below(ada, made)
    browse(ADA).post("/inbox")
    feed = next(one for one in ada.get("/webhooks").json["items"] if one["name"] == SENDER)
    return made | {"lab": feed["id"]}


def delivered(ada: Api, webhook_id: str) -> dict[str, str]:
    """Create an event and its delivery; return the ids by their pages' names."""
    event = ada.post("/events", {"type": "rfp.created", "data": {"id": 1}, "subject": "rfp-1"})
    owed = ada.get(f"/webhooks/{webhook_id}/deliveries").json or {}
    return {
        "events": (event.json or {})["events"][0]["id"],
        "deliveries": owed["items"][0]["id"],
        **dict.fromkeys(("webhook_deliveries", "endpoints"), webhook_id),
    }


def below(ada: Api, made: dict[str, str]) -> dict[str, str]:
    """Create a test, a replay and a quarantined request below their webhooks; return their ids."""
    fired = ada.post(f"/webhooks/{made['webhooks']}/test-deliveries", {"event_type": "rfp.created"})
    window = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "what": "all"}
    replay = ada.post(f"/webhooks/{made['webhooks']}/replays", window)
    ada.client.post(f"/in/{made['inbound']}", data=b'{"id": 1}')
    kept = ada.get(f"/webhooks/{made['inbound']}/received")
    ada.post(f"/webhooks/{made['webhooks']}/secret-rotations")
    return {
        "attempt_id": (fired.json or {})["id"],
        "replay_id": (replay.json or {})["id"],
        "request_id": (kept.json or {})["items"][0]["id"],
    }


@pytest.fixture
def portal_address(app: Flask) -> Iterator[str]:
    with serving.served(lambda _: app) as address:
        yield address


def addresses(app: Flask, records: dict[str, str]) -> dict[str, str]:
    """Return endpoint → address of every page, with one of `records` where it needs a record."""
    found = {}
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        if "GET" not in rule.methods or rule.endpoint in LEAD_ELSEWHERE:
            continue
        if rule.rule.startswith(("/api/", "/static/")):
            continue
        known = {**records, "record_id": records.get(blueprint, ""), "code": "not_found"}
        if "received" in rule.rule:
            known["record_id"] = records["inbound"]
        if all(known.get(name) for name in rule.arguments):
            arguments = {name: known[name] for name in rule.arguments}
            found[rule.endpoint] = adapter.build(rule.endpoint, arguments, "GET")
        else:
            assert rule.endpoint in FOR_PROGRAMS, f"no record for {rule.rule}"
    return found | {f"{endpoint} {state}": found[endpoint] + state for endpoint, state in STATES}


def group_of(endpoint: str) -> str:
    blueprint = endpoint.partition(".")[0]
    return blueprint if blueprint in GROUPS else "others"


def found_on(page: "Page", endpoint: str) -> dict[str, list[str]]:
    """Return what is wrong with a page, with the first few elements of each fault."""
    found = {f"{endpoint}: {fault}": elements for fault, elements in faults(page).items()}
    if talk := MACHINE_TALK.search(page.inner_html("main")):
        found[f"{endpoint}: machine talk"] = [talk[0]]
    return found


def magnified(page: "Page", endpoint: str) -> dict[str, list[str]]:
    """Return whether a page that is magnified to 400 % has to be scrolled sideways."""
    page.set_viewport_size({"width": WIDE // 4, "height": 256})
    spill = page.evaluate(SPILL)
    return {f"{endpoint}: scrolls sideways at 400 %": [f"{spill} px"]} if spill > 0 else {}


@pytest.mark.proof
@pytest.mark.timeout(400)
@pytest.mark.parametrize("groups", WALKS, ids="-".join)
@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_every_page_is_accessible_and_breaks_no_policy(
    app: Flask,
    browser: "Browser",
    browse: Callable[..., Pages],
    records: dict[str, str],
    portal_address: str,
    groups: list[str],
    theme: str,
    width: int,
) -> None:
    ada = browse(ADA).client
    context = browser.new_context(
        viewport={"width": width, "height": 860},
        color_scheme=theme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    for cookie in ada._cookies.values():
        context.add_cookies(
            [{"name": cookie.decoded_key, "value": cookie.decoded_value, "url": portal_address}]
        )
    context.add_init_script(TELL_OF_VIOLATIONS)
    reader = Reader(context.new_page(), portal_address)
    asked: set[str] = set()
    reader.page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    found = {}
    pages = [page for page in addresses(app, records).items() if group_of(page[0]) in groups]
    assert pages
    for endpoint, path in sorted(pages):
        answer = reader.page.goto(portal_address + path)
        assert answer is not None
        assert answer.status == 200, f"{path} answers {answer.status}"
        if "text/html" not in answer.headers["content-type"]:
            continue  # for programs: health, metrics
        found |= found_on(reader.page, endpoint)
        if shots := os.environ.get("SHOTS"):
            reader.page.screenshot(path=f"{shots}/{endpoint}-{theme}-{width}.png", full_page=True)
        if width < WIDE:
            found |= magnified(reader.page, endpoint)
            reader.page.set_viewport_size({"width": width, "height": 860})
    context.close()
    assert found == {}
    assert asked - {""} == {urlsplit(portal_address).netloc}, "other hosts are asked"
    assert reader.complaints == []
