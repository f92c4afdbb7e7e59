"""Test the pages of webhooks: from the form to the signed request, with and without JavaScript."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from portal.webhooks.signing.standard_webhooks import verify
from tests.cast import ADA, GUS, VIC, Api, Pages
from tests.webhooks.conftest import Make, Receiver

Browse = Callable[..., Pages]
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{40,}")


def filled(**fields: str) -> dict[str, str]:
    given = {
        "name": "CRM events",
        "signature_scheme": "standard-webhooks",
        "url": "https://hooks.example.com/cpod",
        "event_types": "rfp.*, rfp.created",
        "enabled": "y",
        "max_attempts": "5",
        "backoff": "linear",
        "timeout_ms": "2000",
        "headers": "X-Team: sales\r\nX-Region: eu",
        "tags": "crm, eu",
    }
    return given | fields


def form_of(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of the page's forms."""
    found = re.findall(r'<input[^>]*type="hidden"[^>]*>', page.text)
    pairs = [
        (re.search(r'name="([^"]+)"', one), re.search(r'value="([^"]*)"', one)) for one in found
    ]
    return {name[1]: html.unescape(value[1]) for name, value in pairs if name and value}


def created(pages: Pages, **fields: str) -> TestResponse:
    key = form_of(pages.get("/webhooks/new"))["idempotency_key"]
    return pages.post("/webhooks/new", filled(idempotency_key=key, **fields))


def the_only(api: Api) -> dict[str, Any]:
    [record] = (api.get("/webhooks").json or {})["items"]
    return dict(record)


def test_creating_shows_the_secret_in_that_answer_and_never_again(
    browse: Browse, ada: Api, receiver: Receiver
) -> None:
    pages = browse(ADA)
    key = form_of(pages.get("/webhooks/new"))["idempotency_key"]
    sent = filled(idempotency_key=key, url=receiver.hook("crm"))
    answer = pages.post("/webhooks/new", sent)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.location is None
    [secret] = set(SECRET.findall(html.unescape(answer.text)))
    record = the_only(ada)
    assert record["event_types"] == ["rfp.*", "rfp.created"]
    policy = {"maxAttempts": 5, "backoff": "linear", "timeoutMs": 2000}
    assert record["retry_policy"] == policy
    assert record["headers"] == {"X-Team": "sales", "X-Region": "eu"}
    assert (record["tags"], record["is_active"]) == (["crm", "eu"], True)
    assert record["source_type"] == "frontend"

    again = pages.post("/webhooks/new", sent)
    assert again.status_code == 200
    assert "This was done already" in again.text
    assert not SECRET.search(html.unescape(again.text))
    assert the_only(ada)["id"] == record["id"], "sent twice, made once"
    path = f"/webhooks/{record['id']}"
    for page in ("/webhooks", path, f"{path}/edit", f"{path}/history", f"{path}/attempts", "/"):
        found = pages.get(page)
        assert found.status_code == 200, page
        assert secret not in html.unescape(found.text), page


def test_adding_asks_for_the_direction_first_and_keeps_the_application(browse: Browse) -> None:
    pages = browse(ADA)
    for here, there in (("", "inbound/"), ("inbound/", "")):
        page = pages.get(f"/webhooks/{here}new?application_id=app_1").text
        assert f'href="/webhooks/{there}new?application_id=app_1"' in page
        assert 'name="direction"' not in page


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(browse: Browse, ada: Api) -> None:
    answer = created(browse(ADA), url="http://10.0.0.1/", timeout_ms="soon", headers="Host: x")
    assert answer.status_code == 422
    assert "This must be a whole number" in answer.text
    assert "Host is set by the sender" in answer.text
    assert (ada.get("/webhooks").json or {})["items"] == []
    refused = created(browse(ADA), url="http://10.0.0.1/")
    assert refused.status_code == 422
    assert "This address is not allowed" in refused.text
    assert 'value="http://10.0.0.1/"' in refused.text, "what was typed is kept"
    off = created(browse(ADA), url="", event_types="")
    assert "Give the target URL, or leave the webhook off." in html.unescape(off.text)


def test_editing_knows_when_somebody_else_was_first(browse: Browse, ada: Api) -> None:
    pages, made = browse(ADA), ada.create("webhooks", name="First")
    path = f"/webhooks/{made['id']}/edit"
    page = pages.get(path)
    assert 'value="First"' in page.text
    ada.patch(f"/webhooks/{made['id']}", {"name": "Second"})
    sent = filled(name="Third", version=form_of(page)["version"])
    late = pages.post(path, sent)
    assert late.status_code == 409
    assert "Second" in late.text
    saved = pages.post(path, filled(name="Third", version=form_of(late)["version"]))
    assert saved.status_code == 303
    assert the_only(ada)["name"] == "Third"


def test_the_switch_is_pressed_without_a_question(browse: Browse, ada: Api, make: Make) -> None:
    made, pages = make("https://hooks.example.com/"), browse(ADA)
    path = f"/webhooks/{made['id']}"
    assert pages.post(f"{path}/switch", {"on": "0"}).status_code == 303
    assert the_only(ada)["is_active"] is False
    page = pages.get(path)
    assert "Enable" in page.text
    assert "CRM events is disabled." in page.text
    assert pages.post(f"{path}/switch", {"on": "1"}).status_code == 303
    assert the_only(ada)["is_active"] is True


def test_deleting_names_the_webhook_and_can_be_undone(browse: Browse, ada: Api, make: Make) -> None:
    made, pages = make("https://hooks.example.com/"), browse(ADA)
    path = f"/webhooks/{made['id']}"
    page = html.unescape(pages.get(path).text)
    assert "Delete webhook CRM events?" in page
    assert "nothing is sent to https://hooks.example.com/" in page
    assert pages.post(f"{path}/delete", {"version": "9"}).status_code == 409
    assert pages.post(f"{path}/delete", {"version": "1"}).status_code == 303
    assert "CRM events" not in pages.get("/webhooks?q=crm").text.partition("<main")[2].replace(
        "CRM events is deleted", ""
    )
    assert "This webhook is deleted" in pages.get(path).text
    assert pages.post(f"{path}/restore").status_code == 303
    assert the_only(ada)["is_deleted"] is False


@pytest.mark.parametrize("action", ["delete", "secret-rotations"])
def test_what_cannot_be_taken_back_asks_who_is_there(
    action: str, browse: Browse, ada: Api, make: Make
) -> None:
    made = make("https://hooks.example.com/")
    answer = browse(ADA, minutes_ago=11).post(f"/webhooks/{made['id']}/{action}", {"version": "1"})
    assert answer.status_code == 303
    assert "/auth/login?again=1" in (answer.location or "")
    assert the_only(ada)["version"] == 1


def test_rotating_shows_the_new_secret_once(browse: Browse, ada: Api, make: Make) -> None:
    made, pages = make("https://hooks.example.com/"), browse(ADA)
    path = f"/webhooks/{made['id']}"
    key = form_of(pages.get(path))["idempotency_key"]
    answer = pages.post(f"{path}/secret-rotations", {"idempotency_key": key})
    [secret] = set(SECRET.findall(html.unescape(answer.text)))
    assert secret != made["signing_secret"]
    assert "The previous secret stays valid for 24 hours" in answer.text
    again = pages.post(f"{path}/secret-rotations", {"idempotency_key": key})
    assert not SECRET.search(html.unescape(again.text))
    assert the_only(ada)["version"] == 2


def test_a_rotation_is_proved_before_the_old_secret_is_retired(
    browse: Browse, make: Make, receiver: Receiver
) -> None:
    made, pages = make(receiver.hook("crm")), browse(ADA)
    path = f"/webhooks/{made['id']}"
    assert "newest secret alone" not in pages.get(path).text, "there is but one"
    key = form_of(pages.get(path))["idempotency_key"]
    rotated = pages.post(f"{path}/secret-rotations", {"idempotency_key": key}).text
    [new] = set(SECRET.findall(html.unescape(rotated)))
    page = pages.get(path).text
    assert "Previous secrets still sign: the last one ends in 23 h" in page
    test = {"event_type": "rfp.created", "data": "{}"}

    def verified_by(secret: str, **form: str) -> bool:
        pages.post(f"{path}/test-deliveries", test | form)
        headers, body = (receiver.mail("crm")[0][part] for part in ("headers", "body"))
        return bool(verify([secret], headers, body.encode()).verified)

    assert verified_by(made["signing_secret"])
    assert verified_by(new)
    assert verified_by(new, newest_secret_only="y")
    assert not verified_by(made["signing_secret"], newest_secret_only="y")
    assert pages.post(f"{path}/secret-retirements").status_code == 303
    assert "Previous secrets still sign" not in pages.get(path).text
    assert not verified_by(made["signing_secret"])


def test_how_it_is_signed_is_chosen_on_the_form(
    browse: Browse, make: Make, ada: Api, receiver: Receiver
) -> None:
    made, pages = make(receiver.hook("crm"), signature_scheme="github"), browse(ADA)
    path = f"/webhooks/{made['id']}"
    sent = pages.post(
        f"{path}/test-deliveries", {"event_type": "rfp.created", "data": '{"a": 1}'}
    ).location
    page = html.unescape(pages.get(f"{sent}?tab=signature").text)
    assert "x-hub-signature-256" in page
    assert "whole text" in page
    edit = pages.get(f"{path}/edit")
    assert '<option selected value="github">' in edit.text
    pages.post(f"{path}/edit", filled(**form_of(edit), signature_scheme="stripe"))
    assert the_only(ada)["signature_scheme"] == "stripe"


# ---------------------------------------------------------------- the test panel


def test_a_test_answers_in_the_panel_with_htmx(
    browse: Browse, make: Make, receiver: Receiver
) -> None:
    made, pages = make(receiver.hook("crm")), browse(ADA)
    receiver.learn("crm", made["signing_secret"])
    path = f"/webhooks/{made['id']}"
    assert 'hx-target="#test"' in pages.get(path).text
    data = {"event_type": "rfp.created", "data": '{"rfp_id": "rfp_1"}'}
    answer = pages.post(f"{path}/test-deliveries", data, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="test"')
    text = html.unescape(answer.text)
    assert "The receiver answered 200." in text
    timing = re.search(r'href="([^"]+\?tab=timing)"', text)
    assert timing
    assert "Wait for the answer" in pages.get(timing[1]).text
    [mail] = receiver.mail("crm")
    assert mail["verified"] is True


def test_a_test_without_javascript_leads_to_the_attempts_page(
    browse: Browse, make: Make, receiver: Receiver
) -> None:
    made, pages = make(receiver.hook("crm", "?status=500")), browse(ADA)
    path = f"/webhooks/{made['id']}"
    data = {"event_type": "rfp.created", "data": '{"rfp_id": "rfp_1"}'}
    sent = pages.post(f"{path}/test-deliveries", data)
    assert sent.status_code == 303
    page = html.unescape(pages.get(sent.location or "").text)
    assert "The receiver answered 500." in page
    assert "look into its log" in page
    signature = html.unescape(pages.get(f"{sent.location}?tab=signature").text)
    [mail] = receiver.mail("crm")
    stamp, name = mail["headers"]["webhook-timestamp"], mail["headers"]["webhook-id"]
    assert f"{name}.{stamp}.{mail['body']}" in signature
    coloured = pages.get(f"{sent.location}?tab=request").text
    shown = html.unescape(re.sub(r"</?span[^>]*>", "", coloured))
    assert f"curl -i '{receiver.hook('crm', '?status=500')}'" in shown
    assert mail["headers"]["webhook-signature"] in shown
    listed = pages.get(f"{path}/attempts").text
    assert "not accepted" in listed
    assert "not accepted" in pages.get("/webhooks").text
    assert "The last request failed: the receiver answers with an error." in pages.get("/").text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"event_type": "rfp.*", "data": "{}"}, "Use one event's name"),
        ({"event_type": "rfp.created", "data": "{"}, "not valid JSON"),
        ({"event_type": "rfp.created", "data": "[]"}, "must be an object"),
    ],
)
def test_a_test_that_cannot_be_sent_says_so_at_the_field(
    data: dict[str, str], said: str, browse: Browse, make: Make, receiver: Receiver
) -> None:
    made, pages = make(receiver.hook("crm")), browse(ADA)
    for headers in (HTMX, {}):
        answer = pages.post(f"/webhooks/{made['id']}/test-deliveries", data, headers=headers)
        assert answer.status_code == 422
        assert said in html.unescape(answer.text)
        assert html.escape(data["data"]) in answer.text or data["data"] in answer.text
    assert receiver.mail("crm") == []


def test_what_a_receiver_answers_is_shown_as_text_and_never_as_markup(
    browse: Browse, make: Make, watcher: Any, watched: str
) -> None:
    made, pages = make(watched), browse(ADA)
    data = {"event_type": "rfp.created", "data": '{"x": "<script>alert(1)</script>"}'}
    answer = pages.post(f"/webhooks/{made['id']}/test-deliveries", data, headers=HTMX)
    assert "<script>alert" not in answer.text


def test_a_viewer_reads_and_has_no_buttons(browse: Browse, ada: Api, make: Make) -> None:
    made, pages = make("https://hooks.example.com/"), browse(VIC)
    path = f"/webhooks/{made['id']}"
    page = pages.get(path).text
    assert "CRM events" in page
    for button in ("Send test", "Delete webhook", "Rotate secret", "Disable"):
        assert button not in page
    for action in ("switch", "restore", "test-deliveries"):
        data = {"event_type": "rfp.created", "data": "{}"}
        assert pages.post(f"{path}/{action}", data).status_code == 403, action
    assert pages.get("/webhooks/new").status_code == 403


def test_a_stranger_sees_nothing(browse: Browse, make: Make, ada: Api, receiver: Receiver) -> None:
    made, pages = make(receiver.hook("crm")), browse(GUS)
    event = {"event_type": "rfp.created"}
    sent = ada.post(f"/webhooks/{made['id']}/test-deliveries", event).json or {}
    path = f"/webhooks/{made['id']}"
    for page in (path, f"{path}/edit", f"{path}/history", f"{path}/attempts"):
        assert pages.get(page).status_code == 404, page
    assert pages.get(f"{path}/attempts/{sent['id']}").status_code == 404
    for action in ("switch", "delete", "restore", "secret-rotations", "test-deliveries"):
        data = {"event_type": "rfp.created", "data": "{}", "idempotency_key": "k", "version": "1"}
        assert pages.post(f"{path}/{action}", data).status_code == 404, action
    assert made["id"] not in pages.get("/webhooks").text
    assert "No webhook yet" in pages.get("/webhooks").text


def test_the_page_of_an_application_shows_its_webhooks(
    browse: Browse, ada: Api, make: Make
) -> None:
    owner = ada.create("applications", display_name="CRM 360")
    make("https://hooks.example.com/", application_id=owner["id"])
    pages = browse(ADA)
    page = pages.get(f"/applications/{owner['id']}").text
    assert "CRM events" in page
    assert f"/webhooks/new?application_id={owner['id']}" in page
    form = pages.get(f"/webhooks/new?application_id={owner['id']}").text
    assert re.search(rf'<option selected[^>]*value="{owner["id"]}"', form)
    assert "CRM 360" in pages.get("/webhooks").text


def test_the_list_is_filtered_sorted_and_paged(browse: Browse, ada: Api) -> None:
    for number in range(52):
        ada.create("webhooks", name=f"Webhook {number:02}")
    pages = browse(ADA)
    first = pages.get("/webhooks?sort=name").text
    assert "Webhook 00" in first
    assert "Webhook 51" not in first
    onward = re.search(r'href="([^"]+)" rel="next"', first)
    assert onward
    assert "Webhook 51" in pages.get(html.unescape(onward[1])).text
    assert "Nothing matches" in pages.get("/webhooks?direction=inbound").text
    part = pages.get("/webhooks?q=51", headers=HTMX)
    assert part.text.lstrip().startswith("<div")
    assert "Webhook 51" in part.text
    assert pages.get("/webhooks?colour=red").status_code == 400


@pytest.mark.parametrize("tab", ["", "/attempts", "/deliveries", "/health", "/replays", "/lab"])
def test_the_rail_shows_where_each_tab_of_a_webhook_is(
    ada: Api, browse: Callable[..., Pages], tab: str
) -> None:
    webhook = ada.create("webhooks", url="https://hooks.example/in", event_types=["*"])
    page = browse(ADA).get(f"/webhooks/{webhook['id']}{tab}").text
    assert re.search(r'href="/webhooks" data-key="[a-z]*" aria-current="page"', page)
