"""Test that a viewer sees no hidden field of what was received, however its sender wrote it."""

import base64
import hmac
import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from portal.database.session import session
from portal.delivery.queue.filters import Filter, Keys
from tests.cast import ADA, VIC, Api, Pages
from tests.inbound.test_inbound import SECRET, events, knock, make, received

Browse = Callable[[str], Pages]
VALUE = "078-05-1120"
WHOLE = json.dumps({"ssn": VALUE})
UNREAD = {
    "a name twice": f'{{"ssn": "{VALUE}", "ssn": "{VALUE}"}}',
    "no number": f'{{"ssn": "{VALUE}", "n": NaN}}',
    "too large a number": f'{{"ssn": "{VALUE}", "n": 1e999}}',
    "half a character": f'{{"ssn": "{VALUE}", "n": "\\ud800"}}',
    "a mark in front": "\ufeff" + WHOLE,
    "lines": f"{WHOLE}\n{WHOLE}\n",
    "XML": f"<a><ssn>{VALUE}</ssn></a>",
    "parts": f'--b\r\nContent-Disposition: form-data; name="ssn"\r\n\r\n{VALUE}\r\n--b--\r\n',
}


@pytest.fixture(autouse=True)
def hidden(ada: Api) -> None:
    settings = {"retention_days": 7, "redacted_fields": ["ssn", "tax/no"]}
    assert ada.call("PUT", "/event-settings", json=settings).status_code == 200


def places(ada: Api, client: FlaskClient, body: str) -> list[str]:
    """Receive a request, and return where people read it: paths of pages and of REST."""
    webhook, raw = make(ada, "hmac-sha256-hex"), body.encode()
    signature = hmac.digest(SECRET.encode(), raw, "sha256").hex()
    url = f"{webhook['inbound_url']}?a=1&ssn={VALUE}&%73sn={VALUE};ssn={VALUE}&Person[SSN]={VALUE}"
    assert knock(client, url, raw, {"X-Signature": signature, "SSN": VALUE}).status_code == 200
    [request], [event] = received(ada, webhook), events(ada)
    path = f"/webhooks/{webhook['id']}/received"
    return [path, f"{path}/{request['id']}", "/events", f"/events/{event['id']}"]


def shown(api: Api, pages: Pages, path: str) -> str:
    """Return the page and the REST document of a path, with the body that is in it."""
    document = api.get(path).json or {}
    body = base64.b64decode(document.get("body_base64", "")).decode()
    return json.dumps(document, ensure_ascii=False) + body + pages.get(path).text


@pytest.mark.parametrize("body", [WHOLE, *UNREAD.values()], ids=["JSON", *UNREAD])
def test_a_viewer_sees_no_value_of_a_hidden_field(
    ada: Api, vic: Api, client: FlaskClient, browse: Browse, body: str
) -> None:
    for path in places(ada, client, body):
        assert VALUE not in shown(vic, browse(VIC), path), path
        assert "•••" in shown(vic, browse(VIC), path), path
    assert VALUE in shown(ada, browse(ADA), path), "who may change webhooks sees it"


def test_a_filter_tells_a_viewer_nothing_of_a_body_that_has_no_fields(
    ada: Api, vic: Api, client: FlaskClient, browse: Browse
) -> None:
    wanted = {"event_types": ["inbound.*"], "filter": {"text": ["other"]}}
    ada.create("webhooks", url="https://hooks.example/x", **wanted)
    path = places(ada, client, UNREAD["XML"])[-1]
    reason = "Its filter wants another text"
    assert f"{reason}: it is" in shown(ada, browse(ADA), path)
    assert f"{reason}: its value is hidden from you" in shown(vic, browse(VIC), path)


DEEP = "[" * 900 + WHOLE + "]" * 900
INSIDE = {
    "once": {"payload": json.dumps({"pusher": {"ssn": VALUE}, "ref": "main"})},
    "twice": {"Message": json.dumps({"detail": f" {json.dumps([{'ssn': VALUE}])}"})},
    "nested deeply": {"Message": DEEP},
    "with no number": {"Message": UNREAD["no number"]},
    "encoded twice": {"Message": json.dumps(WHOLE)},
    "behind a mark": {"Message": f"\ufeff{WHOLE}"},
    "with a name twice": {"Message": f'{{"a": {WHOLE}, "a": 1}}'},
    "with an escape in its name": {"Message": WHOLE.replace("ssn", "\\u0073sn")},
    "in capital letters": {"SSN": VALUE, "Message": json.dumps({"Ssn": VALUE})},
    "with no number, in capital letters": {"Message": UNREAD["no number"].upper()},
    "in a form's name": {"person[ssn]": VALUE, "people[0][SSN]": VALUE, "person.ssn": VALUE},
    "in something of a form's name": {"ssn[0]": VALUE, "ssn[]": VALUE},
    "in a text that was taken for a name": {WHOLE: "", f"<a><ssn>{VALUE}</ssn></a>": ""},
    "in a piece of a text that was taken for a form": {
        '{"next":"https://h/?t': f'abc","ssn":"{VALUE}"}}',
    },
    "with an escape in its value": {"Message": f'{{"tax\\/no": "{VALUE}"}}'},
}


@pytest.mark.parametrize("data", INSIDE.values(), ids=INSIDE)
def test_a_hidden_field_is_hidden_however_its_name_is_written(
    ada: Api, vic: Api, browse: Browse, data: dict[str, str]
) -> None:
    ada.post("/events", {"type": "note.written", "data": data})
    [event] = ada.get("/events").json["items"]
    for path in ("/events", f"/events/{event['id']}"):
        assert VALUE not in shown(vic, browse(VIC), path), path
    assert "•••" in shown(vic, browse(VIC), path), path
    assert VALUE in ada.get(path).text


def test_what_looks_like_json_and_hides_nothing_is_as_it_was(ada: Api, vic: Api) -> None:
    data = {"note": "[see below", "list": "[1,  2]", "set": '{"ref":  1}'}
    ada.post("/events", {"type": "note.written", "data": data})
    [event] = vic.get("/events").json["items"]
    assert event["data"] == data


def test_of_thousands_of_texts_that_look_like_json_few_are_looked_into(ada: Api, vic: Api) -> None:
    """A viewer's list of a hundred such events would take half a minute from everybody."""
    text = '{"path": "C:\\\\"}'
    data = {"lines": [text] * 200, "note": "[see below"}
    ada.post("/events", {"type": "note.written", "data": data})
    [event] = vic.get("/events").json["items"]
    assert event["data"] == {"lines": [text] * 100 + ["•••"] * 100, "note": "[see below"}


def test_a_text_among_other_fields_is_shown(ada: Api, vic: Api) -> None:
    data = {"comment": {"text": "Well done"}, "ssn": VALUE}
    ada.post("/events", {"type": "note.written", "data": data})
    [event] = vic.get("/events").json["items"]
    assert event["data"] == {"comment": {"text": "Well done"}, "ssn": "•••"}


@pytest.mark.parametrize("body", [WHOLE, UNREAD["XML"], "my ssn " + VALUE, f"ssn: a={VALUE}"])
def test_a_viewer_sees_no_hidden_field_of_what_was_sent_as_a_form_and_is_none(
    ada: Api, vic: Api, client: FlaskClient, body: str
) -> None:
    webhook, raw = make(ada, "hmac-sha256-hex"), body.encode()
    headers = {
        "X-Signature": hmac.digest(SECRET.encode(), raw, "sha256").hex(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert knock(client, webhook["inbound_url"], raw, headers).status_code == 200
    assert VALUE in ada.get("/events").text
    assert VALUE not in vic.get("/events").text


@pytest.mark.parametrize(
    "data", [{"Message": WHOLE}, {"text": f"<ssn>{VALUE}</ssn>"}], ids=["JSON", "a text"]
)
def test_a_viewer_does_not_guess_a_text_that_holds_a_hidden_field(
    ada: Api, vic: Api, data: dict[str, str]
) -> None:
    ada.post("/events", {"type": "note.written", "data": data})
    guess = {"filter": {name: [value] for name, value in data.items()}}
    assert ada.post("/webhooks/filter-tests", guess).json["matched"] == 1
    assert vic.post("/webhooks/filter-tests", guess).json["matched"] == 0


def test_a_filter_test_compares_events_outside_of_a_transaction(
    ada: Api, vic: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large events take seconds, and a transaction that waits for so long is ended."""
    ada.post("/events", {"type": "note.written", "data": {"kind": "abc"}})
    refusing, in_transaction = Filter.refusing, []

    def watched(compiled: Filter, keys: Keys) -> str | None:
        in_transaction.append(session().in_transaction())
        return refusing(compiled, keys)

    monkeypatch.setattr(Filter, "refusing", watched)
    tried = vic.post("/webhooks/filter-tests", {"filter": {"kind": ["abc"]}})
    assert (tried.status_code, tried.json["matched"]) == (200, 1)
    assert in_transaction == [False]


@pytest.mark.parametrize("name", ["ssn", "SSN", "person[ssn]"])
def test_a_viewer_does_not_guess_a_hidden_value_with_a_filter(vic: Api, name: str) -> None:
    wanted = {"event_types": ["*"], "filter": {name: [VALUE]}}
    refused = vic.post("/webhooks/filter-tests", wanted)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, f"filter.{name}")
