"""Pages of connections: what they say is what the checks found, and their buttons do what they
say."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from portal.database.session import db
from tests.cast import ADA, ED, GUS, VIC, Api, Pages
from tests.connections.conftest import PASSWORD, USER, RunChecks, Service
from tests.databases import Database
from tests.statements import statements

Browse = Callable[..., Pages]
Make = Callable[..., dict[str, Any]]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def words(html: str) -> str:
    """Return the text of a page as one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def truth(html: str) -> str:
    """Return the page's first line about its state."""
    found = re.search(r'class="truth".*?<p>(.*?)</p>', html, re.S)
    assert found, html
    return words(found[1])


@pytest.fixture
def page(browse: Browse) -> Callable[[str], str]:
    """Return a function that returns a connector's page as Ada sees it."""
    ada = browse(ADA)
    return lambda connector_id: ada.get(f"/connectors/{connector_id}").text


def mistype(ada: Api, record: dict[str, Any]) -> None:
    """Save a wrong password."""
    wrong = {"credentials": {"password": "not the right one"}}
    assert ada.patch(f"/connectors/{record['id']}", wrong).status_code == 200


def test_a_connector_that_works_says_what_its_check_found(
    connector: Make, run_checks: RunChecks, page: Callable[[str], str]
) -> None:
    record = connector()
    assert truth(page(record["id"])).startswith("Waits for its check since")
    run_checks()
    shown = page(record["id"])
    assert truth(shown).startswith("Works: its check passed")
    assert "Ask the test path The service at http://127.0.0.1" in words(shown)
    assert '<span class="status" data-tone="ok">passed</span>' in shown
    assert "Checks of the last 30 days" in shown
    assert "Check passed" in words(shown)


def test_a_mistyped_password_is_named_with_the_way_back(
    ada: Api,
    browse: Browse,
    connector: Make,
    run_checks: RunChecks,
    page: Callable[[str], str],
) -> None:
    record = connector()
    run_checks()
    mistype(ada, record)
    run_checks()
    shown = page(record["id"])
    assert re.fullmatch(
        r"Sign-in refused since \d\d:\d\d UTC , (less than a second|\d+ s) after Ada Almeida saved"
        r" version 2 of the credentials \(Password\)\.",
        truth(shown),
    )
    before = "began to fail: version 2 of the credentials, in which Password was entered."
    assert before in words(shown)
    assert "stopped at step 4 of 5" in shown
    assert "not tried" in shown
    assert PASSWORD not in shown
    back = browse(ADA).post(f"/connectors/{record['id']}/credential-restorations", {"version": "1"})
    assert back.status_code == 303
    run_checks()
    shown = page(record["id"])
    assert truth(shown).startswith("Works: its check passed")
    assert "version 1 again" in words(shown)


def test_a_change_of_a_setting_before_the_failure_is_named_with_both_values(
    ada: Api,
    connector: Make,
    run_checks: RunChecks,
    page: Callable[[str], str],
) -> None:
    record = connector()
    run_checks()
    config = {**record["config"], "testPath": "/gone"}
    assert ada.patch(f"/connectors/{record['id']}", {"config": config}).status_code == 200
    run_checks()
    shown = page(record["id"])
    assert "after Ada Almeida changed Test path" in truth(shown)
    assert "Back to version" not in shown
    assert re.search(r"Test path.*?after: </span>/gone", shown, re.S)


def test_the_portals_own_fault_is_not_said_of_the_connector(
    ada: Api,
    connector: Make,
    run_checks: RunChecks,
    page: Callable[[str], str],
    sealed: Callable[[], None],
) -> None:
    record = connector()
    run_checks()
    ada.post(f"/connectors/{record['id']}/checks", {})
    sealed()
    run_checks()
    shown = truth(page(record["id"]))
    assert shown.startswith("Could not be checked since")
    assert "the secret store gives no credentials; the last check that passed was" in shown


def test_no_page_asks_the_secret_store_for_anything(
    browse: Browse, connector: Make, run_checks: RunChecks, sealed: Callable[[], None]
) -> None:
    path = f"/connectors/{connector()['id']}"
    run_checks()
    pages = browse(ADA)
    sealed()
    for place in ("/connectors", path, f"{path}/timeline", f"{path}/edit"):
        assert pages.get(place).status_code == 200, place
    assert pages.get(f"{path}/checks/latest", headers=HTMX).status_code == 200


def test_a_check_is_asked_for_watched_and_ends_by_itself(
    browse: Browse, connector: Make, run_checks: RunChecks
) -> None:
    record = connector()
    run_checks()
    ada = browse(ADA)
    path = f"/connectors/{record['id']}"
    asked = ada.post(f"{path}/checks", headers=HTMX)
    assert 'data-live="1"' in asked.text
    assert "A check waits for a worker." in asked.text
    again = ada.post(f"{path}/checks", headers=HTMX)
    assert again.status_code == 200, "the check that waits is the one that was asked for"
    run_checks()
    ended = ada.get(f"{path}/checks/latest", headers=HTMX).text
    assert 'data-live="30"' in ended
    assert truth(ended).startswith("Works: its check passed")
    assert ada.post(f"{path}/checks").location == path
    assert truth(ada.get(f"{path}/checks/latest").text).startswith("Works: its check passed")


def test_a_draft_is_checked_from_its_form_and_nothing_is_stored(
    browse: Browse, ada: Api, service: Service
) -> None:
    typed = {
        "provider": "http",
        "auth_type": "basic",
        "config-baseUrl": service.address,
        "config-testPath": "/",
        "config-testMethod": "GET",
        "config-expectStatus": "200",
        "credentials-basic-0": USER,
        "credentials-basic-1": PASSWORD,
        "scope": "org",
    }
    pages = browse(ADA)
    passed = pages.post("/connectors/draft-checks", typed, headers=HTMX).text
    assert "The check passed" in passed
    assert "Ask the test path" in passed
    refused = pages.post("/connectors/draft-checks", {**typed, "credentials-basic-1": "wrong"})
    assert "The check did not pass" in refused.text, "and the whole page without a script"
    lacking = pages.post("/connectors/draft-checks", {**typed, "credentials-basic-1": ""})
    assert "To check before you save, fill in: Password." in lacking.text
    assert service.calls == 2
    assert (ada.get("/connectors").json or {})["items"] == []
    for answer in (passed, refused.text, lacking.text):
        assert PASSWORD not in answer


def test_who_feels_it_is_shown_before_it_is_disabled_deleted_or_changed(
    browse: Browse, ada: Api, connector: Make
) -> None:
    application = ada.create("applications", display_name="RFP Desk")["id"]
    record = connector(application_id=application)
    ada.create("webhooks", name="Tender feed", connector_id=record["id"])
    ada.create("api-keys", name="Nightly export", application_id=application)
    pages = browse(ADA)
    for place in ("", "/edit"):
        shown = pages.get(f"/connectors/{record['id']}{place}").text
        for name in ("RFP Desk", "Tender feed", "Nightly export"):
            assert name in words(shown), place
    shown = pages.get(f"/connectors/{record['id']}").text
    for dialog in ("disable", "delete"):
        found = re.search(rf'<dialog[^>]*id="{dialog}".*?</dialog>', shown, re.S)
        assert found
        assert "Tender feed" in found[0]


def test_a_connector_that_nobody_names_is_disabled_without_a_question(
    browse: Browse, connector: Make
) -> None:
    shown = browse(ADA).get(f"/connectors/{connector()['id']}").text
    assert 'id="disable"' not in shown
    assert "Who feels it" not in shown


def test_the_list_says_why_and_what_next_and_finds_those_who_need_a_person(
    browse: Browse, ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    connector(name="Good one")
    bad = connector(name="Bad one", credentials={"username": USER, "password": "wrong"})
    ada.create("connectors", name="New one", provider="okta")
    run_checks()
    pages = browse(ADA)
    shown = words(pages.get("/connectors").text)
    assert "Need a person (1)" in shown
    assert "action required Sign-in refused since" in shown
    assert "Its check passed" in shown
    assert "Not set up: Domain and API key are missing" in shown
    assert "Finish set-up" in shown
    needing = words(pages.get("/connectors?show=need_a_person").text)
    assert "Bad one" in needing
    assert "Good one" not in needing
    found = (ada.get("/connectors?show=need_a_person").json or {})["items"]
    assert [one["id"] for one in found] == [bad["id"]]


def test_the_list_costs_one_statement_for_all_that_it_says_of_health(
    browse: Browse, connector: Make, run_checks: RunChecks
) -> None:
    pages = browse(ADA)
    counts = []
    for number in (1, 4):
        for _ in range(number):
            connector()
        run_checks()
        with statements() as sent:
            pages.get("/connectors")
        counts.append(len(sent))
        about = [text for text, _ in sent if "connector_standing" in text]
        assert len(about) == 1
    assert counts[0] == counts[1]


def test_a_timeline_pages_through_all_that_happened_once(
    browse: Browse, ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    record = connector()
    for number in range(40):
        ada.patch(f"/connectors/{record['id']}", {"name": f"Name {number}"})
    run_checks()
    pages, place, seen = browse(ADA), f"/connectors/{record['id']}/timeline", []
    while place:
        shown = pages.get(place).text
        seen += re.findall(r"after: </span>(Name \d+)<", shown)
        onward = re.search(r'href="([^"]*cursor=[^"]*)" rel="next"', shown)
        place = onward[1].replace("&amp;", "&") if onward else ""
    assert seen == [f"Name {number}" for number in reversed(range(40))]


@pytest.mark.parametrize("cursor", ["x", "bm9uZQ", "W10", "eyJjaGFuZ2VzIjoieCJ9"])
def test_a_timeline_refuses_a_cursor_that_is_not_its_own(
    browse: Browse, connector: Make, cursor: str
) -> None:
    place = f"/connectors/{connector()['id']}/timeline?cursor={cursor}"
    assert browse(ADA).get(place).status_code == 400


def test_checks_that_found_the_same_are_one_line_of_the_timeline(
    browse: Browse, ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    record = connector()
    run_checks()
    for _ in range(3):
        ada.post(f"/connectors/{record['id']}/checks", {})
        run_checks()
    shown = words(browse(ADA).get(f"/connectors/{record['id']}/timeline").text)
    assert "Check passed Ada Almeida 3 in a row" in shown


def test_a_viewer_looks_and_does_nothing_and_a_stranger_finds_nothing(
    browse: Browse, connector: Make, run_checks: RunChecks
) -> None:
    record = connector()
    run_checks()
    path = f"/connectors/{record['id']}"
    vic, gus = browse(VIC), browse(GUS)
    shown = vic.get(path).text
    assert "Works: its check passed" in words(shown)
    for button in ("Check again", "Back to this version", "Disable"):
        assert button not in shown
    assert vic.post(f"{path}/checks").status_code == 403
    assert vic.post(f"{path}/credential-restorations", {"version": "1"}).status_code == 403
    assert vic.post("/connectors/draft-checks", {"provider": "http"}).status_code == 403
    for place in ("/timeline", "/checks/latest"):
        assert gus.get(path + place).status_code == 404
    assert gus.post(f"{path}/checks").status_code == 404


def test_an_admin_to_whom_a_connector_is_not_open_sees_its_state_alone(
    browse: Browse, connector: Make, run_checks: RunChecks, service: Service
) -> None:
    ed = browse(ED)
    typed = {
        "provider": "http",
        "auth_type": "basic",
        "config-baseUrl": service.address,
        "credentials-basic-0": USER,
        "credentials-basic-1": "wrong",
        "scope": "user",
        "name": "Mine",
        "enabled": "y",
    }
    made = ed.post("/connectors/new?provider=http", typed)
    assert made.status_code == 303, made.text
    run_checks()
    ada, path = browse(ADA), made.location
    assert "For somebody else. Its state is action required." in words(ada.get("/connectors").text)
    assert "Sign-in refused" not in ada.get(path).text
    assert ada.get(f"{path}/timeline").status_code == 403
    assert ada.get(f"{path}/checks/latest", headers=HTMX).status_code == 403


def test_going_back_needs_a_recent_sign_in_and_a_version_that_is_known(
    browse: Browse, ada: Api, connector: Make
) -> None:
    record = connector()
    path = f"/connectors/{record['id']}/credential-restorations"
    old = browse(ADA, minutes_ago=11).post(path, {"version": "1"})
    assert "/auth/login" in str(old.location)
    pages = browse(ADA)
    for version, status in (("9", 422), ("", 422), ("x", 422), ("1", 409)):
        assert pages.post(path, {"version": version}).status_code == status, version


def test_the_numbers_of_a_day_are_in_the_chart_and_in_its_table(
    browse: Browse, connector: Make, database: Database, run_checks: RunChecks
) -> None:
    record = connector()
    run_checks()
    database.sql("UPDATE connector_check_day SET passed = 1437, troubled = 2, failed = 3")
    shown = browse(ADA).get(f"/connectors/{record['id']}").text
    assert "1,437" in shown
    assert "Numbers as a table" in shown


def test_the_days_on_which_checks_failed_are_told_in_words_and_hatched(
    browse: Browse, connector: Make, database: Database, run_checks: RunChecks
) -> None:
    record = connector()
    run_checks()
    place = f"/connectors/{record['id']}"
    pages = browse(ADA)
    assert "0 of 1 checks failed. Times are in UTC." in words(pages.get(place).text)
    database.sql("UPDATE connector_check_day SET failed = 3")
    shown = pages.get(place).text
    day = f"{database.sql('SELECT day FROM connector_check_day'):%-d %b}"
    assert f"3 of 4 checks failed, on {day}. Times are in UTC." in words(shown)
    assert re.search(rf"<desc [^>]*>[^<]*; failed in {day}</desc>", shown)
    assert '<pattern id="hatching"' in shown


def test_the_properties_name_whose_the_connector_is_and_what_is_not_set(
    ada: Api, browse: Browse, connector: Make
) -> None:
    application = ada.create("applications", display_name="RFP Desk")["id"]
    record = connector(application_id=application, tags=["tenders"])
    shown = browse(ADA).get(f"/connectors/{record['id']}").text
    found = re.search(r'<aside aria-label="Properties">(.*?)</aside>', shown, re.S)
    assert found
    assert f'<a href="/applications/{application}">RFP Desk</a>' in found[1]
    told = words(found[1])
    for said in ("Sign-in User name and password", "Scope org", "Tags tenders", "Version 1"):
        assert said in told
    assert told.count(" by Ada Almeida") == 2
    assert re.search(r"are empty .*Group, Person, Events, Webhook, Last check, Last sync", told)


def test_a_check_that_ends_while_the_page_is_made_is_told_as_it_ended(
    app: Flask, browse: Browse, connector: Make, run_checks: RunChecks
) -> None:
    record = connector()
    ended: list[bool] = []

    def end_the_check(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "JOIN connector_standing" in statement and not ended:
            ended.append(True)
            with ThreadPoolExecutor(max_workers=1) as thread:
                thread.submit(run_checks).result(timeout=60)

    ada = browse(ADA)
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", end_the_check)
    try:
        text = ada.get(f"/connectors/{record['id']}/checks/latest").text
    finally:
        event.remove(engine, "before_cursor_execute", end_the_check)
    assert ended
    assert truth(text).startswith("Works: its check passed")
