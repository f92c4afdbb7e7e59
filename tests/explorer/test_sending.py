"""Test calls from the explorer: they are real calls of the person, and of nobody else."""

import re
from collections.abc import Callable
from html import unescape

import pytest
import time_machine
from flask import Flask

from portal.bulk.exports import reading
from portal.database.actor import Origin
from portal.explorer import sending
from portal.explorer.catalogue import Catalogue
from portal.identity.sessions.login import live_session
from tests.cast import ADA, PREFIX, Api, Pages
from tests.explorer.conftest import PARTIAL, code_in, page_of, seen
from tests.test_parity import PAGES, usual

CREATE = page_of("applications.create")


def test_a_call_creates_a_record_as_the_person(person: Pages, ada: Api) -> None:
    answer = person.post(CREATE, {"body.display_name": "CRM 360"})
    assert answer.status_code == 200
    assert re.search(r"201 Created in [\d.]+ ms, [\d,]+ bytes", seen(answer))
    (made,) = ada.get("/applications").json["items"]
    assert made["display_name"] == "CRM 360"
    assert (made["created_by"], made["source_type"]) == (person.person_id, "frontend")
    assert f'"{made["id"]}"' in code_in(answer)["Body"]
    assert "X-Request-Id" in seen(answer)


def test_the_answer_leads_to_its_entry_in_the_audit_log(person: Pages) -> None:
    answer = person.post(CREATE, {"body.display_name": "CRM 360"})
    assert "created the application “CRM 360”" in seen(answer)
    (url,) = re.findall(r'href="(/audit\?[^"]*request_id=req_[^"]*)"', answer.text)
    log = seen(person.get(unescape(url)))
    assert log.count("created the application") == 1
    other = person.get(unescape(url).replace("request_id=req_", "request_id=req_0"))
    assert "created the application" not in seen(other)


def test_a_part_of_the_page_answers_htmx(person: Pages) -> None:
    answer = person.post(CREATE, {"body.display_name": "CRM 360"}, headers=PARTIAL)
    assert answer.text.lstrip().startswith('<section class="panel answer"')
    assert "HX-Retarget" not in answer.headers
    wrong = person.post(CREATE, {"raw": "{"}, headers=PARTIAL)
    assert (wrong.status_code, wrong.headers["HX-Retarget"]) == (422, "#explorer-typed")


def test_what_the_api_refuses_is_shown_in_its_words(person: Pages) -> None:
    answer = person.post(CREATE, {"body.slug": "Not A Slug", "body.display_name": "Kept"})
    assert answer.status_code == 200
    assert "422 Unprocessable" in seen(answer)
    assert re.search(r"<li><code>slug</code>", answer.text)
    assert 'href="/problems/invalid"' in answer.text
    assert 'value="Kept"' in answer.text


def test_of_a_long_file_only_the_beginning_is_read(
    person: Pages, ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", 1)
    for number in range(3):
        ada.create("applications", display_name=f"App {number}")
    export = page_of("applications.export")
    whole = person.post(export, {"body.format": "csv"})
    assert re.search(r"[\d,]+ bytes Body", seen(whole))
    assert "App 0" in code_in(whole)["Body"]
    monkeypatch.setattr(sending, "MOST_READ", 1000)
    cut = person.post(export, {"body.format": "csv"})
    assert "bytes read" in seen(cut)
    assert "App 0" not in code_in(cut)["Body"]
    assert "Take the command in curl for the whole file." in seen(cut)
    assert ada.post("/applications/exports", {}, buffered=True).status_code == 200


def test_every_operation_of_reading_answers(person: Pages, ada: Api) -> None:
    made = ada.create("webhooks", name="CRM events")
    listed = person.post(page_of("webhooks.list"), {"query.q": "CRM"})
    assert made["id"] in code_in(listed)["Body"]
    gone = person.post(page_of("webhooks.get"), {"path.id": "whk_none"})
    assert "404 Not Found" in seen(gone)


def test_a_file_is_shown_as_text(person: Pages, ada: Api) -> None:
    ada.create("webhooks", name="CRM events")
    for _ in range(2):  # the first one has given its place back
        answer = person.post("/explorer/integration.webhooks.export", {"body.format": "csv"})
        assert answer.status_code == 200
        assert "CRM events" in answer.text
        assert "text/csv" in answer.text


def test_a_body_as_json_is_sent(person: Pages, ada: Api) -> None:
    person.post(CREATE, {"raw": '{"display_name": "From JSON"}'})
    assert [one["display_name"] for one in ada.get("/applications").json["items"]] == ["From JSON"]


def test_a_dry_run_stores_nothing_and_says_so(person: Pages, ada: Api) -> None:
    answer = seen(person.post(CREATE, {"body.display_name": "CRM 360", "dry_run": "1"}))
    assert "Dry run: nothing was stored" in answer
    assert "In the audit log" not in answer
    assert ada.get("/applications").json["items"] == []


def test_a_dry_run_of_deleting_needs_no_confirmation(person: Pages, ada: Api) -> None:
    made = ada.create("webhooks")
    typed = {"path.id": made["id"], "dry_run": "1"}
    assert "nothing was stored" in seen(person.post(page_of("webhooks.delete"), typed))
    assert ada.get(f"/webhooks/{made['id']}").status_code == 200


# ---------------------------------------------------------------- confirmations and secrets


def test_deleting_needs_the_word_and_a_recent_sign_in(
    browse: Callable[..., Pages], ada: Api
) -> None:
    made, url = ada.create("webhooks"), page_of("webhooks.delete")
    person, typed = browse(ADA), {"path.id": made["id"]}
    unsaid = person.post(url, typed)
    assert unsaid.status_code == 422
    assert 'id="confirm-error"' in unsaid.text
    late = browse(ADA, minutes_ago=11).post(url, {**typed, "confirm": "delete"})
    assert "/auth/login?again=1" in late.headers["Location"]
    assert ada.get(f"/webhooks/{made['id']}").status_code == 200
    assert "204 No Content" in seen(person.post(url, {**typed, "confirm": "delete"}))
    assert ada.get(f"/webhooks/{made['id']}").status_code == 404


def test_the_explorer_asks_for_a_sign_in_where_pages_do(
    app: Flask, browse: Callable[..., Pages], catalogue: Catalogue
) -> None:
    guarded = {
        name
        for page, view in app.view_functions.items()
        if getattr(view, "needs_recent_sign_in", False)
        for name in (usual() | PAGES)[page].split()
    }
    operations = [catalogue.operations[f"integration.{name}"] for name in sorted(guarded)]
    writes = [one for one in operations if one.is_write]
    assert len(writes) > 20
    person = browse(ADA, minutes_ago=11)
    for operation in writes:
        typed = {"path.id": "cnn_1", "confirm": operation.id.rpartition(".")[2]}
        answer = person.post(f"/explorer/{operation.id}", typed)
        assert "/auth/login?again=1" in answer.headers.get("Location", ""), operation.id


def test_a_job_that_revokes_keys_is_confirmed_only_after_a_recent_sign_in(
    browse: Callable[..., Pages], ada: Api
) -> None:
    key = ada.create("api-keys")["id"]
    job = {"resource": "api-keys", "verb": "revoke", "ids": [key], "arguments": {"reason": "x"}}
    made = ada.post("/bulk-jobs", job).json["id"]
    url, typed = page_of("bulkJobs.confirm"), {"path.id": made}
    late = browse(ADA, minutes_ago=11).post(url, typed)
    assert "/auth/login?again=1" in late.headers.get("Location", "")
    assert "202 Accepted" in seen(browse(ADA).post(url, typed))


def test_a_secret_is_shown_once_and_apart(person: Pages) -> None:
    answer = person.post(page_of("webhooks.create"), {"body.name": "CRM events"})
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]{20,}", answer.text)
    shown = re.search(r"<output[^>]*data-secret[^>]*>([^<]*)</output>", answer.text)
    assert shown
    assert shown[1] == secret
    assert "SHOWN ABOVE, ONCE" in code_in(answer)["Body"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in answer.headers
    assert secret not in person.get(page_of("webhooks.create")).text


def test_a_new_key_is_in_the_answer_once(person: Pages) -> None:
    typed = {"body.name": "Nightly", "body.scopes": "connectors:read"}
    answer = person.post(page_of("apiKeys.create"), typed)
    assert len(re.findall(r"sk-acme-[usv][0-9A-Za-z]{38}", answer.text)) == 1


def test_the_secrets_of_many_records_are_shown_apart(person: Pages) -> None:
    answer = person.post(page_of("webhooks.createMany"), {"raw": '{"items": [{}, {}]}'})
    shown = re.search(r"<output[^>]*data-secret[^>]*>([^<]*)</output>", answer.text)
    assert shown
    assert len(shown[1].split()) == answer.text.count("whsec_") == 2


def test_the_link_to_a_new_key_is_a_secret_as_well(person: Pages) -> None:
    typed = {"body.name": "Nightly", "body.scopes": "connectors:read", "body.delivery": "link"}
    answer = person.post(page_of("apiKeys.create"), typed)
    assert "Copy this link now" in seen(answer)
    shown = re.search(r"<output[^>]*data-secret[^>]*>([^<]*)</output>", answer.text)
    assert shown
    assert answer.text.count(shown[1]) == 1
    assert '"delivery": "link"' in code_in(answer)["Python"]


def test_a_secret_that_was_typed_is_not_sent_back(person: Pages) -> None:
    hidden = "a-token-that-nobody-may-see"
    typed = {
        "body.provider": "splunk",
        "body.credentials": f'{{"token": "{hidden}"}}',
        "body.config": "{",
    }
    for path in ("", "/draft"):
        answer = person.post(page_of("connectors.create") + path, typed)
        assert hidden not in answer.text
    raw = {"raw": f'{{"provider": "splunk", "credentials": {{"token": "{hidden}"}}}}'}
    answer = person.post(page_of("connectors.create") + "/draft", raw)
    assert hidden not in answer.text
    assert '"token": os.environ["CREDENTIALS_TOKEN"]' in code_in(answer)["Python"]


def test_a_secret_of_one_of_many_records_is_not_sent_back(person: Pages) -> None:
    hidden = "a-token-that-nobody-may-see"
    raw = {"raw": f'{{"items": [{{"name": "a", "credentials": {{"token": "{hidden}"}}}}]}}'}
    answer = person.post(page_of("connectors.createMany") + "/draft", raw)
    assert hidden not in answer.text
    assert '"token": os.environ["CREDENTIALS_TOKEN"]' in code_in(answer)["Python"]


@pytest.mark.parametrize(
    ("operation", "field"),
    [("webhooks.create", "inbound_secret"), ("signatureChecks.create", "secret")],
)
def test_every_field_of_a_secret_is_left_out(person: Pages, operation: str, field: str) -> None:
    hidden = "a-secret-that-nobody-may-see"
    typed = {f"body.{field}": hidden, "body.headers": "{"}
    for path in ("", "/draft"):
        assert hidden not in person.post(page_of(operation) + path, typed).text


def test_texts_of_others_stay_text(person: Pages, ada: Api) -> None:
    name = "</code></script><img src=x onerror=alert(1)>"
    made = ada.create("applications", display_name=name, description="“\\” {{7*7}} <b>")
    for answer in (
        person.post(page_of("applications.get"), {"path.id": made["id"]}),
        person.post(page_of("applications.list"), {"query.q": name}),
        person.get(f"/applications/{made['id']}"),
        person.get(page_of("applications.get") + "?path.id=" + "%22%3E%3Cimg%20src=x%3E"),
    ):
        assert answer.status_code == 200
        assert "<img" not in answer.text
        assert ("{{7*7}}" in answer.text) == (made["id"] in answer.text)


def test_characters_that_turn_text_are_written_as_escapes(person: Pages, ada: Api) -> None:
    ada.post("/events", {"type": "rfp.created", "data": {"note": "abc\u202edef"}})
    answer = person.post(page_of("events.list"), {})
    assert "\u202e" not in answer.text
    typed = {"raw": '{"note": "abc\u202edef"}'}
    assert "\u202e" not in code_in(person.post(CREATE + "/draft", typed))["Python"]


# ---------------------------------------------------------------- the token


@pytest.fixture
def token(app: Flask, person: Pages) -> str:
    """Return a token such as the explorer makes for one call."""
    cookie = next(iter(person.client._cookies.values()))
    with app.test_request_context("/", headers={"Cookie": f"{cookie.key}={cookie.value}"}):
        live = live_session()
        assert live is not None
        return app.extensions["portal.explorer_tokens"].issue(live)


def recognised(app: Flask, token: str) -> str | None:
    """Return the id of the person that the API sees in a call inside the process."""
    with app.test_request_context(PREFIX, environ_overrides={sending.INSIDE: True}):
        found = app.extensions["portal.explorer_tokens"].authenticate(token, Origin())
        return found.id if found else None


def test_a_token_is_the_person_for_a_minute(app: Flask, person: Pages, token: str) -> None:
    assert recognised(app, token) == person.person_id
    assert recognised(app, token[:-2] + "AA") is None
    with time_machine.travel(61):
        assert recognised(app, token) is None


def test_a_token_means_nothing_from_outside(app: Flask, token: str) -> None:
    assert Api(app.test_client(), token).get("/applications").status_code == 401


def test_a_token_ends_with_its_session(app: Flask, person: Pages, token: str) -> None:
    person.post("/auth/logout")
    assert recognised(app, token) is None


def test_the_token_is_in_no_page(person: Pages) -> None:
    assert sending.MARK + "gAAAA" not in person.post(CREATE, {"body.display_name": "a"}).text
