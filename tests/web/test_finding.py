"""Test the search over everything: what is found, by whom, and where it leads."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask, url_for

from portal.core.key_shape import SHAPE
from portal.features import FEATURES
from portal.keys.decision.format import generate
from tests.cast import ADA, ED, GUS, VIC, Api, Pages
from tests.resources import RESOURCES, called, minimal
from tests.statements import statements

PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}
A_LINK = re.compile(r'<a[^>]* href="([^"]+)"[^>]*>(.*?)</a>', re.S)
# Pages that are no place to jump to: they act on a choice made elsewhere, or need no sign-in.
NO_PLACES = {
    "choices.index",
    "keys.panic",
    "keys.open_link",
    "keys.leak_rule",
    "auth.login",
    "auth.logout",
}

Finder = Callable[..., dict[str, str]]


@pytest.fixture
def find(browse: Callable[..., Pages]) -> Finder:
    """Return a function: `find("crm", VIC)` gives the lines that the palette shows, title → URL."""

    def found(words: str, who: str = ADA) -> dict[str, str]:
        answer = browse(who).get(f"/search?q={quote(words)}", headers=PARTIAL)
        assert answer.status_code == 200
        lines = A_LINK.findall(answer.text)
        return {title_in(line): unescape(url) for url, line in lines}

    return found


def title_in(line: str) -> str:
    name = re.search(r'<span class="name">(.*?)</span>', line, re.S)
    assert name
    return unescape(re.sub("<[^>]+>", "", name[1]))


@pytest.fixture
def crm(ada: Api) -> str:
    """Return the id of an application named CRM 360."""
    return str(ada.create("applications", display_name="CRM 360", slug="crm-360")["id"])


# ---------------------------------------------------------------- open


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.name)
def test_every_record_is_found_by_its_name_and_leads_to_its_page(
    ada: Api, find: Finder, resource: Any
) -> None:
    body = {**minimal(resource), called(resource): "Zebra crossing"}
    made = ada.create(resource.name, **body)
    assert [url for url in find("zebr").values() if url.endswith(f"/{made['id']}")]


@pytest.mark.parametrize("words", ["crm-360", "git.example", "sales.acme", "portal-cli"])
def test_an_application_is_found_by_what_it_says(ada: Api, find: Finder, words: str) -> None:
    ada.create(
        "applications",
        display_name="Deals",
        slug="crm-360",
        repository="https://git.example/crm",
        primary_domain="sales.acme",
        oauth_client_id="portal-cli",
    )
    assert "Deals" in find(words)


def test_records_are_found_by_provider_address_prefix_and_tag(ada: Api, find: Finder) -> None:
    ada.create("connectors", name="Security log", provider="splunk")
    ada.create("webhooks", name="Hook", url="https://hooks.example.com/cpod")
    key = ada.create("api-keys", name="Nightly", tags=["blue team"])
    assert "Security log" in find("splunk")
    assert "Hook" in find("hooks.example.com")
    assert "Nightly" in find(key["key_prefix"])
    assert "Nightly" in find("team")


def test_a_person_is_found_by_an_admin_only(browse: Callable[..., Pages], find: Finder) -> None:
    person = browse(ED).person_id
    assert find("ed@acme")["Ed Okafor"] == f"/people?id={person}"
    assert find(person)["Ed Okafor"] == f"/people?id={person}"
    assert "Ed Okafor" not in find("ed@acme", VIC)
    assert not find(person, VIC)
    assert "Ed Okafor" not in find("okafor", GUS)


def test_every_page_is_found_by_its_title(app: Flask, find: Finder) -> None:
    places = [one for feature in FEATURES for part in feature.findable() for one in part.places]
    with app.test_request_context():
        urls = {place.title: url_for(place.endpoint) for place in places}
    for title, url in urls.items():
        assert find(title)[title] == url


def test_every_page_and_every_form_is_declared(app: Flask) -> None:
    parts = [part for feature in FEATURES for part in feature.findable()]
    declared = {one.endpoint for part in parts for one in (*part.places, *part.acts)}
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and not rule.arguments
        and not rule.rule.startswith(("/api/", "/.well-known/", "/auth/", "/oauth/"))
        and not getattr(app.view_functions[rule.endpoint], "is_public", False)
        and rule.endpoint not in ("static", "health.live", "health.ready")
    }
    assert pages - declared - NO_PLACES == set()
    assert declared <= app.view_functions.keys()


def test_the_pages_of_admins_are_not_offered_to_others(find: Finder) -> None:
    assert "People" in find("people")
    assert "People" not in find("people", ED)


def test_a_record_with_this_very_name_comes_first(ada: Api, find: Finder) -> None:
    for name in ("Export", "Export of deals", "The export"):
        ada.create("webhooks", name=name)
    titles = list(find("export"))
    assert titles[:3] == ["Export", "Export of deals", "The export"]


def test_a_list_with_more_of_them_is_linked(ada: Api, find: Finder) -> None:
    for number in range(10):
        ada.create("webhooks", name=f"Export {number}")
    assert find("export")["All Webhooks with these words"] == "/webhooks?q=export"


def test_a_key_that_does_not_work_is_not_shown_as_active(
    browse: Callable[..., Pages], ada: Api
) -> None:
    key = ada.create("api-keys", name="Nightly")
    assert ada.post(f"/api-keys/{key['id']}/block", {"reason": "odd"}).status_code == 200
    page = browse(ADA).get("/search?q=nightly").text
    assert "Nightly" in page
    assert ">blocked<" in page
    assert ">active<" not in page


# ---------------------------------------------------------------- do


@pytest.mark.parametrize(
    ("words", "act", "url"),
    [
        ("rotate night", "Rotate Nightly", "/keys/{key}/rotate"),
        ("revoke nightly", "Revoke Nightly", "/keys/{key}/stop"),
        ("issue a key for crm", "Issue a key for CRM 360", "/keys/new?application_id={app}"),
        ("new key crm", "Issue a key for CRM 360", "/keys/new?application_id={app}"),
        ("pause deals", "Pause Deals", "/webhooks/{hook}/health"),
        ("new webhook", "New webhook", "/webhooks/new"),
        ("register", "Register application", "/applications/new"),
        ("nightly", "Rotate Nightly", "/keys/{key}/rotate"),
    ],
)
def test_acts_are_named_with_the_record_that_they_are_for(
    ada: Api, find: Finder, crm: str, words: str, act: str, url: str
) -> None:
    key = ada.create("api-keys", name="Nightly")["id"]
    hook = ada.create("webhooks", name="Deals", url="https://a.example")["id"]
    assert find(words)[act] == url.format(key=key, app=crm, hook=hook)


def test_what_one_may_not_do_is_not_offered(ada: Api, find: Finder) -> None:
    ada.create("api-keys", name="Nightly")
    ada.create("applications", display_name="CRM 360")
    assert next(iter(find("nightly", VIC))) == "Nightly"
    assert "Rotate Nightly" not in find("rotate nightly", VIC)
    assert "New webhook" not in find("new webhook", VIC)
    assert "Suspend CRM 360" not in find("crm", ED)
    assert "Suspend CRM 360" in find("crm", ADA)


def test_what_makes_no_sense_for_a_record_is_not_offered(ada: Api, find: Finder) -> None:
    key = ada.create("api-keys", name="Nightly")
    assert "Unblock Nightly" not in find("nightly")
    ada.post(f"/api-keys/{key['id']}/revoke", {})
    assert not {"Rotate Nightly", "Revoke Nightly", "Block Nightly"} & find("nightly").keys()


def test_every_act_leads_to_a_page_that_opens(
    ada: Api, browse: Callable[..., Pages], find: Finder
) -> None:
    for resource in RESOURCES:
        ada.create(resource.name, **{**minimal(resource), called(resource): "Zebra"})
    pages, urls = browse(ADA), set()
    for words in ("", "zebra", "edit zebra", "new zebra", "rotate zebra", "replay zebra"):
        urls |= set(find(words).values())
    assert len(urls) > 30
    refused = {
        url: answer.status_code for url in urls if (answer := pages.get(url)).status_code > 399
    }
    assert refused == {}


# ---------------------------------------------------------------- happened


@pytest.fixture
def published(ada: Api) -> dict[str, Any]:
    """Return an event that was published about rfp-7, and the id of its delivery."""
    hook = ada.create(
        "webhooks", name="Deals", url="https://a.example", event_types=["rfp.created"]
    )
    sent = ada.post("/events", {"type": "rfp.created", "data": {}, "subject": "rfp 7"})
    owed = ada.get(f"/webhooks/{hook['id']}/deliveries").json or {}
    event = (sent.json or {})["events"][0]["id"]
    return {"event": event, "delivery": owed["items"][0]["id"], "webhook": hook["id"]}


@pytest.mark.parametrize("time", ["0000000000", "76EZ91ZPZZ", "7ZZZZZZZZZ", "8ZZZZZZZZZ"])
def test_an_id_of_a_time_that_never_was_leads_nowhere(
    app: Flask, browse: Callable[..., Pages], ada: Api, time: str
) -> None:
    pages, id = browse(ADA), f"{time}{'Z' * 16}"
    looked_up = {prefix for f in FEATURES for part in f.findable() for prefix in part.ids}
    assert looked_up > {"aud", "evt", "dlv"}
    for prefix in sorted({*looked_up, *(one.model.id_prefix for one in RESOURCES), "xyz"}):
        answer = pages.get(f"/search?q={prefix}_{id}", headers=PARTIAL)
        assert answer.status_code == 200, prefix
        assert "Nothing found" in answer.text, prefix
        assert (ada.get(f"/search?q={prefix}_{id}").json or {})["items"] == []
        for path in ("/deliveries", "/events", "/audit"):
            question = f"record_id={prefix}_{id}" if path == "/audit" else f"q={prefix}_{id}"
            assert pages.get(f"{path}?{question}").status_code == 200, (path, prefix)


@pytest.mark.parametrize("words", ["rfp.created", "rfp 7"])
def test_events_and_deliveries_are_found_by_type_and_subject(
    find: Finder, published: dict[str, Any], words: str
) -> None:
    found = find(words)
    assert found["rfp.created"] == f"/events/{published['event']}"
    assert found["rfp.created to Deals"] == f"/deliveries/{published['delivery']}"


def test_the_lists_of_an_event_type_are_linked(find: Finder, published: dict[str, Any]) -> None:
    found = find("rfp.created")
    assert found["All events of rfp.created"] == "/events?type=rfp.created"
    assert found["All deliveries of rfp.created"] == "/deliveries?event_type=rfp.created"


def test_a_stranger_finds_nothing_that_happened(find: Finder, published: dict[str, Any]) -> None:
    for words in ("rfp.created", "rfp 7", published["event"], published["delivery"]):
        assert not find(words, GUS)


def test_changes_are_found_by_action_and_record(ada: Api, find: Finder) -> None:
    key = ada.create("api-keys", name="Nightly")
    ada.post(f"/api-keys/{key['id']}/block", {"reason": "odd"})
    line = "Ada Almeida blocked the key “Nightly”"
    assert find("key.blocked")[line] == f"/audit?record_id={key['id']}"
    assert line in find("nightly")
    assert line in find(key["id"])


def test_a_request_id_leads_to_what_the_request_changed(
    ada: Api, browse: Callable[..., Pages], find: Finder
) -> None:
    answer = ada.post("/webhooks", {"name": "Deals"})
    ada.post("/webhooks", {"name": "Others"})
    request_id = answer.headers["X-Request-Id"]
    [(line, url)] = find(request_id).items()
    assert line == "Ada Almeida created the webhook “Deals”"
    page = browse(ADA).get(url).text
    assert "Deals" in page
    assert "Others" not in page
    assert not find(request_id, GUS)
    assert not find("req_00000000000000000000000000")


# ---------------------------------------------------------------- a whole id, a whole key


def test_a_whole_id_leads_straight_to_its_record(browse: Callable[..., Pages], crm: str) -> None:
    for pasted in (crm, f" “{crm}” ", f'"{crm}",'):
        answer = browse(ADA).get(f"/search?q={quote(pasted)}")
        assert answer.status_code == 303
        assert answer.location == f"/applications/{crm}"


def test_the_ids_of_what_happened_lead_to_it(
    browse: Callable[..., Pages], published: dict[str, Any]
) -> None:
    pages = browse(ADA)
    for kind, path in (("event", "events"), ("delivery", "deliveries")):
        answer = pages.get(f"/search?q={published[kind]}")
        assert answer.location == f"/{path}/{published[kind]}"


def test_an_id_of_a_deleted_record_leads_to_it(ada: Api, find: Finder) -> None:
    hook = ada.create("webhooks", name="Deals")["id"]
    ada.call("DELETE", f"/webhooks/{hook}")
    assert find(hook)["Deals"] == f"/webhooks/{hook}"
    assert "Edit Deals" not in find(hook)
    assert "Deals" not in find("deals")


@pytest.mark.parametrize("made_up", ["app", "key", "whk", "cnn", "evt", "dlv", "att", "per", "aud"])
def test_a_made_up_id_and_a_strangers_find_the_same_nothing(
    browse: Callable[..., Pages], find: Finder, crm: str, made_up: str
) -> None:
    asked = f"{made_up}_{'0' * 26}"
    mine = browse(ADA).get(f"/search?q={asked}").text
    assert f"Nothing found for “{asked}”" in mine
    assert not find(asked)
    assert not find(crm, GUS)


def test_a_fingerprint_leads_to_its_key(ada: Api, browse: Callable[..., Pages]) -> None:
    key = ada.create("api-keys", name="Nightly")
    answer = browse(ADA).get(f"/search?q={key['key_fingerprint'].upper()}")
    assert answer.location == f"/keys/{key['id']}"
    assert browse(GUS).get(f"/search?q={key['key_fingerprint']}").status_code == 200


def test_without_a_script_a_whole_key_is_never_searched(
    ada: Api, browse: Callable[..., Pages]
) -> None:
    raw = ada.create("api-keys", name="Nightly")["key"]
    answer = browse(ADA).get(f"/search?q={raw}")
    assert answer.status_code == 303
    assert raw not in answer.location


@pytest.mark.parametrize("cut", [13, 20, 46])
def test_a_part_of_a_key_is_refused_and_not_repeated(
    browse: Callable[..., Pages], ada: Api, cut: int
) -> None:
    part = generate("acme", "service").text[:cut]
    answer = browse(ADA).get(f"/search?q={part}")
    assert answer.status_code == 422
    assert "looks like an API key" in answer.text
    assert part not in answer.text
    hidden = browse(ADA).get(f"/search?q=%73k{part[2:]}")
    assert hidden.status_code == 422
    refused = ada.get(f"/search?q={part}")
    assert refused.status_code == 400
    assert part not in refused.text


def test_a_program_may_not_search_for_a_whole_key(ada: Api) -> None:
    raw = ada.create("api-keys", name="Nightly")["key"]
    assert SHAPE.fullmatch(raw)
    answer = ada.get(f"/search?q={raw}")
    assert answer.status_code == 400
    assert raw not in answer.text


# ---------------------------------------------------------------- who finds what


def test_a_stranger_finds_nothing(browse: Callable[..., Pages], crm: str) -> None:
    page = browse(GUS).get("/search?q=crm")
    assert page.status_code == 200
    assert crm not in page.text
    assert "Nothing found" in page.text


@pytest.fixture
def mine(ed: Api) -> dict[str, Any]:
    """Return a connector of Ed's own."""
    return ed.create("connectors", name="Diary of Ed", scope="user")


def test_a_connector_of_one_person_is_found_by_that_person_only(
    ada: Api, find: Finder, mine: dict[str, Any]
) -> None:
    assert "Diary of Ed" in find("diary", ED)
    assert "Edit Diary of Ed" in find("diary", ED)
    for who in (ADA, VIC, GUS):
        assert not [line for line in find("diary", who) if "Diary" in line]
    # An admin knows that it is there, and no more.
    assert not [line for line in find(mine["id"], ADA) if line.startswith("Edit")]
    for who in (VIC, GUS):
        assert not find(mine["id"], who)


def test_what_happened_to_it_is_found_by_that_person_only(
    find: Finder, mine: dict[str, Any]
) -> None:
    line = "Ed Okafor created the connector “Diary of Ed”"
    assert line in find("diary", ED)
    assert line in find("connector.created", ED)
    assert line not in find("connector.created", VIC)


# ---------------------------------------------------------------- words, statements, the page


HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}"


def test_hostile_names_are_text(ada: Api, browse: Callable[..., Pages], find: Finder) -> None:
    ada.create("webhooks", name=f"Zebra {HOSTILE}", url="https://a.example")
    for headers in ({}, PARTIAL):
        text = browse(ADA).get("/search?q=zebra img 7", headers=headers).text
        assert "<img" not in text
        assert "{{" in text  # the braces of {{7*7}} are still there
    assert f"Zebra {HOSTILE}" in find("zebra")
    assert f"Pause Zebra {HOSTILE}" in find("pause zebra")


@pytest.mark.parametrize(
    "words",
    [
        *("", " ", "\x00", "%", "' OR 1=1", "<script>", "x" * 5000, "🔑", "(", "[", "a" * 200),
        "rotate the key of our one and only nightly export",
    ],
)
def test_any_words_are_only_words(browse: Callable[..., Pages], words: str) -> None:
    for headers in ({}, PARTIAL):
        page = browse(ADA).get(f"/search?q={quote(words)}", headers=headers)
        assert page.status_code == 200
        assert "<script>" not in page.text


@pytest.mark.parametrize(
    ("words", "most"),
    [("", 0), ("nothinglikethis", 1), ("crm", 3), ("rotate crm", 2), ("rfp.created", 3)],
)
def test_an_answer_takes_few_statements(
    browse: Callable[..., Pages], ada: Api, crm: str, words: str, most: int
) -> None:
    for resource in RESOURCES:
        ada.create(resource.name, **minimal(resource))
    found = (ada.get(f"/search?q={words}").json or {}).get("items", ())
    kinds = {item["resource"] for item in found}  # each is read with a statement of its own
    pages = browse(ADA)
    pages.get("/search?q=crm")
    with statements() as sent:
        pages.get("/account/sessions", headers=PARTIAL)
    signed_in = len(sent)
    with statements() as sent:
        assert pages.get(f"/search?q={words}", headers=PARTIAL).status_code == 200
    assert len(sent) <= most + len(kinds) + signed_in, [sql for sql, _ in sent]


def test_records_of_many_applications_take_no_more_statements(
    browse: Callable[..., Pages], ada: Api
) -> None:
    pages = browse(ADA)
    taken = []
    for number in range(4):
        owner = ada.create("applications", display_name=f"Shop {number}")["id"]
        for resource in ("connectors", "webhooks", "api-keys"):
            ada.create(resource, name=f"Nightly {number}", application_id=owner)
        pages.get("/search?q=nightly", headers=PARTIAL)
        with statements() as sent:
            found = pages.get("/search?q=nightly", headers=PARTIAL).text
        assert found.count(f">Nightly</mark> {number}<") >= 3
        taken.append(len(sent))
    assert len(set(taken)) == 1, taken


def test_the_palette_and_the_page_show_the_same(
    browse: Callable[..., Pages], find: Finder, crm: str
) -> None:
    page = browse(ADA).get("/search?q=crm").text
    content = page[page.index("<main") : page.index("</main>")]
    for url in find("crm").values():
        assert f'href="{url}"' in unescape(content)


def test_a_page_offers_the_palette_and_a_form_without_scripts(
    browse: Callable[..., Pages],
) -> None:
    page = browse(ADA).get("/").text
    assert 'action="/search"' in page
    assert 'href="/search"' in page


@pytest.mark.parametrize(
    ("words", "said"), [("nothinglikethis", "Nothing found"), ("crm", "result")]
)
def test_the_palette_says_how_much_there_is(
    browse: Callable[..., Pages], crm: str, words: str, said: str
) -> None:
    found = browse(ADA).get(f"/search?q={words}", headers=PARTIAL).text
    assert said in (re.search('data-said="([^"]*)"', found) or [""])[0]
