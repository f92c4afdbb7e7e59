"""Lists as people see them: filter chips, columns, density, totals; all in the address."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.datastructures import MultiDict

from portal.records import verbs
from portal.rest.resources import Resource
from tests.cast import ADA, Api, Pages
from tests.resources import RESOURCES, list_of
from tests.statements import statements
from tests.test_every_resource import deletable, every

Browse = Callable[[str], Pages]


@pytest.fixture
def person(browse: Browse, ada: Api) -> Pages:
    """Return Ada's browser; her tenant has three webhooks."""
    crm = ada.create("applications", display_name="CRM 360")["id"]
    ada.create("webhooks", name="CRM events", url="https://a.example/", application_id=crm)
    ada.create("webhooks", name="Audit", url="https://b.example/", tags=["soc"])
    ada.create("webhooks", name="Inbox", direction="inbound")
    return browse(ADA)


def rows(page: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*><a[^>]*>([^<]*)</a>', page)


def heads(page: str) -> list[str]:
    found = re.search(r"<thead>.*?</thead>", page, re.DOTALL)
    assert found
    labels = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", found[0], re.DOTALL)
    words = [re.sub(r"<[^>]*>", "", label).strip() for label in labels]
    return [one for one in words if one]  # and not the column of boxes


def chips(page: str) -> list[str]:
    return [unescape(words) for words in re.findall(r'aria-label="Remove ([^"]*)"', page)]


def removal(page: str, words: str) -> str:
    link = re.search(rf'href="([^"]*)" aria-label="Remove {re.escape(words)}"', page)
    assert link
    return unescape(link[1])


def form(page: str, id: str) -> list[tuple[str, str]]:
    """Return the fields that a form sends with no change: hidden, ticked and typed ones."""
    drawn = page[page.index(f'id="{id}"') :].partition("</form>")[0]
    sent = []
    for tag in re.findall(r"<input [^>]*>", drawn):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if attributes.get("type") != "checkbox" or "checked" in tag:
            sent.append((attributes["name"], unescape(attributes.get("value", ""))))
    return sent


def test_a_filter_is_added_changed_and_removed_as_a_chip(person: Pages) -> None:
    opened = person.get("/webhooks?filter=direction_not").text
    assert "Direction is not" in opened
    applied = person.get("/webhooks?direction_not=inbound").text
    assert chips(applied) == ["Direction is not inbound"]
    assert rows(applied) == ["Audit", "CRM events"]
    assert "filter=direction_not#filter-edit" in unescape(applied)
    edited = person.get("/webhooks?direction_not=inbound&filter=direction_not").text
    assert ("direction_not", "inbound") in form(edited, "filter-editor")
    left = removal(applied, "Direction is not inbound")
    assert left == "/webhooks?view=all#filter-add"
    assert rows(person.get("/webhooks?view=all").text) == ["Inbox", "Audit", "CRM events"]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("direction=inbound,outbound", "Direction is any of inbound or outbound"),
        ("name_contains=crm", "Name contains crm"),
        ("application_id_empty=true", "Application is empty"),
        ("application_id_empty=false", "Application has a value"),
        ("created_after=2026-01-31T09:00:00Z", "Created after 2026-01-31, 09:00 UTC"),
        ("created_after=2026-02-01T01:00:00%2B02:00", "Created after 2026-01-31, 23:00 UTC"),
        ("enabled=true", "Enabled is yes"),
        ("tag_not=soc", "Tag is not soc"),
        ("include_deleted=true", "Deleted records are shown too"),
    ],
)
def test_a_chip_says_its_filter_in_words(person: Pages, question: str, words: str) -> None:
    assert chips(person.get(f"/webhooks?{question}").text) == [words]


def test_a_chip_names_what_an_id_means(person: Pages, ada: Api) -> None:
    (crm,) = (ada.get("/applications").json or {})["items"]
    page = person.get(f"/webhooks?application_id={crm['id']}").text
    assert chips(page) == ["Application is CRM 360"]
    assert "Event type contains" not in page


def test_filters_of_which_one_is_enough_stand_together(person: Pages) -> None:
    question = "either=tag,direction&tag=soc&direction=inbound"
    page = person.get(f"/webhooks?{question}").text
    assert rows(page) == ["Inbox", "Audit"]
    assert "One of these is enough" in page
    left = dict(parse_qsl(urlsplit(removal(page, "Tag is soc")).query))
    assert left == {"either": "direction", "direction": "inbound"}
    editor = person.get(f"/webhooks?{question}&filter=tag").text
    assert ("either", "direction") in form(editor, "filter-editor")
    assert ("either", "tag") in form(editor, "filter-editor")


def test_only_what_either_takes_is_offered_as_enough_on_its_own(person: Pages) -> None:
    question = "either=tag,direction&tag=soc&direction=inbound"
    assert "Enough on its own" in person.get("/webhooks?filter=tag").text
    page = person.get(f"/webhooks?{question}&filter=include_deleted").text
    assert "Deleted records are shown" in page
    assert "Enough on its own" not in page
    sent = [*form(page, "filter-editor"), ("include_deleted", "true")]
    assert ("either", "tag,direction") in sent
    assert person.get("/webhooks", query_string=MultiDict(sent)).status_code in (200, 302)


def test_a_time_with_an_offset_is_edited_in_utc(person: Pages) -> None:
    question = "created_after=2026-02-01T01:00:00%2B02:00&filter=created_after"
    page = person.get(f"/webhooks?{question}").text
    assert ("created_after", "2026-01-31T23:00") in form(page, "filter-editor")


@pytest.mark.parametrize(
    ("given", "edited", "shown"),
    [
        ("2026-01-31T09:00:00Z", "2026-01-31T09:00", "2026-01-31, 09:00 UTC"),
        ("2026-01-31T09:00:07Z", "2026-01-31T09:00:07", "2026-01-31, 09:00:07 UTC"),
        ("2026-01-31T09:00:07.250Z", "2026-01-31T09:00:07.250", "2026-01-31, 09:00:07.250 UTC"),
    ],
)
def test_a_time_that_is_edited_keeps_its_seconds(
    person: Pages, given: str, edited: str, shown: str
) -> None:
    page = person.get(f"/webhooks?created_after={given}&filter=created_after").text
    assert ("created_after", edited) in form(page, "filter-editor")
    assert 'step="any"' in page
    assert chips(page) == [f"Created after {shown}"]


def test_a_chip_names_the_program_that_made_records(person: Pages, ada: Api) -> None:
    made_by_programs = [one for one in RESOURCES if "created_by" in one.listing.comparisons]
    assert len(made_by_programs) == len(RESOURCES) - 1, "all but keys"
    scopes = [f"{resource.scope}:write" for resource in made_by_programs]
    made = ada.create("api-keys", name="Nightly export", scopes=scopes)
    key = Api(ada.client, made["key"])
    for resource in made_by_programs:
        key.create(resource.name)
        page = person.get(f"{list_of(resource)}?created_by={made['id']}").text
        assert chips(page) == ["Created by is Nightly export"], resource.name
        assert page.count('<th scope="row"') == 1, resource.name


@deletable
def test_past_its_end_a_list_does_not_say_that_there_is_nothing(
    browse: Browse, ada: Api, resource: Resource[Any, Any]
) -> None:
    older = ada.create(resource.name)["id"]
    ada.create(resource.name)
    question = "sort=-created_at&limit=1"
    cursor = (ada.get(f"/{resource.name}?{question}").json or {})["next_cursor"]
    ada.delete(f"/{resource.name}/{older}")
    page = browse(ADA).get(f"{list_of(resource)}?{question}&cursor={cursor}").text
    assert "This is the end of the list." in page
    assert " yet</h2>" not in page


def test_a_form_without_a_script_leads_to_the_same_address(person: Pages) -> None:
    sent = "q=&either=tag&either=direction&direction=inbound&direction=outbound&tag=soc"
    answer = person.get(f"/webhooks?{sent}")
    assert answer.status_code == 302
    arguments = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    assert arguments == {
        "either": "tag,direction",
        "direction": "inbound,outbound",
        "tag": "soc",
    }
    assert person.get("/webhooks?q=").headers["Location"] == "/webhooks?view=all"
    usual = "columns=name&columns=health&columns=url&columns=event_types&columns=last_delivery_at"
    more = "&columns=failures&columns=application&density=comfortable&sort=name"
    assert person.get(f"/webhooks?{usual}{more}").headers["Location"] == "/webhooks?sort=name"


def test_columns_and_density_are_chosen_in_the_address(person: Pages) -> None:
    assert heads(person.get("/webhooks?view=all").text)[:2] == ["Name", "Health"]
    page = person.get("/webhooks?columns=created_at,tags&density=compact&sort=-created_at").text
    assert heads(page) == ["Name", "Tags", "Created"]
    assert 'data-density="compact"' in page
    assert 'aria-sort="descending"' in page
    assert "Health" not in heads(page)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("columns=colour", "columns: "),
        ("density=tight", "density: "),
        ("filter=colour", "filter: "),
        ("name_contains=a&name_contains=b&sort=colour", "sort: "),
        ("q=a&q=b", "q: Give this parameter once."),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_name(person: Pages, question: str, said: str) -> None:
    answer = person.get(f"/webhooks?{question}")
    if answer.status_code == 302:
        answer = person.get(answer.headers["Location"])
    assert answer.status_code == 400
    assert said in answer.text


def test_a_list_tells_how_many_there_are(person: Pages, ada: Api) -> None:
    assert "3 webhooks" in person.get("/webhooks?view=all").text
    assert "2 webhooks" in person.get("/webhooks?direction_not=inbound").text
    assert "3 webhooks" in person.get("/webhooks?limit=2").text
    assert "2 webhooks" in person.get("/webhooks?direction_not=inbound&limit=1").text


@every
def test_every_list_offers_its_comparisons(person: Pages, resource: Resource[Any, Any]) -> None:
    path = list_of(resource)
    page = person.get(f"{path}?view=all").text
    offered = re.findall(r'<option value="(\w+)">', page[page.index('id="filter-add"') :])
    assert len(offered) > 10
    for parameter in offered:
        answer = person.get(f"{path}?filter={parameter}")
        assert answer.status_code == 200, parameter
        assert 'id="filter-edit"' in answer.text, parameter


def test_changing_all_that_match_uses_the_same_filters(person: Pages, ada: Api) -> None:
    ada.create("api-keys", name="Export", kind="service")
    ada.create("api-keys", name="Import", kind="service")
    shown = person.get("/keys?name_contains=exp&kind_not=user&density=compact").text
    assert rows(shown) == ["Export"]
    sent = dict(form(shown, "bulk"))
    assert parse_qsl(sent["filter"]) == [("name_contains", "exp"), ("kind_not", "user")]
    preview = {"resource": "api-keys", "verb": "block", "which": "all", "filter": sent["filter"]}
    job = person.get(str(person.post("/bulk-jobs/new", preview).location)).text
    assert "1 API key will be blocked" in job


def test_a_chip_names_each_record_that_an_id_means(
    browse: Browse, ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs, "OFFERED", 1)  # the list is longer than what a form offers
    ada.create("applications", display_name="Audit")
    crm = ada.create("applications", display_name="CRM 360")["id"]
    hook = [ada.create("webhooks", name=name)["id"] for name in ("Alerts", "CRM events")][1]
    ada.create("connectors", name="Splunk")
    source = ada.create("connectors", name="Stripe")
    key = ada.create("api-keys", name="Nightly")
    me = key["created_by_user_id"]
    person = browse(ADA)
    for address, words in {
        f"/webhooks?application_id_not={crm}": "Application is not CRM 360",
        f"/webhooks?application_id={crm}&application_id_not={crm}": "Application is CRM 360",
        f"/webhooks?connector_id_not={source['id']}": "Connector is not Stripe",
        f"/webhooks?created_by={me}": "Created by is Ada Almeida",
        f"/connectors?webhook_endpoint_id_not={hook}": "Webhook is not CRM events",
        f"/connectors?created_by_not={me}": "Created by is not Ada Almeida",
        f"/applications?created_by={me}": "Created by is Ada Almeida",
        f"/event-types?created_by={me}": "Created by is Ada Almeida",
        f"/keys?application_id_not={crm}": "Application is not CRM 360",
        f"/keys?rotated_from_key_id={key['id']}": "Successor of is Nightly",
    }.items():
        assert words in chips(person.get(address).text), address


def test_chips_of_one_kind_are_named_by_one_statement(browse: Browse, ada: Api) -> None:
    me = ada.create("api-keys", name="Nightly")["created_by_user_id"]
    person = browse(ADA)
    for path, fields in {
        "/connectors": ("owner_id", "user_id_not", "created_by"),
        "/keys": ("issued_to_user_id", "issued_to_user_id_not", "created_by_user_id"),
    }.items():
        question = "&".join(f"{name}={me}" for name in fields)
        person.get(f"{path}?{question}")
        with statements() as sent:
            page = person.get(f"{path}?{question}").text
        assert len(chips(page)) == 3
        assert all("Ada" in words for words in chips(page)), chips(page)
        assert sum("lower(person.name)" in sql for sql, _ in sent) == 1, path
