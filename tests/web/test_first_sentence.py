"""Test that every page that shows how things are begins with one sentence about it."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask

from portal.features import OPERATIONS
from portal.records.lists import counts
from tests.cast import ADA, ED, VIC, Api, Pages
from tests.databases import Database
from tests.web.test_every_page import addresses, records

__all__ = ["records"]

Browse = Callable[..., Pages]
SENTENCE = re.compile(r'<section class="truth[^>]*>\s*<p[^>]*>(.*?)</p>', re.DOTALL)
AT = r"\d\d:\d\d UTC"
# Pages that ask for something, explain something, or are for programs.
ASKS = re.compile(
    r"(health|oauth|metadata|auth|problems|choices|search)\.|inbound\.(doctor|verification)"
    r"|explorer\.(show|draft_again)|endpoints\.resume|event_types\.(own|import_)"
    r"|.*\.(create|create_child|edit|issue|change_settings|suspend|retire|reopen|stop|preview|panic"
    r"|rotate|finish_rotation|open_link|leaks|reported|explain)\b"
)


def first_sentence(person: Pages, path: str) -> str:
    [words] = SENTENCE.findall(person.get(path).text)
    return unescape(re.sub(r"<[^>]+>", "", words)).strip()


def test_each_page_that_does_not_ask_begins_with_one_sentence(
    app: Flask, records: dict[str, str], browse: Browse
) -> None:
    ada_by_page = browse(ADA)
    begun = {
        endpoint: len(SENTENCE.findall(ada_by_page.get(path).text))
        for endpoint, path in addresses(app, records).items()
    }
    assert {one: many for one, many in begun.items() if many != 1 and not ASKS.match(one)} == {}
    assert [one for one, many in begun.items() if many and ASKS.match(one)] == []


def test_sessions_begin_with_where_else_one_is_signed_in(browse: Browse) -> None:
    here = browse(ADA)
    path = "/account/sessions"
    assert first_sentence(here, path) == "You are signed in here and nowhere else."
    browse(ADA)
    said = rf"You are signed in here and in 1 other session, last used at {AT}\."
    assert re.fullmatch(said, first_sentence(here, path))
    browse(ADA)
    said = rf"You are signed in here and in 2 other sessions, last used at {AT}\."
    assert re.fullmatch(said, first_sentence(here, path))


def test_people_begin_with_how_many_are_signed_in(browse: Browse) -> None:
    here = browse(ADA)
    assert first_sentence(here, "/people") == "1 person signed in so far, 1 of them now."
    vic = browse(VIC)
    assert first_sentence(here, "/people") == "2 people signed in so far, 2 of them now."
    vic.post("/auth/logout")
    assert first_sentence(here, "/people") == "2 people signed in so far, 1 of them now."


def test_people_begin_with_how_many_are_counted(
    browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    browse(VIC)
    here = browse(ADA)
    monkeypatch.setattr(counts, "MOST_COUNTED", 1)
    assert first_sentence(here, "/people") == "1+ people signed in so far, 2 of them now."


def test_notices_begin_with_how_many_need_somebody(
    browse: Browse, ada: Api, database: Database
) -> None:
    here = browse(ADA)
    assert first_sentence(here, "/notices") == "You have no notice that needs somebody now."
    made = ada.create("webhooks", url="https://hooks.example/", event_types=["*"])
    ada.post(f"/webhooks/{made['id']}/pause")
    database.sql("UPDATE webhook SET pause_reason = 'failures'")
    assert first_sentence(here, "/notices") == "1 notice needs somebody now."


def test_bulk_jobs_begin_with_the_newest(browse: Browse, ada: Api) -> None:
    ada.create("webhooks", url="https://hooks.example/", event_types=["*"])
    job: dict[str, Any] = {"resource": "webhooks", "verb": "delete", "filter": {}}
    assert ada.post("/bulk-jobs", job).status_code == 201
    said = "Delete 1 webhook: 1 webhook will be deleted. Nothing has changed yet."
    assert first_sentence(browse(ADA), "/bulk-jobs") == said


def test_the_explorer_begins_with_what_one_may_call(browse: Browse) -> None:
    said = [first_sentence(browse(who), "/explorer") for who in (ADA, ED, VIC)]
    found = [re.fullmatch(r"You may call (\d+) of (\d+) operations\.", one) for one in said]
    ada, ed, vic = [(int(one[1]), int(one[2])) for one in found if one]
    assert vic[0] < ed[0] < ada[0] <= ada[1] == ed[1] == vic[1]
    for_admins = sum(one.for_admins for one in OPERATIONS)
    scoped = [one for one in OPERATIONS if not one.for_admins]
    reads = [one for one in scoped if all(s.endswith(":read") for s in filter(None, one.scopes))]
    assert for_admins == 3
    assert vic[0] == len(reads)


def test_event_types_begin_with_how_many_are_described(browse: Browse, ada: Api) -> None:
    here = browse(ADA)
    assert first_sentence(here, "/event-types") == "No event type is described yet."
    plain = ada.create("event-types", name="rfp.created")
    said = "1 event type is described."
    assert first_sentence(here, "/event-types") == said
    strict = ada.create("event-types", name="bid.won", deprecated=True, validation="reject",
                        json_schema={"type": "object"})  # fmt: skip
    said = "2 event types are described, 1 of them as deprecated."
    assert first_sentence(here, "/event-types") == said
    said = "Its events are taken whatever their data is."
    assert first_sentence(here, f"/event-types/{plain['id']}") == said
    said = "It is deprecated. Events that do not fit its schema are refused."
    assert first_sentence(here, f"/event-types/{strict['id']}") == said


DELIVERIES = {
    "pending": ("", "In the queue for its first attempt."),
    "in_flight": ("attempts = 1", "Attempt 1 is on its way."),
    "retrying": ("attempts = 2", rf"2 attempts failed\. The next is due at {AT}\."),
    "delivered": ("attempts = 1, completed_at = now()", rf"Delivered at {AT}, after 1 attempt\."),
    "failed": ("attempts = 8, completed_at = now()", rf"Failed at {AT}, after 8 attempts\."),
    "expired": ("completed_at = now()", rf"Ended at {AT}, as your tenant keeps no delivery for.*"),
    "cancelled": ("completed_at = now()", rf"Cancelled at {AT}: somebody chose not to send it\."),
}


@pytest.mark.parametrize("state", DELIVERIES)
def test_a_delivery_begins_with_what_became_of_it(
    browse: Browse, ada: Api, database: Database, state: str
) -> None:
    ada.create("webhooks", url="https://hooks.example/", event_types=["*"])
    ada.post("/events", {"type": "rfp.created", "data": {}})
    facts, said = DELIVERIES[state]
    also = f", {facts}" if facts else ""
    database.sql(f"UPDATE delivery SET state = '{state}'{also}")
    [owed] = ada.get("/deliveries").json["items"]
    here = browse(ADA)
    assert re.fullmatch(said, first_sentence(here, f"/deliveries/{owed['id']}"))
    database.sql("UPDATE webhook SET paused_at = now(), pause_reason = 'by_hand'")
    if state in ("pending", "retrying"):
        said = "Somebody paused the webhook; it waits until it is resumed."
        assert first_sentence(here, f"/deliveries/{owed['id']}") == said


def test_deliveries_begin_with_what_became_of_those_of_today(
    browse: Browse, ada: Api, database: Database
) -> None:
    here = browse(ADA)
    assert first_sentence(here, "/deliveries") == "No delivery so far today (UTC)."
    hook = ada.create("webhooks", url="https://hooks.example/", event_types=["rfp.*"])
    ada.post("/events", [{"type": "rfp.created", "data": {}}] * 4)
    said = "Today: 0 delivered, 0 retrying, 0 given up, 4 waiting."
    assert first_sentence(here, "/deliveries") == said
    [first, second, *_] = [one["id"] for one in ada.get("/deliveries").json["items"]]
    database.sql("UPDATE delivery SET state = 'retrying' WHERE id = %s", first)
    database.sql("UPDATE delivery SET state = 'cancelled' WHERE id = %s", second)
    said = "Today: 0 delivered, 1 retrying, 0 given up, 2 waiting, 1 cancelled."
    assert first_sentence(here, "/deliveries") == said
    ada.post(f"/webhooks/{hook['id']}/pause")
    said = "Today: 0 delivered, 0 retrying, 0 given up, 3 held, 1 cancelled."
    assert first_sentence(here, "/deliveries") == said


def test_what_is_stopped_with_its_application_does_not_fail(
    browse: Browse, ada: Api, database: Database
) -> None:
    here = browse(ADA)
    app = ada.create("applications", display_name="CRM")
    own = {"application_id": app["id"]}
    hook = ada.create("webhooks", url="https://hooks.example/", event_types=["rfp.*"], **own)
    ada.create("connectors", name="Splunk", **own)
    ada.create("api-keys", name="Nightly export", **own)
    ada.post("/events", {"type": "rfp.created", "data": {}})
    database.sql("UPDATE webhook SET consecutive_failures = 9")
    database.sql("UPDATE connector SET sync_status = 'failing'")
    assert first_sentence(here, "/webhooks") == "1 of 1 webhook fails."
    assert first_sentence(here, "/connectors") == "1 of 1 connector fails."
    assert first_sentence(here, "/keys") == "1 key is active."
    ada.post(f"/applications/{app['id']}/suspend", {"reason": "Under review"})
    assert first_sentence(here, "/webhooks") == "The only webhook does not fail."
    assert first_sentence(here, "/connectors") == "The only connector does not fail."
    assert first_sentence(here, "/keys") == "No key is active."
    [owed] = ada.get(f"/webhooks/{hook['id']}/deliveries").json["items"]
    said = "Its application is suspended; it waits until the application is reopened."
    assert first_sentence(here, f"/deliveries/{owed['id']}") == said


def test_a_key_below_a_blocked_one_is_not_active(browse: Browse, ada: Api) -> None:
    here = browse(ADA)
    parent = ada.create("api-keys", name="Parent")
    ada.post(f"/api-keys/{parent['id']}/children", {})
    assert first_sentence(here, "/keys") == "2 keys are active."
    ada.post(f"/api-keys/{parent['id']}/block", {"reason": "Under review"})
    assert first_sentence(here, "/keys") == "No key is active. 1 is blocked."


def test_the_audit_log_tells_what_the_portal_did_itself(
    browse: Browse, ada: Api, database: Database
) -> None:
    here = browse(ADA)
    database.sql("UPDATE audit_entry SET occurred_at = occurred_at - interval '1 day'")
    for name in ("One", "Two", "Three"):
        ada.create("applications", display_name=name)
    newest = "(SELECT id FROM audit_entry ORDER BY id DESC LIMIT 1)"
    changed = "UPDATE audit_entry SET actor_kind = 'system', actor_id = 'system' WHERE id"
    database.sql(f"{changed} = {newest}")
    said = "3 entries today (UTC), by 1 person or program and the portal itself."
    assert first_sentence(here, "/audit") == said


def test_an_event_begins_with_when_it_came_and_whom_it_matches(browse: Browse, ada: Api) -> None:
    here = browse(ADA)
    event = ada.post("/events", {"type": "rfp.created", "data": {}}).json["events"][0]["id"]
    path = f"/events/{event}"
    assert re.fullmatch(rf"Published at {AT}\.", first_sentence(here, path))
    for types in (["*"], ["bid.won"]):
        ada.create("webhooks", url="https://hooks.example/", event_types=types)
    said = rf"Published at {AT}; 1 of 2 webhooks would match it now\."
    assert re.fullmatch(said, first_sentence(here, path))
