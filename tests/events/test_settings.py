"""The settings page of events: retention, hidden fields, and the erasure of a subject."""

import re

import pytest
from werkzeug.test import TestResponse

from tests.cast import ADA, ED, VIC, Api, Pages
from tests.delivery.test_console import Browse, publish, rfp
from tests.webhooks.conftest import Make, Receiver

PAGE = "/events/settings"


def save(pages: Pages, days: str, fields: str) -> int:
    form = {"retention_days": days, "redacted_fields": fields}
    return pages.post(PAGE, form).status_code


def version_of(page: TestResponse) -> dict[str, str]:
    """Return the hidden field that tells what the form has shown."""
    [version] = re.findall(r'name="version"[^>]*value="([^"]+)"', page.text)
    return {"version": version}


def test_they_are_set_where_events_and_deliveries_are_listed(ada: Api, browse: Browse) -> None:
    pages = browse(ADA)
    for place in ("/events", "/deliveries"):
        assert f'href="{PAGE}"' in pages.get(place).text, place
    assert save(pages, "7", "email, iban") == 303
    kept = ada.get("/event-settings").json
    fields = ["email", "iban"]
    assert kept == {"retention_days": 7, "redacted_fields": fields, "key_material": "mask"}
    assert 'value="email, iban"' in pages.get(PAGE).text
    assert save(pages, "91", "email") == 422
    assert save(pages, "soon", "email") == 422
    assert ada.get("/event-settings").json == kept


def test_an_older_page_takes_nothing_back_that_somebody_else_saved(
    ada: Api, browse: Browse
) -> None:
    pages, others = browse(ADA), browse(ED)
    save(pages, "30", "card")
    shown = version_of(pages.get(PAGE))
    save(others, "30", "iban, email")
    form = shown | {"retention_days": "60", "redacted_fields": "card", "key_material": "mask"}
    refused = pages.post(PAGE, form)
    assert refused.status_code == 409
    assert "saved by somebody else while you were editing" in refused.text
    assert 'value="iban, email"' in refused.text, "what only the other one changed is taken over"
    assert ada.get("/event-settings").json["retention_days"] == 30
    again = form | version_of(refused) | {"redacted_fields": "iban, email"}
    assert pages.post(PAGE, again).status_code == 303
    kept = ada.get("/event-settings").json
    assert (kept["retention_days"], kept["redacted_fields"]) == (60, ["iban", "email"])


@pytest.mark.parametrize("path", ["customer.email", "customer[email]"])
def test_of_a_path_the_last_field_is_hidden(ada: Api, vic: Api, browse: Browse, path: str) -> None:
    assert save(browse(ADA), "7", path) == 303
    ada.post("/events", {"type": "note.written", "data": {"customer": {"email": "a@b.example"}}})
    [event] = vic.get("/events").json["items"]
    assert event["data"] == {"customer": {"email": "•••"}}


def test_a_viewer_reads_them_and_changes_nothing(ada: Api, browse: Browse) -> None:
    save(browse(ADA), "7", "email")
    vic = browse(VIC)
    page = vic.get(PAGE).text
    assert "7 days" in page
    assert '<form class="form"' not in page
    assert save(vic, "90", "") == 403
    assert vic.post("/events/erasures", {"subject": "ann"}).status_code == 403


def test_a_subject_is_counted_before_it_is_erased(ada: Api, browse: Browse, make: Make) -> None:
    make("https://hooks.example/in")
    publish(ada, rfp(1, subject="ann"), rfp(2, subject="ann"), rfp(3, subject="bob"))
    pages = browse(ADA)

    def told(subject: str, **more: str) -> str:
        text = pages.post("/events/erasures", {"subject": subject, **more}).text
        return re.sub(r"<[^>]+>", "", text)

    assert "2 events and 2 deliveries" in told("ann")
    assert "Nothing is kept of this subject" in told("ann@else.example")
    assert len((ada.get("/events").json or {})["items"]) == 3, "looking erases nothing"
    told("ann", confirm="ann")
    assert [one["subject"] for one in (ada.get("/events").json or {})["items"]] == ["bob"]
    history = pages.get("/audit").text
    assert "erased the events" in history
    assert ">ann<" not in history, "the history does not keep what was erased"


@pytest.mark.parametrize("hidden", [False, True])
def test_a_hidden_field_is_on_no_page_and_in_no_answer(
    hidden: bool, ada: Api, vic: Api, browse: Browse, make: Make, receiver: Receiver
) -> None:
    if hidden:
        save(browse(ADA), "30", "iban")
    webhook = make(receiver.hook("crm"))
    body = {"event_type": "rfp.created", "data": {"iban": "DE02120300000000202051"}}
    fired = (ada.post(f"/webhooks/{webhook['id']}/test-deliveries", body).json or {})["id"]
    inbound = ada.create("webhooks", direction="inbound")["id"]
    ada.client.post(f"/in/{inbound}", json={"iban": "DE02120300000000202051"})
    [kept] = (ada.get(f"/webhooks/{inbound}/received").json or {})["items"]
    pages = [
        f"/webhooks/{webhook['id']}/attempts/{fired}?tab={t}" for t in ("request", "signature")
    ]
    pages.append(f"/webhooks/{inbound}/received/{kept['id']}")
    answers = [f"/webhooks/{webhook['id']}/test-deliveries{end}" for end in ("", f"/{fired}")]
    reader, writer = browse(VIC), browse(ADA)
    for place in pages:
        assert "DE02120300000000202051" in writer.get(place).text, place
        assert ("DE02120300000000202051" in reader.get(place).text) is not hidden, place
    for place in answers:
        assert ("DE02120300000000202051" in vic.get(place).text) is not hidden, place
    whole = f"/webhooks/{inbound}/received/{kept['id']}"
    same = (vic.get(whole).json or {})["body_base64"] == (ada.get(whole).json or {})["body_base64"]
    assert same is not hidden


def test_the_reasons_of_matches_have_no_hidden_value(
    ada: Api, vic: Api, browse: Browse, make: Make
) -> None:
    iban = "DE02120300000000202051"
    save(browse(ADA), "30", "iban")
    for name in ("iban", "payee"):
        make("https://hooks.example.com/", event_types=["a.b"], filter={name: ["other"]})
    data = {"iban": iban, "payee": {"name": "Ann", "iban": iban}}
    publish(ada, {"type": "a.b", "data": data})
    [event] = ada.get("/events").json["items"]
    assert iban in ada.get(f"/events/{event['id']}").text
    found = vic.get(f"/events/{event['id']}")
    assert iban not in found.text
    reasons = {one["reason"] for one in found.json["matches"]}
    assert "Its filter wants another iban: its value is hidden from you." in reasons
    assert iban not in browse(VIC).get(f"/events/{event['id']}").text


def test_a_reader_cannot_guess_a_hidden_value_with_a_filter(
    ada: Api, vic: Api, browse: Browse
) -> None:
    save(browse(ADA), "30", "iban")
    publish(ada, {"type": "a.b", "data": {"iban": "DE02120300000000202051"}})
    guess = {"filter": {"iban": ["DE02120300000000202051"]}}
    assert ada.post("/webhooks/filter-tests", guess).json["matched"] == 1
    refused = vic.post("/webhooks/filter-tests", guess)
    assert refused.status_code == 422
    assert [one["field"] for one in refused.json["errors"]] == ["filter.iban"]
    assert vic.post("/webhooks/filter-tests", {"filter": {"city": ["Bonn"]}}).status_code == 200
