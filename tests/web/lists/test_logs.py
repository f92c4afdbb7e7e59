"""Logs as people see them: the same chips as the lists of records, and nothing that only records
have."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from portal.records import bounded_search
from portal.records.lists import asking
from tests.cast import ADA, Api, Pages
from tests.web.lists.test_list_pages import chips, form, heads, removal, rows

Browse = Callable[[str], Pages]


@pytest.fixture
def hooks(ada: Api) -> list[dict[str, Any]]:
    """Return two webhooks of Ada's tenant, which got the same three events."""
    made = [
        ada.create(
            "webhooks",
            name=name,
            url=f"https://{name.lower()}.example/",
            event_types=["rfp.*", "bid.*"],
        )
        for name in ("Pager", "Archive")
    ]
    events = [
        {"type": "rfp.created", "subject": "rfp-1", "data": {}},
        {"type": "rfp.closed", "subject": "rfp-1", "data": {}},
        {"type": "bid.won", "data": {}},
    ]
    assert ada.post("/events", events).status_code == 202
    return made


@pytest.fixture
def person(browse: Browse, hooks: list[dict[str, Any]]) -> Pages:
    return browse(ADA)


@pytest.mark.parametrize(
    ("question", "words", "found"),
    [
        ("type=rfp.created", ["Type is rfp.created"], ["rfp.created"]),
        ("type=bid.won,rfp.created", ["Type is any of bid.won or rfp.created"],
         ["bid.won", "rfp.created"]),
        ("type_contains=RFP", ["Type contains RFP"], ["rfp.closed", "rfp.created"]),
        ("subject_empty=true", ["Subject is empty"], ["bid.won"]),
        ("type_not=bid.won&subject=rfp-1", ["Subject is rfp-1", "Type is not bid.won"],
         ["rfp.closed", "rfp.created"]),
        ("either=subject_empty,type&subject_empty=true&type=rfp.closed",
         ["Type is rfp.closed", "Subject is empty"], ["bid.won", "rfp.closed"]),
        ("occurred_after=2999-01-31T09:00:00Z", ["Happened after 2999-01-31, 09:00 UTC"], []),
        ("received_before=2999-01-31T09:00:00Z&type=bid.won",
         ["Type is bid.won", "Received before 2999-01-31, 09:00 UTC"], ["bid.won"]),
        ("since=1h&type=bid.won", ["Type is bid.won", "Received within the last hour"],
         ["bid.won"]),
        ("since=7d&received_before=2020-01-01",
         ["Received before 2020-01-01, 00:00 UTC", "Received within the last 7 days"], []),
    ],
)  # fmt: skip
def test_events_are_narrowed_by_chips(
    person: Pages, question: str, words: list[str], found: list[str]
) -> None:
    page = person.get(f"/events?{question}").text
    assert chips(page) == words
    assert rows(page) == found


@pytest.mark.parametrize(
    ("question", "words", "count"),
    [
        ("state=pending", ["Status is in the queue"], 3),
        ("state=held", ["Status is held"], 3),
        ("state_not=held", ["Status is not held"], 3),
        ("state=held,pending", ["Status is any of held or in the queue"], 6),
        ("state=failed", ["Status is failed"], 0),
        ("origin_not=event", ["Sent because of is not event"], 0),
        ("event_type_contains=bid", ["Event type contains bid"], 2),
        ("event_type=bid.won,rfp.closed", ["Event type is any of bid.won or rfp.closed"], 4),
        ("subject=rfp-1&since=24h", ["Subject is rfp-1", "Created within the last 24 hours"], 4),
        ("either=state,subject_empty&state=held&subject_empty=true",
         ["Status is held", "Subject is empty"], 4),
    ],
)  # fmt: skip
def test_deliveries_are_narrowed_by_chips(
    person: Pages,
    ada: Api,
    hooks: list[dict[str, Any]],
    question: str,
    words: list[str],
    count: int,
) -> None:
    assert ada.post(f"/webhooks/{hooks[1]['id']}/pause").status_code == 200
    page = person.get(f"/deliveries?{question}").text
    assert chips(page) == words
    assert len(rows(page)) == count
    listed = ada.get(f"/deliveries?{question.replace('&since=24h', '')}").json or {}
    assert len(listed["items"]) == count


def test_a_chip_of_the_log_names_its_webhooks(person: Pages, hooks: list[dict[str, Any]]) -> None:
    pager, archive = (hook["id"] for hook in hooks)
    page = person.get(f"/deliveries?webhook_id={archive}").text
    assert chips(page) == ["Webhook is Archive"]
    assert len(rows(page)) == 3
    both = person.get(f"/deliveries?webhook_id={archive},{pager}").text
    assert set(chips(both)[0].split()) >= {"Archive", "Pager"}
    assert len(rows(both)) == 6
    assert chips(person.get(f"/deliveries?webhook_id_not={archive}").text) == [
        "Webhook is not Archive"
    ]
    editor = person.get("/deliveries?filter=webhook_id").text
    assert re.findall(r'name="webhook_id" value="(\w+)"', editor) == [archive, pager]
    own = person.get(f"/webhooks/{pager}/deliveries?event_type=bid.won").text
    assert chips(own) == ["Event type is bid.won"]
    assert len(rows(own)) == 1
    assert 'value="webhook_id"' not in own


@pytest.mark.parametrize("path", ["/events", "/deliveries"])
def test_a_log_offers_its_comparisons_and_nothing_of_records(person: Pages, path: str) -> None:
    page = person.get(path).text
    offered = re.findall(r'<option value="(\w+)">', page[page.index('id="filter-add"') :])
    assert {*offered} >= {"since", "subject", "subject_not", "subject_contains"}
    assert not {"tag", "tag_not", "include_deleted"} & {*offered}
    assert "Save view" not in person.get(f"{path}?subject=rfp-1").text
    for parameter in offered:
        answer = person.get(f"{path}?filter={parameter}")
        assert answer.status_code == 200, parameter
        assert 'id="filter-edit"' in answer.text, parameter
    for query in ("tag=a", "include_deleted=true", "filter=tag", "since=never"):
        assert person.get(f"{path}?{query}").status_code == 400, query


def test_the_last_hours_are_a_filter_that_is_changed_and_removed(person: Pages) -> None:
    page = person.get("/events?since=24h&q=rfp-1").text
    without = removal(page, "Received within the last 24 hours")
    assert without == "/events?q=rfp-1#filter-add"
    editor = person.get("/events?since=24h&filter=since").text
    assert re.search(r'<option value="24h" selected>24 hours', editor)
    assert re.search(r'<a class="quiet-link" href="/events">', page)


def test_the_form_of_the_older_bar_leads_to_the_same_list(
    person: Pages, hooks: list[dict[str, Any]]
) -> None:
    sent = f"q=&state=pending&webhook_id={hooks[0]['id']}&since=1h&event_type="
    answer = person.get(f"/deliveries?{sent}")
    assert answer.status_code == 302
    page = person.get(answer.headers["Location"]).text
    assert chips(page) == [
        "Status is in the queue",
        "Webhook is Pager",
        "Created within the last hour",
    ]
    assert len(rows(page)) == 3


def test_columns_of_a_log_are_chosen(person: Pages) -> None:
    page = person.get("/deliveries?columns=webhook,state&density=compact").text
    assert heads(page) == ["Event", "Webhook", "Status"]
    assert 'data-density="compact"' in page
    assert heads(unescape(person.get("/events?columns=client_id").text)) == [
        "Event",
        "Publisher's id",
    ]


def test_a_search_keeps_the_chips_of_its_log(person: Pages) -> None:
    page = person.get("/events?type_not=bid.won&q=rfp-1").text
    assert rows(page) == ["rfp.closed", "rfp.created"]
    assert 'placeholder="Event id or subject"' in page
    assert ("type_not", "bid.won") in form(page, "events")


@pytest.mark.parametrize(
    "question",
    ["/events?app_id=nobody", "/deliveries?event_type=none", "/deliveries?state=expired"],
)
def test_what_no_index_finds_is_looked_for_in_a_part_of_the_log(
    person: Pages, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    for module in (bounded_search, asking):
        monkeypatch.setattr(module, "SHARE", 2)
    page = unescape(person.get(question).text)
    assert "None of the 2 records that this page looked through matches." in page
    assert "Look further" in page
