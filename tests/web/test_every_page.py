"""Every page of the portal with real records: no broken policy, no barrier, no machine talk."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.cast import ADA, Api, Pages
from tests.web.conftest import Reader

if TYPE_CHECKING:
    from playwright.sync_api import Browser

AXE = (Path(__file__).parents[1] / "vendor" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN_AXE = """rules => axe.run(document, {
    runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})"""
MACHINE_TALK = re.compile(r""".{0,30}(="None"|Undefined|\{\{| object at 0x).{0,30}""")
LEAD_ELSEWHERE = {"auth.login", "auth.callback", "auth.logout", "keys.leak_rule"}
RECORDS = {
    "applications": ("applications", {"display_name": "CRM 360", "slug": "crm-360"}),
    "connectors": ("connectors", {"name": "Okta Workforce", "provider": "okta", "tags": ["prod"]}),
    "keys": ("api-keys", {"name": "Nightly import"}),
    "webhooks": (
        "webhooks",
        {"name": "Orders", "url": "https://hooks.example/in", "event_types": ["*"]},
    ),
    "inbound": ("webhooks", {"name": "From GitHub", "direction": "inbound"}),
}


@pytest.fixture
def records(ada: Api) -> dict[str, str]:
    """The id of one record of each resource, by the name of its pages."""
    made = {name: str(ada.create(path, **body)["id"]) for name, (path, body) in RECORDS.items()}
    return made | delivered(ada, made["webhooks"])


def delivered(ada: Api, webhook_id: str) -> dict[str, str]:
    """An event with a schema, and its delivery, by the names of their pages."""
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    event = ada.post("/events", {"type": "rfp.created", "data": {"id": 1}, "subject": "rfp-1"})
    owed = ada.get(f"/webhooks/{webhook_id}/deliveries").json or {}
    return {
        "events": (event.json or {})["events"][0]["id"],
        "deliveries": owed["items"][0]["id"],
        "event_types": ada.create("event-types", name="rfp.created", json_schema=schema)["id"],
        **dict.fromkeys(("webhook_deliveries", "endpoints"), webhook_id),
    }


@pytest.fixture
def portal_address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def pages_of(app: Flask, records: dict[str, str]) -> dict[str, str]:
    """Endpoint → address of every page that a record's id is enough for."""
    addresses = {}
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        if "GET" not in rule.methods or rule.endpoint in LEAD_ELSEWHERE:
            continue
        if rule.rule.startswith(("/api/", "/static/")):
            continue
        if rule.arguments <= {"record_id"}:
            addresses[rule.endpoint] = rule.rule.replace("<record_id>", records.get(blueprint, ""))
    return addresses


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_every_page_is_accessible_and_breaks_no_policy(
    app: Flask,
    browser: "Browser",
    browse: Callable[..., Pages],
    records: dict[str, str],
    portal_address: str,
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
    reader = Reader(context.new_page(), portal_address)
    found = {}
    for endpoint, path in sorted(pages_of(app, records).items()):
        answer = reader.page.goto(portal_address + path)
        assert answer is not None
        assert answer.status == 200, f"{path} answers {answer.status}"
        if "text/html" not in answer.headers["content-type"]:
            continue  # for programs: health, metrics
        reader.page.evaluate(AXE)
        report = reader.page.evaluate(RUN_AXE, RULES)
        for violation in report["violations"]:
            nodes = [f"{n['html'][:120]} {n['failureSummary'][:200]}" for n in violation["nodes"]]
            found[f"{endpoint}: {violation['id']}"] = nodes[:3]
        spill = reader.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if spill > 0:
            found[f"{endpoint}: wider than its window"] = [f"{spill} px"]
        if talk := MACHINE_TALK.search(reader.page.inner_html("main")):
            found[f"{endpoint}: machine talk"] = [talk[0]]
        if shots := os.environ.get("SHOTS"):
            reader.page.screenshot(path=f"{shots}/{endpoint}-{theme}-{width}.png", full_page=True)
    context.close()
    assert found == {}
    assert reader.complaints == []
