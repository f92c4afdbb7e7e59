"""Pages of events and of their catalogue, over HTTP."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import psycopg

from portal.core.config import libpq_url
from tests.cast import ADA, VIC, Api, Pages
from tests.databases import Database

Browse = Callable[[str], Pages]


def key(page: str) -> dict[str, str]:
    found = re.search(r'name="idempotency_key"[^>]*value="([^"]+)"', page)
    assert found, page[:2000]
    return {"idempotency_key": found[1]}


def test_an_event_is_published_once_and_tells_why_it_matched(ada: Api, browse: Browse) -> None:
    ada.create("webhooks", name="Gets it", url="https://hooks.example/a", event_types=["rfp.*"])
    ada.create("webhooks", name="Not this", url="https://hooks.example/b", event_types=["bid.*"])
    pages = browse(ADA)
    form = {
        **key(pages.get("/events/new").text),
        "type": "rfp.created",
        "data": '{"number": 1}',
        "subject": "rfp-17",
        "id": "",
    }
    sent = pages.post("/events/new", form)
    assert sent.status_code == 303, sent.text
    assert pages.post("/events/new", form).location == sent.location
    page = pages.get(sent.location).text
    assert "It subscribes to rfp.*." in page
    assert "It does not subscribe to rfp.created." in page
    assert page.index("Gets it") < page.index("Not this")
    event_id = sent.location.rpartition("/")[2]
    for query in ("", f"?q={event_id}", "?q=rfp-17", "?type=rfp.created&since=1h"):
        assert event_id in pages.get(f"/events{query}").text, query
    assert "Nothing matches" in pages.get("/events?q=rfp-18").text
    wrong = pages.post("/events/new", {**form, "type": "no such name", "data": "["})
    assert wrong.status_code == 422
    assert "Use one event's name" in html.unescape(wrong.text)
    mistyped = {"subject": "rfp-17", "confirm": "rfp-18"}
    assert pages.post("/events/erasures", mistyped).status_code == 400
    erased = pages.post("/events/erasures", {"subject": "rfp-17", "confirm": "rfp-17"})
    assert erased.status_code == 303
    assert pages.get(sent.location).status_code == 404


def test_the_page_of_a_type_says_whose_events_it_is_held_against(ada: Api, browse: Browse) -> None:
    application = ada.create("applications", display_name="CRM")
    body = {"application_id": application["id"], "scopes": ["event-types:write"]}
    crm = Api(ada.client, ada.create("api-keys", **body)["key"])
    described = {"json_schema": {"type": "object"}, "validation": "reject"}
    own = crm.create("event-types", name="crm.order", **described)
    page = browse(ADA).get(f"/event-types/{own['id']}").text
    assert "Events of crm that do not fit its schema are refused." in page
    assert "what does not fit the schema is refused, if crm publishes it" in page


def test_a_type_is_described_changed_and_deleted(ada: Api, browse: Browse) -> None:
    pages = browse(ADA)
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    form = {
        **key(pages.get("/event-types/new").text),
        "name": "rfp.created",
        "display_name": "RFP came in",
        "json_schema": json.dumps(schema),
        "validation": "reject",
    }
    made = pages.post("/event-types/new", form)
    assert made.status_code == 303, made.text
    page = pages.get(made.location).text
    assert "Made from the schema;" in page
    assert "validated" in pages.get("/event-types?q=rfp").text
    refused = pages.post("/events/new", {
        **key(pages.get("/events/new?type=rfp.created").text),
        "type": "rfp.created", "data": '{"id": 5}'})  # fmt: skip
    assert refused.status_code == 422
    assert "Must be of type string" in refused.text
    edit = pages.get(f"{made.location}/edit").text
    version = re.search(r'name="version"[^>]*value="(\d+)"', edit)
    assert version
    changed = {**form, **key(edit), "version": version[1], "json_schema": "", "validation": "off"}
    assert pages.post(f"{made.location}/edit", changed).status_code == 303
    listed: dict[str, Any] = (ada.get("/event-types").json or {})["items"][0]
    assert listed["json_schema"] is None
    stale = pages.post(f"{made.location}/edit", changed)
    assert stale.status_code == 409
    current = str(listed["version"])
    late = browse(ADA, minutes_ago=11).post(f"{made.location}/delete", {"version": current})
    assert (late.status_code, "/auth/login?again=1" in late.location) == (303, True)
    assert pages.post(f"{made.location}/delete", {"version": "0"}).status_code == 409
    assert pages.post(f"{made.location}/delete", {"version": current}).status_code == 303
    assert "out of the catalogue" in pages.get(made.location).text


def test_an_import_is_shown_before_it_is_done(ada: Api, browse: Browse) -> None:
    document = {
        "openapi": "3.1.0",
        "webhooks": {"bid.won": {"post": {"summary": "Won"}}, "webhook.paused": {"post": {}}},
    }
    pages = browse(ADA)
    form = {**key(pages.get("/event-types/import").text), "openapi": json.dumps(document)}
    shown = pages.post("/event-types/import", form)
    assert shown.status_code == 200, shown.text
    assert "Import 1 type" in shown.text
    assert "The portal describes its own events itself." in shown.text
    assert (ada.get("/event-types").json or {})["items"] == []
    assert pages.post("/event-types/import", {**form, "sure": "1"}).status_code == 303
    assert [one["name"] for one in (ada.get("/event-types").json or {})["items"]] == ["bid.won"]
    wrong = pages.post("/event-types/import", {**form, "openapi": "{}"})
    assert wrong.status_code == 422
    assert "no OpenAPI 3.1 document" in wrong.text


def test_the_portals_own_types_are_there_for_everybody(browse: Browse) -> None:
    vic = browse(VIC)
    assert "webhook.paused" in vic.get("/event-types/portal").text
    one = vic.get("/event-types/portal?name=webhook.paused").text
    assert "its events are held" in one
    assert vic.get("/event-types/portal?name=nothing").status_code == 404
    assert vic.get("/event-types/new").status_code == 403
    assert "Describe type" not in vic.get("/event-types").text


def test_past_their_end_events_and_deliveries_do_not_say_that_there_are_none(
    ada: Api, browse: Browse, database: Database
) -> None:
    ada.create("webhooks", name="All", url="https://hooks.example/a", event_types=["*"])
    for number in range(2):
        ada.post("/events", {"type": "rfp.created", "data": {"number": number}})
    cursors = {
        path: (ada.get(f"{path}?limit=1").json or {})["next_cursor"]
        for path in ("/events", "/deliveries")
    }
    database.sql("DELETE FROM delivery")
    database.sql("DELETE FROM event")
    for path, cursor in cursors.items():
        page = browse(ADA).get(f"{path}?limit=1&cursor={cursor}").text
        assert "This is the end of the list." in page, path
        assert " yet</h2>" not in page


def test_a_wait_for_another_change_is_no_fault_of_the_database(
    ada: Api, browse: Browse, database: Database
) -> None:
    made = ada.create("event-types", name="a.b")
    webhooks = {"a.b": {"post": {"summary": "Changed"}}, "c.d": {}}
    body = {"document": {"openapi": "3.1.0", "webhooks": webhooks}}
    pages = browse(ADA)
    form = {**key(pages.get("/event-types/import").text), "openapi": json.dumps(body["document"])}
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute("SELECT FROM event_type FOR UPDATE")
        asked = ada.post("/event-types/imports", body)
        patched = ada.patch(f"/event-types/{made['id']}", {"display_name": "Changed"})
        shown = pages.post("/event-types/import", {**form, "sure": "1"})
    for answer in (asked, patched):
        assert (answer.status_code, answer.json["code"]) == (503, "busy"), answer.text
        assert answer.headers["Retry-After"] == "2"
        assert answer.json["detail"].startswith("Another change of this is not done yet")
    assert shown.status_code == 503
    assert "Another change of this is not done yet" in shown.text
    told = ada.post("/event-types/imports", body).json["types"]
    assert [one["fate"] for one in told] == ["updated", "created"]
