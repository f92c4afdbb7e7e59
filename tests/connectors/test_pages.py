"""Pages of connectors without a real browser: choose, fill in, change, remove, restore."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from portal.records import verbs
from tests.cast import ADA, ED, GUS, VIC, Api, Pages
from tests.connectors.conftest import Reveal
from tests.databases import Database
from tests.statements import statements

PLACES = ("", "/edit", "/history")
SECRET = "correct horse battery staple"
OKTA_TOKEN = "00" + "x" * 40
Browse = Callable[..., Pages]


def hidden(html: str) -> dict[str, str]:
    """Return the hidden fields that a browser would send with the page's edit form."""
    inputs = re.findall(r'<input[^>]*type="hidden"[^>]*>', html)
    pairs = [re.search(r'name="([^"]*)".*?value="([^"]*)"', one) for one in inputs]
    return {pair[1]: pair[2] for pair in pairs if pair and pair[1] != "csrf_token"}


def fill(pages: Pages, path: str, **typed: Any) -> Any:
    """Open a form, fill it in and submit it."""
    start = pages.get(path)
    assert start.status_code == 200, start.text
    return pages.post(path, {**hidden(start.text), **typed})


def made_by(pages: Pages, **typed: Any) -> str:
    """Create a Splunk connector and return its id."""
    typed = {"name": "Log", "auth_type": "bearer", "scope": "org", "enabled": "y", **typed}
    answer = fill(pages, "/connectors/new?provider=splunk", **typed)
    assert answer.status_code == 303, answer.text
    return str(answer.location).rpartition("/")[2]


def test_the_first_step_offers_every_provider_and_the_second_is_its_own_address(
    browse: Browse,
) -> None:
    ada = browse(ADA)
    page = ada.get("/connectors/new?application_id=app_x").text
    assert 'href="/connectors/new?application_id=app_x&amp;provider=splunk"' in page
    assert page.count('<li><a href="/connectors/new') == 31
    form = ada.get("/connectors/new?provider=okta").text
    assert 'name="config-domain"' in form
    assert 'value="oauth2_private_key_jwt"' in form
    assert ada.get("/connectors/new?provider=myspace").status_code == 404


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("okta", "Read in the provider&#39;s documentation"),
        ("jira", "From another catalogue, not tried"),
        ("splunk_hec", "From memory, not checked"),
    ],
)
def test_the_pages_say_how_well_an_entry_is_known(
    browse: Browse, ada: Api, provider: str, words: str
) -> None:
    pages = browse(ADA)
    tile = pages.get("/connectors/new").text.partition(f"provider={provider}")[2]
    assert f"<small>{words}</small>" in tile.partition("</a>")[0]
    form = pages.get(f"/connectors/new?provider={provider}").text
    assert words[1:] in form
    assert 'rel="noreferrer">Documentation</a>' in form
    made = ada.create("connectors", provider=provider)
    assert words in pages.get(f"/connectors/{made['id']}").text


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("jira", "Only where edition is data_center."),
        ("jira", "A person has to sign in with a browser"),
        ("google_workspace", "ends the consent to an OAuth app in testing mode after 7 days"),
        ("aws_s3", "the portal has no AWS identity of its own"),
    ],
)
def test_a_way_to_sign_in_says_what_one_should_know(
    browse: Browse, provider: str, words: str
) -> None:
    assert words in browse(ADA).get(f"/connectors/new?provider={provider}").text


def test_a_system_that_is_not_in_the_catalogue_has_no_entry_to_be_known(browse: Browse) -> None:
    form = browse(ADA).get("/connectors/new?provider=custom").text
    assert "so it cannot check the connection" in form
    assert "How this entry is known" not in form


def test_an_address_that_would_carry_the_secret_elsewhere_is_refused_at_its_field(
    browse: Browse, reveal: Reveal
) -> None:
    ada = browse(ADA)
    start = {"config-host": "logs.acme.example", "credentials-bearer-0": SECRET}
    connector_id = made_by(ada, **start)
    edit = f"/connectors/{connector_id}/edit"
    same = {"auth_type": "bearer", "scope": "org", "enabled": "y"}
    moved = {**same, "config-host": "evil.example"}
    answer = fill(ada, edit, **moved)
    assert answer.status_code == 422
    assert 'id="config-host-error"' in answer.text
    assert "were saved for https://logs.acme.example." in answer.text
    answer = fill(ada, edit, **moved, **{"credentials-bearer-0": "another"})
    assert answer.status_code == 303, answer.text
    assert reveal(connector_id) == {"token": "another"}


def test_a_connector_is_added_and_its_secret_is_on_no_page(browse: Browse, reveal: Reveal) -> None:
    ed = browse(ED)
    connector_id = made_by(
        ed,
        **{
            "name": "Security log",
            "config-host": "splunk.acme.example:8089",
            "config-verifyTls": "y",
            "more": '{"team": "soc"}',
            "credentials-bearer-0": f" {SECRET} ",
            "credentials-basic-1": "not chosen",
            "events": "notable.created",
            "tags": "soc, eu",
        },
    )
    assert reveal(connector_id) == {"token": SECRET}
    places = ["", "/edit", "/history"]
    pages = [ed.get(f"/connectors/{connector_id}{place}").text for place in places]
    assert SECRET not in "".join([*pages, ed.get("/connectors").text])
    assert "splunk.acme.example:8089" in pages[0]
    assert "/connectors/cnn-" in pages[0]
    assert "<dd>Ed " in pages[0]
    assert "Leave empty to keep it" in pages[1]
    assert 'value="eu, soc"' in pages[1]


def test_an_edit_keeps_replaces_and_removes_secrets(browse: Browse, reveal: Reveal) -> None:
    ada = browse(ADA)
    first = {"credentials-basic-0": "svc", "credentials-basic-1": "  one "}
    connector_id = made_by(ada, auth_type="basic", **first)
    edit = f"/connectors/{connector_id}/edit"
    same = {"auth_type": "basic", "scope": "org", "enabled": "y"}
    assert fill(ada, edit, **same, name="Renamed").status_code == 303
    assert reveal(connector_id) == {"username": "svc", "password": "  one "}
    fill(ada, edit, **same, **{"credentials-basic-1": "two"})
    assert reveal(connector_id) == {"username": "svc", "password": "two"}
    fill(ada, edit, **same, **{"credentials-basic-0-remove": "1"})
    assert reveal(connector_id) == {"password": "two"}
    fill(ada, edit, **{**same, "auth_type": "bearer", "credentials-bearer-0": "tok"})
    assert reveal(connector_id) == {"password": "two", "token": "tok"}
    assert "not used by this way" in ada.get(edit).text
    fill(ada, edit, **{**same, "auth_type": "bearer", "credentials-left_over-0-remove": "1"})
    assert reveal(connector_id) == {"token": "tok"}


def test_what_is_wrong_is_said_at_the_field_and_nothing_typed_is_lost_but_secrets(
    browse: Browse, ada: Api
) -> None:
    pages = browse(ADA)
    typed = {
        "name": "Security log",
        "config-host": "https://splunk.acme.example/en-US",
        "more": '{"password": "hunter2"}',
        "auth_type": "bearer",
        "scope": "group",
        "credentials-bearer-0": SECRET,
    }
    answer = fill(pages, "/connectors/new?provider=splunk", **typed)
    assert answer.status_code == 422
    assert 'id="config-host-error"' in answer.text
    assert 'id="more-error"' in answer.text
    assert "This looks like a password; put it under credentials." in answer.text
    assert 'value="Security log"' in answer.text
    assert SECRET not in answer.text
    assert (ada.get("/connectors").json or {})["items"] == []
    fixed = {**typed, "config-host": "splunk.acme.example", "more": ""}
    answer = fill(pages, "/connectors/new?provider=splunk", **fixed)
    assert 'id="group_id-error"' in answer.text


@pytest.mark.parametrize("text", ["[]", "{", '"x"', '{"a": 1, "a": 2}', "\x00"])
def test_settings_that_are_no_object_are_refused(browse: Browse, text: str) -> None:
    answer = fill(browse(ADA), "/connectors/new?provider=custom", more=text, scope="org")
    assert answer.status_code == 422, answer.text
    assert 'id="more-error"' in answer.text


@pytest.mark.parametrize("name", ["name", "config-index", "credentials-bearer-0", "tags"])
def test_a_control_character_is_refused_and_no_server_error(browse: Browse, name: str) -> None:
    typed = {"auth_type": "bearer", "scope": "org", name: "a\x00b"}
    answer = fill(browse(ADA), "/connectors/new?provider=splunk", **typed)
    assert answer.status_code == 422, answer.text


def test_the_second_of_two_editors_sees_what_changed(browse: Browse, reveal: Reveal) -> None:
    ada, ed = browse(ADA), browse(ED)
    connector_id = made_by(ada, **{"config-host": "one.example"})
    edit = f"/connectors/{connector_id}/edit"
    seen = hidden(ed.get(edit).text)
    same = {"auth_type": "bearer", "scope": "org", "enabled": "y"}
    fill(ada, edit, **same, **{"config-host": "two.example"})
    late = {**seen, **same, "config-host": "three.example", "credentials-bearer-0": "x"}
    answer = ed.post(edit, late)
    assert answer.status_code == 409
    assert "two.example" in answer.text
    assert "three.example" in answer.text
    assert reveal(connector_id) is None
    again = ed.post(edit, {**late, **hidden(answer.text)})
    assert again.status_code == 303, again.text
    assert "three.example" in ed.get(f"/connectors/{connector_id}").text


def test_a_form_sent_twice_makes_one_connector(browse: Browse, ada: Api) -> None:
    pages = browse(ADA)
    form = hidden(pages.get("/connectors/new?provider=http").text)
    sent = [
        pages.post("/connectors/new?provider=http", {**form, "name": "Log", "scope": "org"})
        for _ in "12"
    ]
    assert sent[0].location == sent[1].location
    assert len((ada.get("/connectors").json or {})["items"]) == 1


def test_switching_off_and_on_asks_nobody(browse: Browse) -> None:
    ada = browse(ADA)
    path = f"/connectors/{made_by(ada)}"
    assert ada.post(f"{path}/switch", {"on": "0"}).status_code == 303
    assert 'data-tone="">disabled' in ada.get(path).text
    ada.post(f"{path}/switch", {"on": "1"})
    assert "Disable" in ada.get(path).text
    assert "disabled the connector" in ada.get(f"{path}/history").text


def test_deleting_names_the_consequence_and_can_be_undone(browse: Browse, reveal: Reveal) -> None:
    ada = browse(ADA)
    connector_id = made_by(ada, **{"credentials-bearer-0": "tok"})
    path = f"/connectors/{connector_id}"
    page = ada.get(path).text
    assert "its credentials become unreadable" in page
    assert ada.post(f"{path}/delete", {"version": "0"}).status_code == 409
    assert ada.post(f"{path}/delete", {"version": "1"}).location == path
    assert reveal(connector_id) is None
    assert "This connector is deleted" in ada.get(path).text
    assert connector_id not in ada.get("/connectors").text
    assert ada.post(f"{path}/restore").status_code == 303
    assert reveal(connector_id) == {"token": "tok"}


def test_deleting_asks_who_you_are_when_you_signed_in_long_ago(
    browse: Browse, reveal: Reveal
) -> None:
    connector_id = made_by(browse(ADA), **{"credentials-bearer-0": "tok"})
    late = browse(ADA, minutes_ago=11)
    for action in ("delete", "credentials/delete"):
        answer = late.post(f"/connectors/{connector_id}/{action}", {"version": "1"})
        assert answer.location
        assert answer.location.startswith("/auth/login?again=1")
    assert reveal(connector_id) == {"token": "tok"}


def test_credentials_are_removed_with_one_button(browse: Browse, reveal: Reveal) -> None:
    ada = browse(ADA)
    connector_id = made_by(ada, **{"credentials-bearer-0": "tok"})
    assert ada.post(f"/connectors/{connector_id}/credentials/delete").status_code == 303
    assert reveal(connector_id) is None


def test_a_locked_store_is_said_and_the_rest_works(
    browse: Browse, sealed: Callable[[], None]
) -> None:
    ada = browse(ADA)
    path = f"/connectors/{made_by(ada, **{'credentials-bearer-0': 'tok'})}"
    sealed()
    for page in (path, f"{path}/edit", "/connectors/new?provider=okta"):
        answer = ada.get(page)
        assert answer.status_code == 200
        assert "The secret store is locked" in answer.text
    same = {"auth_type": "bearer", "scope": "org", "enabled": "y", "name": "Renamed"}
    assert fill(ada, f"{path}/edit", **same).status_code == 303
    refused = fill(ada, f"{path}/edit", **{**same, "name": "No", "credentials-bearer-0": "new"})
    assert refused.status_code == 503
    assert 'value="No"' in refused.text
    assert ada.post(f"{path}/delete", {"version": "2"}).status_code == 503
    assert "Renamed" in ada.get("/connectors").text


def test_a_draft_asks_for_its_provider_first(browse: Browse, ada: Api) -> None:
    pages = browse(ADA)
    draft = ada.create("connectors", name="Later", config={"region": "eu"})["id"]
    assert "Draft: no system is chosen yet" in pages.get(f"/connectors/{draft}").text
    choice = pages.get(f"/connectors/{draft}/edit").text
    assert f'href="/connectors/{draft}/edit?provider=splunk"' in choice
    path = f"/connectors/{draft}/edit?provider=splunk"
    typed = {"auth_type": "basic", "scope": "org", "name": "Later", "config-host": "a.example"}
    start = pages.get(path)
    assert "region" in start.text
    more = {"more": '{"region": "eu"}'}
    assert pages.post(path, {**hidden(start.text), **typed, **more}).status_code == 303
    found = ada.get(f"/connectors/{draft}").json or {}
    assert (found["provider"], found["type"], found["auth_type"]) == ("splunk", "siem", "basic")
    assert found["config"] == {"region": "eu", "host": "a.example", "verifyTls": False}


def test_the_list_is_filtered_and_a_part_is_enough_for_htmx(browse: Browse, ada: Api) -> None:
    pages = browse(VIC)
    owner = ada.create("applications", display_name="CRM 360")["id"]
    ada.create("connectors", provider="okta", name="People", application_id=owner)
    ada.create("connectors", provider="splunk", name="Log")
    everything = pages.get("/connectors").text
    assert "CRM 360" in everything
    assert "Add connector" not in everything
    for query in ("provider=okta", "type=identity", f"application_id={owner}", "q=peop"):
        found = pages.get(f"/connectors?{query}").text
        assert "People" in found
        assert ">Log<" not in found
    part = pages.get(
        "/connectors?q=zzz", headers={"HX-Request": "true", "HX-Request-Type": "partial"}
    ).text
    assert part.lstrip().startswith('<div class="panel listing" id="connectors">')
    assert "Nothing matches" in part


def test_a_long_list_of_applications_still_offers_the_chosen_one(
    browse: Browse, ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs, "OFFERED", 1)
    ada.create("applications", display_name="Aardvark")
    owner = ada.create("applications", display_name="Zebra")["id"]
    made = ada.create("connectors", provider="okta", application_id=owner, scope="user")
    pages, path = browse(ADA), f"/connectors/{made['id']}"
    form = pages.get(f"{path}/edit").text
    assert f'<option selected value="{owner}">Zebra</option>' in form
    assert f'<option selected value="{made["user_id"]}">Ada Almeida</option>' in form
    assert "Zebra" in pages.get("/connectors").text
    assert pages.get(path).text.count("<dd>Ada Almeida<") == 2, "owner and person by name"


def test_a_page_costs_few_statements_however_many_there_are(browse: Browse, ada: Api) -> None:
    owner, hook = ada.create("applications")["id"], ada.create("webhooks")["id"]
    body = {
        "application_id": owner,
        "webhook_endpoint_id": hook,
        "credentials": {"apiKey": OKTA_TOKEN},
    }
    made = [ada.create("connectors", provider="okta", **body)["id"] for _ in range(3)]
    pages = browse(ADA)
    most = {"": 8, "?q=okta": 9, "/new?provider=okta": 7, f"/{made[0]}": 20}
    for place in (*most, *(f"/{made[0]}{place}" for place in ("/edit", "/history", "/timeline"))):
        with statements() as sent:
            assert pages.get(f"/connectors{place}").status_code == 200
        # The state of the embedded store is one. Who feels it are four.
        assert len(sent) <= most.get(place, 11), (place, len(sent), sent)


def test_a_viewer_may_look_and_a_stranger_finds_nothing(browse: Browse, ada: Api) -> None:
    connector_id = ada.create("connectors", provider="okta")["id"]
    path = f"/connectors/{connector_id}"
    vic, gus = browse(VIC), browse(GUS)
    assert vic.get(path).status_code == 200
    assert "Edit" not in vic.get(path).text
    assert vic.get(f"{path}/edit").status_code == 403
    assert vic.get("/connectors/new").status_code == 403
    for action in ("switch", "delete", "restore", "credentials/delete"):
        assert vic.post(f"{path}/{action}", {"version": "1"}).status_code == 403
        assert gus.post(f"{path}/{action}", {"version": "1"}).status_code == 404
    for page in ("", "/edit", "/history"):
        assert gus.get(f"{path}{page}").status_code == 404


def test_other_pages_show_connectors(browse: Browse, ada: Api) -> None:
    pages = browse(ADA)
    owner = ada.create("applications", display_name="CRM 360")["id"]
    assert "Add a connector" in pages.get("/").text
    hook = ada.create("webhooks")["id"]
    body = {"application_id": owner, "webhook_endpoint_id": hook}
    made = ada.create("connectors", provider="okta", name="People", **body)["id"]
    shown = pages.get(f"/connectors/{made}").text
    assert f'<a href="/applications/{owner}">CRM 360</a>' in shown
    assert f'<a href="/webhooks/{hook}">' in shown
    page = pages.get(f"/applications/{owner}").text
    assert "People" in page
    assert f"/connectors/new?application_id={owner}" in page


def test_every_provider_has_a_form_that_can_be_sent(browse: Browse, ada: Api) -> None:
    from portal.providers import PROVIDERS

    pages = browse(ADA)
    for key in PROVIDERS:
        path = f"/connectors/new?provider={key}"
        answer = pages.post(path, {**hidden(pages.get(path).text), "name": key, "scope": "org"})
        assert answer.status_code == 303, (key, answer.text)
        assert pages.get(f"{answer.location}/edit").status_code == 200


def test_the_list_is_narrowed_by_owner_and_tag(browse: Browse) -> None:
    ada, ed = browse(ADA), browse(ED)
    made_by(ed, name="Of Ed", tags="soc, eu")
    made_by(ada, name="Of Ada", tags="sales")
    page = ada.get("/connectors").text
    assert '<option value="owner_id">Owner is</option>' in page
    assert '<option value="tag">Tag is</option>' in page
    by_owner = ada.get(f"/connectors?owner_id={ed.person_id}").text
    assert ("Of Ed</a>" in by_owner, "Of Ada</a>" in by_owner) == (True, False)
    by_tag = ada.get("/connectors?tag=sales").text
    assert ("Of Ed</a>" in by_tag, "Of Ada</a>" in by_tag) == (False, True)
    assert "Remove Tag is sales" in by_tag


def test_a_webhook_and_an_owner_are_picked_from_the_tenants(browse: Browse, ada: Api) -> None:
    pages, ed = browse(ADA), browse(ED)
    hook = ada.create("webhooks", name="SOC events")["id"]
    form = pages.get("/connectors/new?provider=splunk").text
    assert f'<option value="{hook}">SOC events</option>' in form
    connector_id = made_by(pages, webhook_endpoint_id=hook, owner_id=ed.person_id)
    made = ada.get(f"/connectors/{connector_id}").json or {}
    assert (made["webhook_endpoint_id"], made["owner_id"]) == (hook, ed.person_id)
    ada.delete(f"/webhooks/{hook}")
    edit = pages.get(f"/connectors/{connector_id}/edit").text
    assert f'<option selected value="{hook}">' in edit, "a chosen one stays chosen"


def test_a_pasted_address_is_shown_as_it_is_used(browse: Browse) -> None:
    ada = browse(ADA)
    connector_id = made_by(ada, **{"config-host": " https://splunk.acme.example/ "})
    shown = ada.get(f"/connectors/{connector_id}").text
    assert "splunk.acme.example" in shown
    assert "https://splunk.acme.example" not in shown
    form = ada.get(f"/connectors/{connector_id}/edit").text
    assert 'value="splunk.acme.example"' in form


def test_the_list_begins_with_what_needs_a_person(
    ada: Api, browse: Callable[..., Pages], database: Database
) -> None:
    for name in ("Fine one", "Broken one", "Fine two", "Slow one", "Fine three"):
        ada.create("connectors", name=name)
    statuses = {"Broken one": "action_required", "Slow one": "degraded"}
    for name, status in statuses.items():
        database.sql("UPDATE connector SET sync_status = %s WHERE name = %s", status, name)
    named = re.compile(r"(?:Fine|Broken|Slow) (?:one|two|three)(?=</a>)")

    def shown(path: str) -> list[str]:
        return named.findall(browse(ADA).get(path).text)

    assert shown("/connectors")[:2] == ["Broken one", "Slow one"]
    first = browse(ADA).get("/connectors?limit=1").text
    assert named.findall(first) == ["Broken one"]
    following = re.search(r'href="(/connectors\?[^"]*cursor=[^"]*)"', first)
    assert following
    assert shown(html.unescape(following[1])) == ["Slow one"]
    assert shown("/connectors?enabled=true")[0] == "Fine three"
