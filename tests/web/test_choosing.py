"""Test how forms let people choose: scopes in a grid, records by name, events by pattern."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from portal.identity.sessions.cookies import Cookies
from portal.web.forms.fields import LONGEST
from portal.webhooks.forms import WebhookForm
from tests.cast import ADA, ED, GUS, VIC, Api, Pages
from tests.identity.serving import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

Browse = Callable[..., Pages]
Open = Callable[[str], "Page"]
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}
MANY = 13  # more than a select element shows well


def choices(pages: Pages, of: str, text: str = "") -> list[str]:
    answer = pages.get("/choices", query_string={"of": of, "q": text}, headers=PARTIAL)
    assert answer.status_code == 200, answer.text
    return re.findall(r"data-value=\"[^\"]+\"><span>([^<]+)</span>", answer.text)


def test_choices_are_what_the_person_may_see(ada: Api, gus: Api, browse: Browse) -> None:
    made = ada.create("applications", display_name="CRM 360")
    ada.create("applications", display_name="Billing")
    gus.create("applications", display_name="CRM of Globex")
    assert choices(browse(ADA), "applications", "crm") == ["CRM 360"]
    assert choices(browse(VIC), "applications", made["id"]) == ["CRM 360"]
    assert choices(browse(GUS), "applications", "crm") == ["CRM of Globex"]
    assert choices(browse(GUS), "applications", made["id"]) == []
    assert set(choices(browse(ADA), "applications")) == {"CRM 360", "Billing"}
    assert choices(browse(ADA), "people", "okafor") == []
    browse(ED)
    assert choices(browse(ADA), "people", "okafor") == ["Ed Okafor"]
    assert choices(browse(GUS), "people", "okafor") == []
    assert browse(ADA).get("/choices?of=secrets").status_code == 404


def test_only_admins_see_and_find_people_by_their_addresses(browse: Browse) -> None:
    admin, viewer = browse(ADA), browse(VIC)
    name = choices(viewer, "people", "vic")
    assert name == choices(admin, "people", VIC) != []
    assert choices(viewer, "people", VIC) == []
    for text in ("", "vic"):
        found = [
            one.get("/choices", query_string={"of": "people", "q": text}, headers=PARTIAL).text
            for one in (admin, viewer)
        ]
        assert [VIC in shown for shown in found] == [True, False]


def test_choices_are_what_the_form_accepts(ada: Api, browse: Browse) -> None:
    for name in ("Runs", "Stopped", "Shared code"):
        kind = "library" if name == "Shared code" else "app"
        made = ada.create("applications", display_name=f"Program {name}", kind=kind)
        if name == "Stopped":
            assert (
                ada.post(
                    f"/applications/{made['id']}/suspend", {"reason": "A key leaked."}
                ).status_code
                == 200
            )
            stopped = made["id"]
    for name, change in (("All", {}), ("Mine", {"scope": "user"}), ("Gone", {})):
        made = ada.create("connectors", name=f"Source {name}", **change)
        if name == "Gone":
            assert ada.delete(f"/connectors/{made['id']}").status_code in (200, 204)
    person = browse(ADA)
    for text in ("program", ""):
        assert set(choices(person, "applications", text)) == {"Program Runs", "Program Shared code"}
        assert choices(person, "running-applications", text) == ["Program Runs"]
    assert choices(person, "applications", stopped) == []
    for text in ("source", ""):
        assert choices(person, "connectors", text) == ["Source All"]


def test_every_field_asks_for_choices_that_fit_it(browse: Browse, ada: Api) -> None:
    person = browse(ADA)
    found = {
        path: {
            (re.findall(r' name="(\w+)"', tag)[0], of)
            for tag in re.findall(r"<select [^>]*>", person.get(path).text)
            for of in re.findall(r'data-pick="/choices\?of=([\w-]+)"', tag)
        }
        for path in (
            "/keys/new",
            "/webhooks/new",
            "/webhooks/inbound/new",
            "/connectors/new?provider=splunk",
        )
    }
    assert found == {
        "/keys/new": {("application_id", "running-applications"), ("issued_to_user_id", "people")},
        "/webhooks/new": {("application_id", "applications"), ("connector_id", "connectors")},
        "/webhooks/inbound/new": {("application_id", "applications")},
        "/connectors/new?provider=splunk": {
            ("application_id", "applications"),
            ("owner_id", "people"),
            ("webhook_endpoint_id", "webhooks"),
        },
    }


def test_no_key_is_looked_for(ada: Api, browse: Browse) -> None:
    raw = ada.create("api-keys", name="Nightly")["key"]
    answer = browse(ADA).get("/choices", query_string={"of": "api-keys", "q": raw}, headers=PARTIAL)
    assert raw not in answer.text


def test_events_are_offered_alone_and_in_groups(ada: Api, browse: Browse) -> None:
    ada.create("event-types", name="rfp.created")
    ada.create("event-types", name="rfp.closed")
    assert choices(browse(ADA), "event-patterns", "rfp") == ["rfp.*", "rfp.closed", "rfp.created"]
    assert choices(browse(ADA), "event-patterns")[0] == "*"


def test_the_grid_refuses_what_the_person_lacks_and_says_why(ada: Api, browse: Browse) -> None:
    made = ada.create("applications", display_name="CRM", allowed_scopes=["keys:write"])
    page = browse(ED).get("/applications/new").text
    assert 'value="keys:write" disabled' in page
    assert re.search(r"Not offered, because you do not have it: [^<]*keys:write", page)
    assert 'value="webhooks:write" disabled' not in page
    kept = browse(ED).get(f"/applications/{made['id']}/edit").text
    assert 'value="keys:write" checked' in kept, "what it allows already may stay"


def test_a_long_list_is_a_field_for_an_id_without_a_script(app: Flask) -> None:
    many = [(f"app_{number}", f"Program {number}") for number in range(LONGEST + 1)]
    with app.test_request_context():
        form = WebhookForm(data={"application_id": "app_7"})
        form.application_id.offer([("", "None"), *many[: LONGEST - 1]])
        assert str(form.application_id()).startswith('<select data-pick="/choices?of=applications"')
        form.application_id.offer([("", "None"), *many])
        drawn = str(form.application_id())
    assert drawn.startswith("<input")
    assert 'value="app_7"' in drawn
    assert 'data-shown="Program 7"' in drawn


def test_the_folded_part_opens_for_a_value_and_for_an_error(ada: Api, browse: Browse) -> None:
    plain = ada.create("webhooks", name="Plain")
    slow = ada.create("webhooks", name="Slow", rate_limit=5)
    pages = browse(ADA)
    folded = '<details class="more">'
    assert folded in pages.get("/webhooks/new").text
    assert folded in pages.get(f"/webhooks/{plain['id']}/edit").text
    assert '<details class="more" open>' in pages.get(f"/webhooks/{slow['id']}/edit").text
    wrong = pages.post("/webhooks/new", {"name": "Wrong", "timeout_ms": "soon"})
    assert '<details class="more" open>' in wrong.text
    other = pages.post("/webhooks/new", {"name": "", "max_attempts": "10", "timeout_ms": "15000",
                                         "backoff": "exponential"})  # fmt: skip
    assert 'id="name-error"' in other.text
    assert folded in other.text, "the error is not in the folded part"


@pytest.mark.parametrize(
    ("path", "typed", "said"),
    [
        (
            "/applications/new",
            {"display_name": "CRM 360", "kind": "app", "allowed_scopes": ["keys:read"]},
            "CRM 360 is registered as an app that people use. Its keys may at most read API keys.",
        ),
        (
            "/connectors/new",
            {"provider": "splunk", "name": "<i>Logs</i>", "scope": "group", "enabled": "y"},
            "<i>Logs</i> connects to Splunk Enterprise / Cloud, for one group.",
        ),
        (
            "/webhooks/inbound/new",
            {"name": "Pushes", "inbound_scheme": "github", "enabled": "y"},
            "Pushes takes requests from GitHub and publishes each as an event.",
        ),
    ],
)
def test_a_form_says_what_it_makes(
    path: str, typed: dict[str, Any], said: str, browse: Browse
) -> None:
    headers = {**PARTIAL, "HX-Target": "div#sentence"}
    answer = browse(ADA).get(path, query_string=typed, headers=headers)
    assert "<html" not in answer.text
    assert text_of(answer.text) == said


def test_a_child_keys_sentence_names_the_rights_that_are_ticked(ada: Api, browse: Browse) -> None:
    parent = ada.create("api-keys", scopes=["webhooks:read", "events:read"])
    path, headers = f"/keys/{parent['id']}/child", {**PARTIAL, "HX-Target": "div#sentence"}
    typed = {"name": "Import", "scopes": "events:read", "lifetime_seconds": "900"}
    answer = browse(ADA).get(path, query_string=typed, headers=headers)
    assert text_of(answer.text) == "Import can read events for 15 minutes. You see it once."
    none = {name: text for name, text in typed.items() if name != "scopes"}
    answer = browse(ADA).get(path, query_string=none, headers=headers)
    assert text_of(answer.text) == "Import can do nothing yet: no scope is ticked."
    assert browse(ADA).get(path).text.count(" checked") == 2


def test_a_webhooks_address_is_asked_about_in_a_body_and_makes_nothing(
    ada: Api, browse: Browse
) -> None:
    typed = {
        "name": "CRM", "url": "https://hooks.example/T0/secret", "event_types": "rfp.*, deal.won",
        "enabled": "y", "max_attempts": "3",
    }  # fmt: skip
    headers = {**PARTIAL, "HX-Target": "div#sentence"}
    answer = browse(ADA).post("/webhooks/new", typed, headers=headers)
    said = "CRM sends rfp.* and deal.won to hooks.example. Each is tried up to 3 times."
    assert text_of(answer.text) == said
    once = browse(ADA).post("/webhooks/new", {**typed, "max_attempts": "1"}, headers=headers)
    assert text_of(once.text).endswith(" Each is tried once.")
    assert ada.get("/webhooks").json["items"] == []
    page = browse(ADA).get("/webhooks/new").text
    assert re.search(r'hx-post="/webhooks/new"[^>]*hx-target="#sentence"', page)


def text_of(page: str) -> str:
    plain = re.sub("<[^>]+>", "", page).strip()
    return plain.replace("&lt;", "<").replace("&gt;", ">")


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def window(app: Flask, browse: Browse, browser: "Browser") -> Iterator[Open]:
    cookie = browse(ADA).client.get_cookie(Cookies.of(app.extensions["portal"]).session)
    assert cookie
    complaints: list[str] = []
    with served(lambda _: app) as address:
        context = browser.new_context()
        context.set_default_timeout(20_000)
        host = str(urlsplit(address).hostname)
        context.add_cookies(
            [{"name": cookie.key, "value": cookie.value, "domain": host, "path": "/"}]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)

        def opened(path: str) -> "Page":
            page.goto(address + path)
            return page

        yield opened
        context.close()
    assert complaints == []


def test_an_application_is_found_by_typing_with_the_keyboard_alone(window: Open, ada: Api) -> None:
    for number in range(MANY):
        ada.create("applications", display_name=f"Program {number}")
    ada.create("applications", display_name="CRM 360", allowed_scopes=["keys:read"])
    page = window("/keys/new")
    page.get_by_label("Name", exact=False).first.fill("Nightly")
    box = page.get_by_role("combobox", name="Application")
    box.focus()
    page.keyboard.type("crm")
    page.get_by_role("option", name="CRM 360", selected=True).wait_for()
    page.keyboard.press("Enter")
    assert box.input_value() == "CRM 360"
    page.locator('input[value="webhooks:read"]:disabled').wait_for()
    page.get_by_role("checkbox", name="Read API keys").check()
    page.get_by_text("Nightly can read API keys of CRM 360").wait_for()
    box.fill("nobody has this name")
    page.get_by_text("Nothing found for").wait_for()
    box.press("Escape")
    box.press("Tab")
    assert box.input_value() == "CRM 360", "what was chosen stays"
    page.get_by_role("button", name="Issue key").click()
    page.locator("[data-secret]").wait_for()
    [key] = ada.get("/api-keys").json["items"]
    assert key["application_id"] == ada.get("/applications?q=crm").json["items"][0]["id"]
    page.get_by_label("I have stored this key").check()


def test_an_option_is_marked_only_for_the_whole_text(window: Open, ada: Api) -> None:
    """Enter takes the marked option, so what was found for a part of the text is not marked."""
    for number in range(MANY):
        ada.create("applications", display_name=f"Program {number}")
    page = window("/keys/new")
    box = page.get_by_role("combobox", name="Application")
    box.fill("program")
    marked = page.get_by_role("listbox").get_by_role("option", selected=True)
    marked.wait_for()
    page.route("**/choices?*", lambda route: None)  # the answer does not come
    box.press("End")
    page.keyboard.type(" 7")
    assert marked.count() == 0
    assert box.get_attribute("aria-activedescendant") is None
    box.press("Enter")
    assert box.input_value() == "program 7"
    page.unroute("**/choices?*")
    box.press("Enter")  # asks again
    page.get_by_role("option", name="Program 7", selected=True).wait_for()
    box.press("Enter")
    assert box.input_value() == "Program 7"


def test_an_answer_for_an_earlier_text_is_not_shown(window: Open, ada: Api) -> None:
    for number in range(MANY):
        ada.create("applications", display_name=f"Program {number}")
    page = window("/keys/new")
    page.clock.install(time=0)
    page.clock.pause_at(1_000_000)  # or a busy machine would ask for " 7" before the answer comes
    box = page.get_by_role("combobox", name="Application")
    held: list[Route] = []
    page.route("**/choices?*", lambda route: held.append(route))
    with page.expect_request("**/choices?*"):
        box.fill("program")
        page.clock.run_for(200)
    page.keyboard.type(" 7")
    with page.expect_response("**/choices?*"):
        held.pop().continue_()
    page.clock.run_for(100)  # less than the time after which " 7" is asked for
    page.locator(".chooser > div[hidden]").wait_for(state="detached")
    assert page.get_by_role("listbox").count() == 0


def test_enter_sends_no_form_while_a_field_shows_what_was_not_chosen(
    window: Open, ada: Api
) -> None:
    for number in range(MANY):
        ada.create("applications", display_name=f"Program {number}")
    page = window("/keys/new")
    page.get_by_label("Name", exact=False).first.fill("Nightly")
    page.route("**/choices?*", lambda route: None)  # the answer does not come
    box = page.get_by_role("combobox", name="Application")
    box.fill("program 7")
    box.press("Enter")
    page.unroute("**/choices?*")
    box.fill("nobody has this name")
    page.get_by_text("Nothing found for").wait_for()
    box.press("Enter")
    box.press("Escape")
    box.press("Enter")
    assert page.url.endswith("/keys/new")
    assert box.input_value() == "nobody has this name"
    box.fill("program 7")
    page.get_by_role("option", name="Program 7").wait_for()
    box.press("Enter")
    box.press("Enter")
    page.locator("[data-secret]").wait_for()
    [key] = ada.get("/api-keys").json["items"]
    assert key["application_id"] == ada.get("/applications?q=7").json["items"][0]["id"]
    page.get_by_label("I have stored this key").check()


def test_scopes_are_ticked_by_presets_and_reached_by_arrows(window: Open, ada: Api) -> None:
    page = window("/keys/new")
    page.get_by_role("button", name="Read only").click()
    assert page.locator('[data-scopes] input[value$=":read"]:checked').count() == 7
    assert page.locator("[data-scopes] :checked").count() == 7
    page.get_by_role("button", name="Publish events").click()
    page.get_by_text("This key can publish events of the whole tenant").wait_for()
    assert page.locator("[data-scopes] :checked").count() == 1
    page.get_by_role("checkbox", name="Read applications").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert page.get_by_role("checkbox", name="Create and change connectors").is_checked()


def test_events_are_picked_and_tried_on_the_last_ones(window: Open, ada: Api) -> None:
    ada.create("event-types", name="rfp.created")
    ada.create("event-types", name="deal.won")
    assert ada.post("/events", {"type": "rfp.created", "data": {}}).status_code in (200, 201, 202)
    page = window("/webhooks/new")
    box = page.get_by_role("combobox", name="Events")
    box.focus()
    page.keyboard.type("rfp")
    page.get_by_role("option", name="rfp.*", selected=True).wait_for()
    page.keyboard.press("Enter")
    assert box.input_value() == "rfp.*, "
    page.locator("#trial").get_by_text("Would have matched 1 of the last").wait_for()
    page.keyboard.type("deal")
    page.get_by_role("option", name="deal.won").click()
    assert box.input_value() == "rfp.*, deal.won, "


def test_who_comes_back_finds_what_was_typed_but_no_secret(window: Open, ada: Api) -> None:
    for number in range(MANY):
        ada.create("applications", display_name=f"Program {number}")
    page = window("/connectors/new?provider=splunk")
    page.get_by_label("Name", exact=False).first.fill("Security log")
    page.locator("[data-never-kept]").first.fill("s3cret-token")
    page.get_by_role("combobox", name="Application").fill("program 7")
    page.get_by_role("option", name="Program 7").click()
    page.get_by_text("Owner, scope and other settings").click()
    page.get_by_label("Tags").fill("soc")
    # As when the session has ended: the form was sent, and the browser returns to its page.
    page.evaluate(
        """() => { const form = document.querySelector("form[data-again]");
        form.addEventListener("submit", (event) => event.preventDefault(), { once: true });
        form.requestSubmit(); }"""
    )
    assert "s3cret" not in page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")
    window("/applications#signed-in-again")
    page.wait_for_url("**/connectors/new?provider=splunk")
    page.locator('input[name="tags"][value=""]').wait_for()
    assert page.get_by_label("Name", exact=False).first.input_value() == "Security log"
    assert page.get_by_role("combobox", name="Application").input_value() == "Program 7"
    assert page.get_by_label("Tags").is_visible(), "its part is open"
    assert page.get_by_label("Tags").input_value() == "soc"
    assert page.locator("[data-never-kept]").first.input_value() == ""
