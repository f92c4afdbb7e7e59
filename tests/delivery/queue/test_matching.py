"""Matching events with the filters of webhooks: what is equal, and how much work it may be."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from portal.delivery.queue import matching
from tests.cast import Api
from tests.databases import Database
from tests.spent import spends_at_most
from tests.webhooks.conftest import Make

TYPE = "rfp.created"
URL = "https://hooks.example.com/"
FIELDS = 10
LARGE = {f"f{n}": [f"v{m}" for m in range(49)] + ["yes"] for n in range(FIELDS)}
NEARLY = {**{f"f{n}": "yes" for n in range(FIELDS - 1)}, f"f{FIELDS - 1}": "no"}
KEPT = "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM delivery)"


def subscribe(ada: Api, many: int, **more: Any) -> None:
    items = [{"name": f"To {n}", "url": URL, "event_types": [TYPE], **more} for n in range(many)]
    for at in range(0, many, 50):
        answer = ada.post("/webhooks/batch", {"items": items[at : at + 50]})
        assert {one["status"] for one in answer.json["results"]} == {201}


def why(answer: Any) -> str:
    assert answer.status_code == 422, answer.text
    [error] = answer.json["errors"]
    assert error["field"] == "events"
    return str(error["message"])


@pytest.mark.parametrize(
    ("wanted", "given", "matches"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (1.5, 1.5, True),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (False, 0, False),
        (False, False, True),
        (0, -0.0, True),
        (1, "1", False),
        ("won", "won", True),
        ("won", "Won", False),
        (None, None, True),
        (None, False, False),
        (None, [], False),
        (None, {}, False),
        ("a", ["a"], False),
    ],
)
def test_a_value_is_wanted_if_it_is_equal_in_json(
    ada: Api, make: Make, wanted: Any, given: Any, matches: bool
) -> None:
    make(URL, filter={"stage": ["another", wanted]})
    [event] = ada.post("/events", {"type": TYPE, "data": {"stage": given}}).json["events"]
    assert event["deliveries"] == matches
    [match] = ada.get(f"/events/{event['id']}").json["matches"]
    assert match["matched"] is matches, match
    asked = {"event_types": [TYPE], "filter": {"stage": [wanted]}}
    assert ada.post("/webhooks/filter-tests", asked).json["matched"] == matches


def test_a_missing_field_is_not_null(ada: Api, make: Make) -> None:
    make(URL, filter={"stage": [None]})
    [event] = ada.post("/events", {"type": TYPE, "data": {}}).json["events"]
    assert event["deliveries"] == 0


def test_a_webhook_with_two_patterns_gets_an_event_once(ada: Api, make: Make) -> None:
    make(URL, event_types=["rfp.*", TYPE, "*"])
    [event] = ada.post("/events", {"type": TYPE}).json["events"]
    assert event["deliveries"] == 1


def test_large_filters_of_many_webhooks_take_no_time(ada: Api, database: Database) -> None:
    subscribe(ada, 300, filter=LARGE)
    events = [{"type": TYPE, "data": NEARLY}] * 500
    with spends_at_most():
        answer = ada.post("/events", events)
    assert answer.status_code == 202, answer.text
    assert {event["deliveries"] for event in answer.json["events"]} == {0}
    subscribe(ada, 100, filter=LARGE)
    with spends_at_most():
        refused = why(ada.post("/events", events))
    assert refused == (
        "Matching this with the filters of 400 or more webhooks takes too much work. Send fewer"
        " events at once, or give the webhooks smaller filters."
    )
    assert database.sql(KEPT) == (500, 0)
    assert ada.post("/events", events[:100]).status_code == 202


DEEP_TYPE = ".".join("a" * 64)
ALL_PATTERNS = ["*", *(f"{DEEP_TYPE[: 2 * n - 1]}.*" for n in range(1, 64)), DEEP_TYPE]


HUGE = {"stage": [f"{'x' * 300}{n}" for n in range(49)]}


@contextmanager
def traces_at_most(many: int) -> Iterator[None]:
    """Fail if the block needs this many bytes of memory at once."""
    tracemalloc.start()
    try:
        yield
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < many


def test_the_filter_of_a_webhook_is_read_once_for_all_its_patterns(ada: Api) -> None:
    subscribe(ada, 30, event_types=ALL_PATTERNS, filter=HUGE)
    with traces_at_most(30 * len(str(HUGE)) * len(ALL_PATTERNS) // 4):
        answer = ada.post("/events", {"type": DEEP_TYPE, "data": NEARLY})
    assert answer.status_code == 202, answer.text


def test_patterns_that_match_the_same_event_are_one_look_up(
    ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "MOST_STEPS", 1_000)
    subscribe(ada, 40, event_types=ALL_PATTERNS)
    answer = ada.post("/events", {"type": DEEP_TYPE, "data": NEARLY})
    assert answer.status_code == 202, answer.text
    assert answer.json["events"][0]["deliveries"] == 40


def test_each_event_of_a_batch_goes_to_all_that_subscribe_to_it(ada: Api) -> None:
    for patterns in (["a.*", "a.b"], ["a.b.*"], ["*", "a.c", "x"], ["a.b.c"], ["a.b", "a.c", "x"]):
        subscribe(ada, 1, event_types=patterns)
    types = ["a", "a.b", "a.b.c", "a.b.d", "a.c", "x", "x.y", "a.b"]
    answer = ada.post("/events", [{"type": name, "data": {}} for name in types])
    owed = [event["deliveries"] for event in answer.json["events"]]
    assert owed == [1, 3, 4, 3, 3, 2, 1, 3]


@pytest.mark.parametrize("own", [False, True], ids=["published", "of the portal"])
def test_filters_that_are_too_much_to_match_are_not_read(
    ada: Api, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    monkeypatch.setattr(matching, "MOST_STEPS", len(str(HUGE)) // matching.BYTES_OF_A_STEP * 3)
    subscribe(ada, 200, event_types=[TYPE, "application.created"], filter=HUGE)
    with traces_at_most(100 * len(str(HUGE))):
        if own:
            assert ada.create("applications")["id"]
        else:
            refused = why(ada.post("/events", {"type": TYPE, "data": NEARLY}))
            assert "or more webhooks takes too much work" in refused


def test_a_publication_owes_a_bounded_number_of_deliveries(ada: Api, database: Database) -> None:
    subscribe(ada, 201)
    events = [{"type": TYPE, "data": {"n": n}, "id": f"order-{n}"} for n in range(500)]
    refused = why(ada.post("/events", events))
    assert refused == (
        "These are more than 100,000 deliveries, since each event goes to every webhook that wants"
        " it. Send fewer events at once."
    )
    assert database.sql(KEPT) == (0, 0)
    answer = ada.post("/events", events[:50])
    assert answer.status_code == 202, answer.text
    assert {event["deliveries"] for event in answer.json["events"]} == {201}
    assert database.sql(KEPT) == (50, 50 * 201), "written by two statements"
