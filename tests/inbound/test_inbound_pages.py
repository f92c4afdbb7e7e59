"""Test the pages of inbound webhooks, as people use them."""

import html
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.webhooks.signing import standard_webhooks
from portal.webhooks.signing.receiver_code import SNIPPETS
from tests.cast import ADA, VIC, Api, Pages
from tests.databases import Database
from tests.inbound.test_inbound import SECRET, events, github, knock, make, received
from tests.webhooks.test_webhooks import A_DAY_LATER, stored


@pytest.fixture
def ada_pages(browse: Callable[..., Pages]) -> Pages:
    return browse(ADA)


def text_of(page: str) -> str:
    main = page.partition("<main")[2].partition("</main")[0]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", main)))


def filled(pages: Pages, path: str, **fields: Any) -> Any:
    """Open a form, fill it in, send it, and return the response."""
    page = pages.get(path).text
    key = re.search(r'name="idempotency_key"[^>]*value="([^"]+)"', page)
    return pages.post(path, {"idempotency_key": key[1] if key else "", **fields})


def test_a_secret_of_ours_is_shown_once_with_the_address(ada: Api, ada_pages: Pages) -> None:
    answer = filled(
        ada_pages, "/webhooks/inbound/new", name="Pushes", inbound_scheme="github", enabled="y"
    )
    assert answer.status_code == 200
    (made,) = ada.get("/webhooks").json["items"]  # type: ignore[index]
    assert made["inbound_url"] in answer.text
    secret = re.search(r"data-secret[^>]*>([^<]+)<", answer.text)
    assert secret
    page = ada_pages.get(f"/webhooks/{made['id']}").text
    assert secret[1] not in page
    assert made["inbound_url"] in page
    assert "Nothing yet" in page


def test_a_secret_of_theirs_is_given_and_never_drawn(ada: Api, ada_pages: Pages) -> None:
    fields = {"name": "Payments", "inbound_scheme": "stripe", "enabled": "y"}
    answer = filled(ada_pages, "/webhooks/inbound/new", **fields)
    place = answer.headers["Location"]
    assert "secret is missing" in ada_pages.get(place).text
    edit = ada_pages.get(f"{place}/edit").text
    version = re.search(r'name="version"[^>]*value="(\d+)"', edit)
    assert version
    sent = {**fields, "inbound_secret": SECRET, "version": version[1]}
    assert filled(ada_pages, f"{place}/edit", **sent).status_code == 303
    assert "secret is missing" not in ada_pages.get(place).text
    assert SECRET not in ada_pages.get(f"{place}/edit").text


def test_a_secret_that_cannot_be_is_blamed_on_its_field(ada_pages: Pages) -> None:
    answer = filled(
        ada_pages,
        "/webhooks/inbound/new",
        name="Bots",
        inbound_scheme="discord",
        inbound_secret="no-hex-digits-at-all",
    )
    assert answer.status_code == 422
    assert "64 hexadecimal digits" in answer.text
    assert "no-hex-digits" not in answer.text


def test_a_secret_that_another_field_kept_from_being_saved_is_asked_for_again(
    ada: Api, ada_pages: Pages
) -> None:
    answer = filled(
        ada_pages,
        "/webhooks/inbound/new",
        name="Payments",
        inbound_scheme="stripe",
        inbound_secret=SECRET,
        event_types="not valid!!",
    )
    assert answer.status_code == 422
    assert 'id="inbound_secret-error"' in answer.text
    assert "Type this again" in answer.text
    assert SECRET not in answer.text


def test_a_refused_request_says_why_and_is_verified_anew(
    ada: Api, ada_pages: Pages, client: FlaskClient
) -> None:
    webhook = make(ada, inbound_secret="another-secret")
    body = b'{"a": 1}'
    knock(client, webhook["inbound_url"], body, github(body))
    (kept,) = received(ada, webhook)
    path = f"/webhooks/{webhook['id']}"
    assert "1 in quarantine" in text_of(ada_pages.get(path).text)
    page = text_of(ada_pages.get(f"{path}/received/{kept['id']}").text)
    assert "not right" in page
    assert "a secret that is not known here" in page
    ada.patch(path, {"inbound_secret": SECRET})
    assert ada_pages.post(f"{path}/received/{kept['id']}/reverify").status_code == 303
    assert [event["type"] for event in events(ada)] == ["github.push"]
    listed = text_of(ada_pages.get(f"{path}/received?state=accepted").text)
    assert "github.push" in listed


def test_the_whole_quarantine_is_verified_anew_or_thrown_away(
    ada: Api, ada_pages: Pages, client: FlaskClient
) -> None:
    webhook = make(ada, inbound_secret="another-secret")
    for number in range(3):
        body = f"[{number}]".encode()
        knock(client, webhook["inbound_url"], body, github(body, delivery=f"d-{number}"))
    path = f"/webhooks/{webhook['id']}"
    still = ada_pages.post(f"{path}/quarantine/reverify")
    assert "3 still refused" in ada_pages.get(still.headers["Location"]).text
    ada.patch(path, {"inbound_secret": SECRET})
    done = ada_pages.post(f"{path}/quarantine/reverify")
    assert "3 accepted" in ada_pages.get(done.headers["Location"]).text
    knock(client, webhook["inbound_url"], b"x", github(b"x", "wrong"))
    ada_pages.post(f"{path}/quarantine/clear")
    assert received(ada, webhook, "?state=quarantined") == []


def test_the_doctor_explains_a_pasted_request_and_forgets_it(ada_pages: Pages) -> None:
    body = json.dumps({"a": 1})
    sent = github(json.dumps({"a": 1}, separators=(",", ":")).encode(), "a-pasted-secret")
    answer = filled(
        ada_pages,
        "/doctor",
        scheme="github",
        secret="a-pasted-secret",
        headers="\n".join(f"{name}: {value}" for name, value in sent.items()),
        body=body,
    )
    assert answer.status_code == 200
    assert "written anew with spaces" in text_of(answer.text)
    assert "a-pasted-secret" not in answer.text
    nothing = filled(ada_pages, "/doctor", body="{}")
    assert nothing.status_code == 422
    assert "Give a secret" in nothing.text


def test_a_viewer_sees_and_checks_nothing(
    ada: Api, browse: Callable[..., Pages], client: FlaskClient
) -> None:
    webhook = make(ada)
    knock(client, webhook["inbound_url"], b"{}", github(b"{}", "wrong"))
    (kept,) = received(ada, webhook)
    vic = browse(VIC)
    page = vic.get(f"/webhooks/{webhook['id']}/received/{kept['id']}").text
    assert "Verify anew" not in page
    assert "not right" not in page
    assert vic.post("/doctor", {"scheme": "github", "secret": "x"}).status_code == 403
    assert vic.post("/inbox").status_code == 403


def test_no_application_opens_the_inbox_of_the_tenant(app: Flask, ada: Api) -> None:
    """It would belong to the application, and stop with it."""
    application = ada.create("applications")["id"]
    body = {"application_id": application, "scopes": ["webhooks:read", "webhooks:write"]}
    key = Api(app.test_client(), ada.create("api-keys", **body)["key"])
    refused = key.post("/inbox")
    assert refused.status_code == 403
    assert "whole tenant" in refused.text
    assert ada.get("/inbox").status_code == 404


def test_the_inbox_takes_what_is_sent_to_it(
    app: Flask, ada: Api, ada_pages: Pages, client: FlaskClient
) -> None:
    assert "No inbox yet" in ada_pages.get("/inbox").text
    partial = {"HX-Request": "true", "HX-Request-Type": "partial"}
    assert "No inbox yet" in ada_pages.get("/inbox", headers=partial).text
    assert ada_pages.post("/inbox").status_code == 303
    assert ada_pages.post("/inbox").status_code == 303
    sender, receiver = sorted(
        (ada.get("/webhooks").json or {})["items"], key=lambda one: one["direction"], reverse=True
    )
    assert sender["url"] == receiver["inbound_url"]
    assert sender["secret_fingerprint"] == receiver["secret_fingerprint"]
    assert (sender["event_types"], sender["is_active"]) == (["*"], True)
    secret = stored(app, sender["id"])["current"]
    for key, word in ((standard_webhooks.new_secret(), "quarantined"), (secret, "accepted")):
        headers = standard_webhooks.headers(key, "evt_1", b'{"type":"rfp.created"}')
        knock(client, receiver["inbound_url"], b'{"type":"rfp.created"}', headers)
        assert word in ada_pages.get("/inbox").text
    # Requests to the inbox are not published: only the portal's own events exist.
    assert {event["type"].partition(".")[0] for event in events(ada)} <= {"webhook"}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda one: one.name)
def test_code_for_receivers_is_shown(snippet: Any, ada: Api, ada_pages: Pages) -> None:
    webhook = ada.create("webhooks")
    page = ada_pages.get(f"/webhooks/{webhook['id']}/verification?language={snippet.name}").text
    assert snippet.file in page
    assert "whsec_" in text_of(page)


def test_the_secrets_before_are_retired_on_the_page(ada: Api, ada_pages: Pages) -> None:
    webhook, pages = make(ada), ada_pages
    path = f"/webhooks/{webhook['id']}"
    assert "secret-retirements" not in pages.get(path).text
    ada.patch(path, {"inbound_secret": "the next secret"})
    assert f"{path}/secret-retirements" in pages.get(path).text
    assert pages.post(f"{path}/secret-retirements").status_code == 303
    assert "secret-retirements" not in pages.get(path).text


def test_what_has_ended_by_itself_is_not_offered_to_be_retired(
    ada: Api, ada_pages: Pages, database: Database
) -> None:
    path = f"/webhooks/{make(ada)['id']}"
    ada.patch(path, {"inbound_secret": "the next secret"})
    database.sql(A_DAY_LATER)
    assert "secret-retirements" not in ada_pages.get(path).text


@pytest.mark.parametrize(
    ("scheme", "kept"), [("hmac-sha256-hex", {"equal_bodies": "each"}), ("timestamped-hmac", {})]
)
def test_whether_equal_bodies_are_one_event_is_chosen_where_the_body_alone_is_signed(
    ada: Api, ada_pages: Pages, scheme: str, kept: dict[str, str]
) -> None:
    form = {"name": "Doors", "inbound_scheme": scheme, "option_equal_bodies": "each"}
    assert filled(ada_pages, "/webhooks/inbound/new", **form).status_code < 400
    [made] = (ada.get("/webhooks").json or {})["items"]
    assert made["inbound_options"] == kept
    page = ada_pages.get(f"/webhooks/{made['id']}/edit").text
    assert ('<option selected value="each"' in page) is bool(kept)


def test_an_audience_is_asked_for_and_set_in_the_form(ada: Api, ada_pages: Pages) -> None:
    at_address = "https://accounts.example/keys.json"
    form = {"name": "Pushes", "inbound_scheme": "jwt", "inbound_secret": at_address}
    refused = filled(ada_pages, "/webhooks/inbound/new", **form)
    assert refused.status_code == 422
    assert "Give the audience" in refused.text
    pinned = {"audience": "https://portal.example", "issuer": "a", "subject": "b c"}
    given = {f"option_{name}": value for name, value in pinned.items()}
    assert filled(ada_pages, "/webhooks/inbound/new", **form, **given).status_code < 400
    [made] = (ada.get("/webhooks").json or {})["items"]
    assert made["inbound_options"] == pinned
    page = ada_pages.get(f"/webhooks/{made['id']}").text
    assert "https://portal.example" in page
    assert "Until an audience is set" not in page


def test_an_audience_is_left_out_for_a_sender_without_tokens(ada: Api, ada_pages: Pages) -> None:
    form = {"name": "Pushes", "inbound_scheme": "api-key", "option_audience": "x"}
    assert filled(ada_pages, "/webhooks/inbound/new", **form).status_code < 400
    [made] = (ada.get("/webhooks").json or {})["items"]
    assert made["inbound_options"] == {}


def test_a_request_that_came_after_the_page_was_read_is_not_thrown_away(
    ada: Api, ada_pages: Pages, client: FlaskClient
) -> None:
    webhook = make(ada, inbound_secret="the wrong secret")
    knock(client, webhook["inbound_url"], b"{}", github(b"{}", "guess", "f"))
    text = ada_pages.get(f"/webhooks/{webhook['id']}/received?state=quarantined").text
    [action] = re.findall(r'action="([^"]+/quarantine/clear[^"]*)"', text)
    body = b'{"n": 1}'
    knock(client, webhook["inbound_url"], body, github(body))
    assert ada_pages.post(unescape(action)).status_code == 303
    assert len(received(ada, webhook, "?state=quarantined")) == 1
