"""Test that every page that shows how things are begins with one sentence about it."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask

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
    r"|.*\.(create|create_child|edit|issue|change_settings|suspend|retire|reopen|stop|meant|panic"
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


def test_notices_begin_with_how_many_need_somebody(
    browse: Browse, ada: Api, database: Database
) -> None:
    here = browse(ADA)
    assert first_sentence(here, "/notices") == "No notice needs anybody now."
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


def test_an_event_begins_with_when_it_came_and_whom_it_matches(browse: Browse, ada: Api) -> None:
    here = browse(ADA)
    event = ada.post("/events", {"type": "rfp.created", "data": {}}).json["events"][0]["id"]
    path = f"/events/{event}"
    assert re.fullmatch(rf"Published at {AT}\.", first_sentence(here, path))
    for types in (["*"], ["bid.won"]):
        ada.create("webhooks", url="https://hooks.example/", event_types=types)
    said = rf"Published at {AT}; 1 of 2 webhooks matches it\."
    assert re.fullmatch(said, first_sentence(here, path))
