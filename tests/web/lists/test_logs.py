"""Logs as people see them: the same chips as the lists of records, and nothing that only records
have."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from portal.delivery.log import search
from portal.records import bounded_search
from portal.records.lists import cursors, page_statement
from tests.cast import ADA, VIC, Api, Pages
from tests.databases import Database
from tests.inbound.test_inbound import SECRET, github, knock
from tests.web.lists.test_list_pages import chips, heads, removal, rows

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


def test_a_log_begins_with_how_much_of_today_it_has(
    browse: Browse, ada: Api, ed: Api, database: Database
) -> None:
    ada_by_page, vic_by_page = browse(ADA), browse(VIC)
    database.sql("UPDATE audit_entry SET occurred_at = occurred_at - interval '1 day'")
    assert first_words(ada_by_page, "/events") == "No event so far today (UTC)."
    assert first_words(ada_by_page, "/audit") == "Nothing happened so far today (UTC)."
    ada.post("/events", [{"type": "rfp.created", "data": {}}, {"type": "bid.won", "data": {}}])
    assert re.fullmatch(
        r"2 events today, the last at \d\d:\d\d UTC\.", first_words(ada_by_page, "/events")
    )
    ada.create("applications", display_name="First")
    assert first_words(ada_by_page, "/audit") == "1 entry today (UTC), by 1 person or program."
    ed.create("connectors", name="Splunk")
    ada.create("connectors", name="Payroll", scope="user")
    said = "3 entries today (UTC), by 2 people and programs."
    assert first_words(ada_by_page, "/audit") == said
    # Vic is not told of a record that is closed to him.
    said = "2 entries today (UTC), by 2 people and programs."
    assert first_words(vic_by_page, "/audit") == said


def first_words(person: Pages, path: str) -> str:
    [words] = re.findall(
        r'class="truth[^>]*>\s*<p[^>]*>(.*?)</p>', person.get(path).text, re.DOTALL
    )
    return unescape(re.sub(r"<[^>]+>", "", words)).strip()


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


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/events", "type_not"),
        ("/deliveries", "event_type_not"),
        ("/deliveries", "webhook_id_not"),
        ("/audit", "action_not"),
        ("/audit", "actor_id_not"),
        ("/audit", "record_id_not"),
        ("{received}", "code_not"),
        ("{received}", "event_type_not"),
    ],
)
def test_what_is_left_out_is_never_dropped_silently(
    person: Pages, ada: Api, received: str, path: str, parameter: str
) -> None:
    at = path.format(received=received)
    many = ",".join(f"x{number}" for number in range(201))
    for text, why in (
        ("bid.won,", "Give a value before and after each comma."),
        (",", "Give a value before and after each comma."),
        (many, "Give at most 200 values."),
    ):
        answer = ada.get(at, query_string={parameter: text})
        assert (answer.status_code, (answer.json or {})["detail"]) == (400, f"{parameter}: {why}")
        refused = person.get(at, query_string={parameter: text})
        assert (refused.status_code, why in refused.text) == (400, True)


def test_values_that_were_typed_with_spaces_are_left_out_as_well(person: Pages, ada: Api) -> None:
    question = {"event_type_not": "bid.won, rfp.created"}
    items = (ada.get("/deliveries", query_string=question).json or {})["items"]
    assert {one["event_type"] for one in items} == {"rfp.closed"}
    page = person.get("/deliveries", query_string=question).text
    assert chips(page) == ["Event type is none of bid.won or rfp.created"]
    assert rows(page) == ["rfp.closed"] * 2


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("bid.won, rfp.closed", "is any of bid.won or rfp.closed", ["bid.won", "rfp.closed"]),
        ("rfp.closed,bid.won,bid.won", "is any of bid.won or rfp.closed",
         ["bid.won", "rfp.closed"]),
        ("bid.won,bid.won", "is bid.won", ["bid.won"]),
        ("bid.won,", "is bid.won,", []),
        (",bid.won,,rfp.closed", "is ,bid.won,,rfp.closed", []),
    ],
)  # fmt: skip
def test_a_chip_says_what_its_query_finds(
    person: Pages, ada: Api, text: str, words: str, found: list[str]
) -> None:
    page = person.get("/events", query_string={"type": text}).text
    assert (chips(page), rows(page)) == ([f"Type {words}"], found)
    items = (ada.get("/events", query_string={"type": text}).json or {})["items"]
    assert [one["type"] for one in items] == found


def test_the_editor_of_a_filter_begins_with_what_its_query_finds(
    person: Pages, hooks: list[dict[str, Any]]
) -> None:
    both = ", ".join(hook["id"] for hook in hooks)
    page = person.get("/deliveries", query_string={"webhook_id": both, "filter": "webhook_id"}).text
    assert re.findall(r'name="webhook_id" value="\w+"( checked)', page) == [" checked"] * 2
    page = person.get("/events", query_string={"type": "bid.won,", "filter": "type"}).text
    assert 'name="type" value="bid.won,"' in page


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


@pytest.mark.parametrize("path", ["/events", "/deliveries", "/audit"])
def test_a_log_offers_its_comparisons_and_nothing_of_records(person: Pages, path: str) -> None:
    page = person.get(path).text
    offered = re.findall(r'<option value="(\w+)">', page[page.index('id="filter-add"') :])
    named = "record_id" if path == "/audit" else "subject"
    assert {*offered} >= {"since", named, f"{named}_not"}
    assert not {"tag", "tag_not", "include_deleted"} & {*offered}
    assert "Save view" in person.get(f"{path}?{named}=rfp-1").text
    for parameter in offered:
        answer = person.get(f"{path}?filter={parameter}")
        assert answer.status_code == 200, parameter
        assert 'id="filter-edit"' in answer.text, parameter
    for query in ("tag=a", "include_deleted=true", "filter=tag", "since=never"):
        assert person.get(f"{path}?{query}").status_code == 400, query


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        ("/events", "since", ("7d", "15m")),
        ("/deliveries", "seen", ("dlv_0", "dlv_1")),
        ("/deliveries", "density", ("compact", "comfortable")),
        ("/keys", "filter", ("tag", "kind")),
    ],
)
def test_a_parameter_of_the_page_alone_is_refused_by_its_name(
    person: Pages, path: str, name: str, values: tuple[str, str]
) -> None:
    assert person.get(f"{path}?{name}={values[0]}").status_code == 200
    twice = person.get(f"{path}?{name}={values[0]}&{name}={values[1]}")
    assert twice.status_code == 400
    assert f"{name}: Give this parameter once." in twice.text
    answer = person.get(f"{path}?{name}=%00")
    assert answer.status_code == 400
    assert f"{name}: This has a character that is not allowed." in answer.text


@pytest.mark.parametrize("path", ["/deliveries", "/events", "/webhooks", "/keys"])
def test_an_id_in_the_address_is_a_chip_that_is_edited_and_removed(
    person: Pages, ada: Api, path: str
) -> None:
    ada.create("api-keys")
    rest = "/api-keys" if path == "/keys" else path
    ids = sorted(one["id"] for one in (ada.get(rest).json or {})["items"])[:2]
    page = person.get(f"{path}?id={ids[0]}").text
    assert chips(page) == [f"Id is {ids[0]}"]
    assert len(rows(page)) == 1
    assert removal(page, f"Id is {ids[0]}").partition("#")[0] == f"{path}?view=all"
    editing = re.search(rf'href="([^"]*)"><span>Id is</span> <b>{ids[0]}', page)
    assert editing
    editor = person.get(unescape(editing[1])).text
    assert f'name="id" value="{ids[0]}"' in editor
    assert "Enough on its own" not in editor[editor.index("filter-editor") :]
    both = person.get(f"{path}?id={','.join(ids)}").text
    assert len(rows(both)) == len(ids)
    assert 'value="id"' not in both[both.index('id="filter-add"') :].partition("</select>")[0]


def test_the_last_hours_are_a_filter_that_is_changed_and_removed(person: Pages) -> None:
    page = person.get("/events?since=24h&q=rfp-1").text
    without = removal(page, "Received within the last 24 hours")
    assert without == "/events?q=rfp-1#filter-add"
    editor = person.get("/events?since=24h&filter=since").text
    assert re.search(r'<option value="24h" selected>24 hours', editor)
    assert re.search(r'<a class="quiet-link" href="/events\?view=all">', page)


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


def test_words_are_looked_for_within_the_chips(person: Pages) -> None:
    assert rows(person.get("/events?q=rfp-1").text) == ["rfp.closed", "rfp.created"]
    assert rows(person.get("/events?q=rfp-1&subject=rfp-1").text) == ["rfp.closed", "rfp.created"]
    for log in ("events", "deliveries"):
        assert rows(person.get(f"/{log}?q=rfp-1&subject=rfp-2").text) == []


def test_all_deliveries_of_a_frequent_subject_are_found(
    person: Pages, ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "OF_ONE_SUBJECT", 2)
    ada.post("/events", [{"type": "rfp.created", "subject": "rfp-9", "data": {}}] * 5)
    found = rows(person.get("/deliveries?q=rfp-9").text)
    assert found == rows(person.get("/deliveries?subject=rfp-9").text)
    assert len(found) >= 5


def test_a_search_keeps_the_chips_of_its_log(person: Pages) -> None:
    page = person.get("/events?type_not=bid.won&q=rfp-1").text
    assert rows(page) == ["rfp.closed", "rfp.created"]
    assert 'placeholder="Event id or subject"' in page
    searching = page[page.index('role="search"') :].partition("</form>")[0]
    assert 'name="type_not" value="bid.won"' in searching


@pytest.mark.parametrize(
    "question",
    [
        "/events?app_id=nobody",
        "/deliveries?event_type=none",
        "/deliveries?state=expired",
        "/audit?record_kind=key",
    ],
)
def test_what_no_index_finds_is_looked_for_in_a_part_of_the_log(
    person: Pages, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    for module in (bounded_search, page_statement):
        monkeypatch.setattr(module, "SHARE", 2)
    page = unescape(person.get(question).text)
    assert "None of the 2 records that this page looked through matches." in page
    assert "Look further" in page


def turned(person: Pages, page: str, rel: str) -> str:
    """Return the page that a link to the next or the previous one leads to."""
    link = re.search(rf'href="([^"]*)" rel="{rel}"', page)
    assert link, f"no link to the {rel} page"
    return person.get(unescape(link[1])).text


def further(person: Pages, page: str) -> str:
    """Return the page that an empty one in the middle of a log leads to."""
    link = re.search(r'href="([^"]*)">Look further', page)
    assert link
    return person.get(unescape(link[1])).text


@pytest.mark.parametrize(
    ("path", "question", "sort"),
    [
        ("/deliveries", "event_type=old.one", "-created_at"),
        ("/deliveries", "origin=replay", "created_at"),
        ("/events", "type_contains=old", "-received_at"),
        ("/events", "application_id_empty=false", "received_at"),
    ],
)
def test_an_empty_page_leads_back_to_the_one_before(
    person: Pages, database: Database, monkeypatch: pytest.MonkeyPatch,
    path: str, question: str, sort: str,
) -> None:  # fmt: skip
    for module in (bounded_search, page_statement):
        monkeypatch.setattr(module, "SHARE", 1)
    monkeypatch.setattr(cursors, "MOST_PATIENCE", 0)
    change = {
        "/deliveries": "UPDATE delivery SET event_type = 'old.one', origin = 'replay'",
        "/events": "UPDATE event SET type = 'old.one', application_id = 'app_1'",
    }[path]
    table, first_id = change.split()[1], "max" if sort.startswith("-") else "min"
    database.sql(f"{change} WHERE id = (SELECT {first_id}(id) FROM {table})")
    first = person.get(f"{path}?{question}&sort={sort}&limit=5").text
    assert rows(first) == ["old.one"]
    pages = [turned(person, first, "next")]
    while "Look further" in pages[-1]:
        pages.append(further(person, pages[-1]))
    assert len(pages) > 1
    assert "Nothing more matches" in pages[-1]
    for page in pages:
        back = turned(person, page, "prev")
        while not rows(back):
            assert 'rel="next"' in back  # who walks back can turn round as well
            back = further(person, back)
        assert rows(back) == ["old.one"]


def test_the_end_of_a_log_leads_back_though_what_followed_is_gone(
    person: Pages, ada: Api, database: Database
) -> None:
    first = person.get("/events?type_contains=.&limit=2").text
    database.sql("DELETE FROM event WHERE id = (SELECT min(id) FROM event)")
    end = turned(person, first, "next")
    assert "Nothing more matches" in end
    assert rows(turned(person, end, "prev")) == rows(first)


def said(page: str) -> list[str]:
    """Return what the entries of the audit log say, without who did it."""
    found = re.findall(r"<strong>.*?</strong>\s*<span>(.*?)</span>", page, re.DOTALL)
    return [unescape(re.sub(r"<[^>]*>", "", one)) for one in found]


@pytest.fixture
def two_apps(ada: Api) -> dict[str, str]:
    """Return the ids of two applications; one of them is renamed, by a key."""
    made = {
        name: ada.create("applications", display_name=name)["id"] for name in ("CRM", "Billing")
    }
    key = ada.create("api-keys", name="Nightly export", scopes=["applications:write"])
    answer = Api(ada.client, key["key"]).patch(
        f"/applications/{made['CRM']}", {"display_name": "Sales"}
    )
    assert answer.status_code == 200, answer.text
    return {**made, "key": key["id"]}


def test_the_audit_log_is_narrowed_by_chips(
    browse: Browse, ada: Api, two_apps: dict[str, str]
) -> None:
    person, crm, key = browse(ADA), two_apps["CRM"], two_apps["key"]
    created = ["created the application “Billing”", "created the application “CRM”"]
    renamed = ["updated the application “Sales”"]
    request_id = (ada.get(f"/audit?record_id={two_apps['Billing']}").json or {})["items"][0][
        "request_id"
    ]
    for question, words, found in (
        (f"record_id={crm}", ["Record is Sales"], [*renamed, created[1]]),
        ("action=application.created", ["Action is application.created"], created),
        (f"actor_id={key}", ["Done by is Nightly export"], renamed),
        ("action=application.created,application.updated",
         ["Action is any of application.created or application.updated"], [*renamed, *created]),
        (f"actor_id_not={key}&record_kind=application",
         ["Kind of record is application", "Done by is not Nightly export"], created),
        ("record_name_contains=BILL", ["Name of record contains BILL"], created[:1]),
        (f"request_id={request_id}", [f"Request is {request_id}"], created[:1]),
        (f"either=actor_id,record_name_contains&actor_id={key}&record_name_contains=bill",
         ["Done by is Nightly export", "Name of record contains bill"], [*renamed, created[0]]),
        ("since=1h&action=application.updated",
         ["Action is application.updated", "Happened within the last hour"], renamed),
        ("occurred_before=2020-01-31", ["Happened before 2020-01-31, 00:00 UTC"], []),
    ):  # fmt: skip
        page = person.get(f"/audit?{question}").text
        assert chips(page) == words
        assert said(page) == found, question


def test_the_form_of_the_older_bar_of_the_audit_log_leads_to_the_same(
    browse: Browse, two_apps: dict[str, str]
) -> None:
    person = browse(ADA)
    sent = "record_id=&actor_id=&action=application.updated&occurred_after=2020-01-31"
    answer = person.get(f"/audit?{sent}&occurred_before=")
    assert answer.status_code == 302
    page = person.get(answer.headers["Location"]).text
    assert chips(page) == [
        "Action is application.updated", "Happened after 2020-01-31, 00:00 UTC",
    ]  # fmt: skip
    assert said(page) == ["updated the application “Sales”"]


def test_the_audit_log_is_walked_there_and_back(browse: Browse, two_apps: dict[str, str]) -> None:
    person = browse(ADA)
    first = person.get("/audit?limit=2&record_kind_not=session").text
    second = turned(person, first, "next")
    assert not {*said(first)} & {*said(second)}
    assert said(turned(person, second, "prev")) == said(first)


def test_past_its_end_the_audit_log_says_that_it_ends(
    browse: Browse, ada: Api, two_apps: dict[str, str]
) -> None:
    question = "action=application.created&limit=1"
    second = (ada.get(f"/audit?{question}").json or {})["next_cursor"]
    page = browse(ADA).get(f"/audit?{question}&cursor={second}").text
    assert said(page) == ["created the application “CRM”"]
    page = browse(ADA).get(f"/audit?occurred_before=2020-01-01&cursor={second}").text
    assert "This is the end of the list." in page
    assert "To the first page" in page


def test_nobody_reads_the_name_of_a_closed_record_in_a_chip(browse: Browse, ada: Api) -> None:
    made = ada.create("connectors", name="Payroll", scope="user")["id"]
    assert chips(browse(ADA).get(f"/audit?record_id={made}").text) == ["Record is Payroll"]
    assert chips(browse(VIC).get(f"/audit?record_id={made}").text) == [f"Record is {made}"]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("/events?type=rfp.created&subject=rfp-1", 1),
        ("/events?type_contains=rfp", 1),
        ("/deliveries?event_type=rfp.created", 1),
        ("/deliveries?state_not=failed&webhook_id={hook}&event_id={event}", 1),
        ("/audit?record_kind=webhook", 1),
        ("/audit?action_contains=created&actor_id_not=nobody", 1),
    ],
)
def test_a_program_of_an_application_compares_only_its_own(
    ada: Api, question: str, found: int
) -> None:
    crm = ada.create("applications", display_name="CRM")["id"]
    scopes = ["webhooks:read", "webhooks:write", "events:publish", "events:read", "audit:read"]
    key = ada.create("api-keys", scopes=scopes, application_id=crm)["key"]
    event = {"type": "rfp.created", "subject": "rfp-1", "data": {}}
    ada.create("webhooks", url="https://a.example/", event_types=["rfp.*"])
    assert ada.post("/events", event).status_code == 202
    own = Api(ada.client, key)
    hook = own.create("webhooks", url="https://b.example/", event_types=["rfp.*"])["id"]
    assert own.post("/events", event).status_code == 202
    [made] = (own.get("/events").json or {})["items"]
    path = question.format(hook=hook, event=made["id"])
    items = (own.get(path).json or {})["items"]
    assert len(items) == found, items


@pytest.fixture
def received(ada: Api) -> str:
    """Return the path of an inbound webhook that received four requests, two of them genuine."""
    hook = ada.create("webhooks", direction="inbound", inbound_scheme="github",
                      inbound_secret=SECRET)  # fmt: skip
    for number, secret in enumerate((SECRET, SECRET, "wrong", "wrong")):
        body = f"[{number}]".encode()
        knock(ada.client, hook["inbound_url"], body, github(body, secret, delivery=str(number)))
    return f"/webhooks/{hook['id']}/received"


def test_received_requests_are_narrowed_by_chips(browse: Browse, ada: Api, received: str) -> None:
    person = browse(ADA)
    for question, words, count in (
        ("", [], 4),
        ("state=quarantined", ["State is quarantined"], 2),
        ("event_type=github.push", ["Event type is github.push"], 2),
        ("event_type_empty=true", ["Event type is empty"], 2),
        ("state_not=quarantined&since=1h",
         ["Received within the last hour", "State is not quarantined"], 2),
        ("either=state,event_type&state=quarantined&event_type=github.push",
         ["State is quarantined", "Event type is github.push"], 4),
        ("received_before=2020-01-01", ["Received before 2020-01-01, 00:00 UTC"], 0),
    ):  # fmt: skip
        page = person.get(f"{received}?{question}").text
        assert sorted(chips(page)) == sorted(words)
        assert page.count('<th scope="row"') == count, question


def test_received_requests_look_again_with_their_chips(
    browse: Browse, ada: Api, received: str
) -> None:
    person = browse(ADA)
    page = person.get(f"{received}?state=quarantined&limit=1").text
    again = re.search(r'hx-get="([^"]*live=[^"]*)"', page)
    assert again, page
    partial = {"HX-Request": "true", "HX-Request-Type": "partial"}
    rows = person.get(unescape(again[1]), headers=partial).text
    assert rows.count('<th scope="row"') == 1
    assert "<form" not in rows
    link = re.search(r'href="([^"]*)" rel="next"', rows)
    assert link
    assert "live=" not in link[1]


def test_past_their_end_received_requests_say_that_they_end(
    browse: Browse, ada: Api, received: str
) -> None:
    second = (ada.get(f"{received}?state=quarantined&limit=1").json or {})["next_cursor"]
    ada_pages = browse(ADA)
    path = received.rpartition("/")[0]
    assert ada_pages.post(f"{path}/quarantine/clear").status_code == 303
    page = ada_pages.get(f"{received}?received_before=2020-01-01&cursor={second}").text
    assert "This is the end of the list." in page
    assert "Nothing yet" not in page
