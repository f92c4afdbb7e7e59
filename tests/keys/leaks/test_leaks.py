"""Leaked keys: reports of GitHub and of scanners, the tenant's policy, and the events."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import unescape
from threading import Event
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jsonschema import Draft202012Validator

from portal import create_app
from portal.core.config import Config
from portal.database.session import db
from portal.events.catalogue.portal_types import PORTAL_TYPES
from portal.keys.service import to_stop
from tests.cast import ADA, GUS, PREFIX, VIC, Api, Pages
from tests.identity.serving import served

PLACE = "https://github.com/octocat/hello/blob/12345600/config.py"
TO_STOP = "portal.keys.service.to_stop"
Report = Callable[..., requests.Response]
Browse = Callable[..., Pages]


@dataclass
class GitHub:
    """Publish a public key, and sign with the private one, as GitHub does."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    asked: int = 0
    is_away: bool = False

    def app(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.asked += 1
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        published = {"key_identifier": "one", "key": pem.decode(), "is_current": True}
        start("503 Away" if self.is_away else "200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"public_keys": [published]}).encode()]

    def signature(self, body: bytes) -> str:
        return base64.b64encode(self.key.sign(body, ec.ECDSA(SHA256()))).decode()


@pytest.fixture
def github() -> GitHub:
    return GitHub()


@pytest.fixture
def report(
    github: GitHub, make_config: Callable[..., Config], tenants: tuple[str, str]
) -> Iterator[Report]:
    """Yield `report(match, …)`, which sends finds to a portal over HTTP, as GitHub does."""
    with served(lambda _: github.app) as address:
        app = create_app(make_config(PORTAL_GITHUB_KEYS_URL=f"{address}/meta/public_keys"))
        app.testing = True
        with served(lambda _: app) as portal:

            def post(*matches: Any, **headers: str) -> requests.Response:
                body = json.dumps(matches).encode()
                signed = {
                    "Content-Type": "application/json",
                    "Github-Public-Key-Identifier": "one",
                    "Github-Public-Key-Signature": github.signature(body),
                }
                path = f"{portal}{PREFIX}/secret-scanning/github"
                return requests.post(path, body, headers=signed | headers, timeout=20)

            yield post
        app.extensions["keys"].end()
        with app.app_context():
            db.engine.dispose()


def match(raw: str, url: str = PLACE) -> dict[str, str]:
    return {"token": raw, "type": "cpod_api_key", "url": url, "source": "Commit"}


def labels(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["label"] for one in answer.json()]


def code(ada: Api, issued: dict[str, Any]) -> str:
    verdict: Any = ada.post("/api-keys/verify", {"key": issued["key"]}).json
    return str(verdict["code"])


def decide(page: Pages, **cases: str) -> None:
    assert page.post("/keys/leaks/policy", {"default": "block"} | cases).status_code == 303


def told(ada: Api) -> list[dict[str, Any]]:
    """Return the data of the leak events in the tenant's event stream."""
    return list((ada.get("/events?type=api_key.leaked").json or {})["items"])


def reports(ada: Api, issued: dict[str, Any]) -> int:
    """Return how many reports of a leak are in the history of a key."""
    entries = (ada.get(f"/api-keys/{issued['id']}/history").json or {})["items"]
    return [entry["action"] for entry in entries].count("key.reported_a_leak_of")


def warns(text: str) -> bool:
    """Tell whether a page says of a key that it was found in public, not that none was."""
    return "found in public" in text.lower().replace("no key was found in public", "")


# ---------------------------------------------------------------- GitHub


def test_a_key_that_github_found_is_blocked_and_everybody_is_told(
    report: Report, ada: Api, browse: Browse
):
    ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["api_key.*"])
    issued = ada.create("api-keys", name="Nightly export")
    page = browse(ADA)
    answer = report(match(issued["key"]))
    assert labels(answer) == ["true_positive"]
    [said] = answer.json()
    assert (said["token_hash"], said["token_type"]) == (issued["key_hash"], "cpod_api_key")
    assert issued["key"] not in answer.text
    assert code(ada, issued) == "BLOCKED"
    [event] = told(ada)
    Draft202012Validator(PORTAL_TYPES["api_key.leaked"].json_schema).validate(event["data"])
    assert event["data"].items() >= {"id": issued["id"], "url": PLACE, "response": "block"}.items()
    for path in (f"/keys/{issued['id']}", f"/keys/{issued['id']}/history", "/keys/leaks/reported"):
        assert PLACE in page.get(path).text, path
    assert "This key was found in public. Rotate or revoke it." in page.get("/notices").text
    assert "Found in public" in page.get("/").text
    assert page.post(f"/keys/{issued['id']}/leaks/settle").status_code == 303
    for path in ("/", "/notices"):
        assert not warns(page.get(path).text), path
    assert 'id="leaked"' not in page.get(f"/keys/{issued['id']}").text


@pytest.mark.parametrize(
    ("cases", "verdict"),
    [
        ({"default": "notify"}, "VALID"),
        ({"github": "revoke"}, "REVOKED"),
        ({"github": "notify"}, "VALID"),
        ({"github": "notify", "service": "revoke"}, "REVOKED"),
        ({"default": "notify", "scanner": "revoke", "user": "revoke"}, "VALID"),
    ],
    ids=str,
)
def test_the_tenants_policy_is_obeyed(
    report: Report, ada: Api, browse: Browse, cases: dict[str, str], verdict: str
):
    issued = ada.create("api-keys")
    decide(browse(ADA), **cases)
    assert labels(report(match(issued["key"]))) == ["true_positive"]
    assert code(ada, issued) == verdict


def test_the_same_place_told_again_undoes_nothing_that_a_person_decided(
    report: Report, ada: Api, browse: Browse
):
    issued, page = ada.create("api-keys"), browse(ADA)
    report(match(issued["key"]))
    page.post(f"/keys/{issued['id']}/leaks/settle")
    page.post(f"/keys/{issued['id']}/unblock")
    assert labels(report(match(issued["key"]))) == ["true_positive"]
    assert code(ada, issued) == "VALID"
    assert not warns(page.get("/").text)
    report(match(issued["key"], "https://github.com/octocat/another"))
    assert code(ada, issued) == "BLOCKED"


@pytest.mark.parametrize("odd", [None, "", "http\x00s://\x1b[1m"], ids=["null", "empty", "NUL"])
def test_nothing_that_a_report_says_of_the_place_keeps_a_key_alive(
    report: Report, ada: Api, odd: str | None
):
    issued, another = ada.create("api-keys"), ada.create("api-keys")
    strange: Any = match(issued["key"]) | {"url": odd, "source": odd, "type": odd}
    answer = report(strange, match(another["key"]))
    assert labels(answer) == ["true_positive", "true_positive"]
    assert [code(ada, one) for one in (issued, another)] == ["BLOCKED", "BLOCKED"]


def test_a_leak_is_its_own_tenants_business(report: Report, ada: Api, gus: Api, browse: Browse):
    ours, theirs = ada.create("api-keys"), gus.create("api-keys")
    stranger = ours["key"][:-1] + ("0" if ours["key"][-1] != "0" else "1")
    answer = report(match(stranger), match(theirs["key"]), match("some_token", ""))
    assert labels(answer) == ["false_positive", "true_positive", "false_positive"]
    assert (code(ada, ours), code(gus, theirs)) == ("VALID", "BLOCKED")
    assert "No leak was reported" in browse(ADA).get("/keys/leaks/reported").text
    assert theirs["id"] in browse(GUS).get("/keys/leaks/reported").text


def test_a_report_that_github_did_not_sign_is_refused_and_always_in_the_same_words(
    report: Report, github: GitHub, ada: Api
):
    issued = ada.create("api-keys")
    forgeries = [
        {"Github-Public-Key-Signature": github.signature(b"[]")},
        {"Github-Public-Key-Signature": "bm8gc2lnbmF0dXJl"},
        {"Github-Public-Key-Signature": "?"},
        {"Github-Public-Key-Signature": ""},
        {"Github-Public-Key-Identifier": "another"},
        {"Github-Public-Key-Identifier": ""},
    ]
    answers = [report(match(issued["key"]), **headers) for headers in forgeries]
    answers.append(report(match("nothing of ours"), **forgeries[0]))
    assert {answer.status_code for answer in answers} == {401}
    said = [{k: v for k, v in one.json().items() if k != "request_id"} for one in answers]
    assert said == [said[0]] * len(said)
    assert code(ada, issued) == "VALID"


def test_strangers_cannot_make_us_ask_github_for_its_keys_again_and_again(
    report: Report, github: GitHub
):
    for number in range(5):
        answer = report(match("some_token"), **{"Github-Public-Key-Identifier": f"other-{number}"})
        assert answer.status_code == 401
    assert labels(report(match("some_token"))) == ["false_positive"]
    assert github.asked == 1


def test_while_githubs_keys_are_unknown_a_report_is_to_come_again(
    report: Report, github: GitHub, ada: Api
):
    issued = ada.create("api-keys")
    github.is_away = True
    assert report(match(issued["key"])).status_code == 503
    assert code(ada, issued) == "VALID"


@pytest.mark.parametrize("body", [[1], [{"token": 1, "type": "x"}], [{"url": "x"}]], ids=str)
def test_what_is_no_list_of_matches_is_refused(report: Report, body: list[Any]):
    assert report(*body).status_code == 400


def test_a_key_in_the_address_of_the_place_is_not_kept(report: Report, ada: Api, browse: Browse):
    issued = ada.create("api-keys")
    report(match(issued["key"], f"{PLACE}?key={issued['key']}"))
    shown = browse(ADA).get(f"/keys/{issued['id']}").text
    assert f"{PLACE}?key=…" in shown
    history = ada.get(f"/api-keys/{issued['id']}/history").text
    for text in (shown, history):
        assert issued["key"][12:40] not in text


# ---------------------------------------------------------------- the tenant's own scanner


def test_a_scanner_reports_by_fingerprint_and_needs_no_more_than_to_verify(
    app: Any, ada: Api, gus: Api, browse: Browse
):
    issued, theirs = ada.create("api-keys"), gus.create("api-keys")
    decide(browse(ADA), scanner="revoke")
    scanner = Api(app.test_client(), ada.create("api-keys", scopes=["keys:verify"])["key"])
    found = {"fingerprint": issued["key_fingerprint"], "url": "https://git.acme.example/a"}
    assert scanner.post("/api-keys/leaks", found).json == {
        "key_id": issued["id"],
        "response": "revoke",
    }
    assert code(ada, issued) == "REVOKED"
    for unknown in (theirs["key_fingerprint"], "0" * 64):
        answer = scanner.post("/api-keys/leaks", {"fingerprint": unknown})
        assert (answer.status_code, answer.json) == (200, {"key_id": None, "response": None})
    assert code(gus, theirs) == "VALID"


@pytest.mark.parametrize("response", ["notify", "block", "revoke"])
def test_a_scanner_of_one_application_reports_a_key_of_another(
    app: Any, ada: Api, gus: Api, browse: Browse, response: str
):
    """It finds a key in public, and cannot know whose it is."""
    one, two = (ada.create("applications", display_name=name)["id"] for name in ("One", "Two"))
    issued = ada.create("api-keys", application_id=two)
    scanner = Api(
        app.test_client(),
        ada.create(
            "api-keys", application_id=one, scopes=["keys:verify", "keys:read", "events:read"]
        )["key"],
    )
    ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["api_key.*"])
    decide(browse(ADA), scanner=response)
    found = {"fingerprint": issued["key_fingerprint"], "url": "https://git.acme.example/a"}
    expected = {"key_id": issued["id"], "response": response}
    assert scanner.post("/api-keys/leaks", found).json == expected
    codes = {"notify": "VALID", "block": "BLOCKED", "revoke": "REVOKED"}
    assert code(ada, issued) == codes[response]
    assert reports(ada, issued) == 1
    assert [event["data"]["id"] for event in told(ada)] == [issued["id"]]
    assert "found in public" in browse(ADA).get(f"/keys/{issued['id']}").text
    # It still sees nothing of the other application.
    assert scanner.get(f"/api-keys/{issued['id']}").status_code == 404
    assert scanner.get("/api-keys/leaks").json["items"] == told(scanner) == []
    theirs = gus.create("api-keys")
    answer = scanner.post("/api-keys/leaks", {"fingerprint": theirs["key_fingerprint"]})
    assert answer.json == {"key_id": None, "response": None}


def test_a_key_that_leaks_again_is_blocked_again(ada: Api):
    """A scanner that names no place cannot tell a new leak from one that was settled."""
    issued = ada.create("api-keys")
    path, found = f"/api-keys/{issued['id']}", {"fingerprint": issued["key_fingerprint"]}
    for _ in range(2):
        assert (ada.post("/api-keys/leaks", found).json or {})["response"] == "block"
        assert code(ada, issued) == "BLOCKED"
        [leak] = (ada.get("/api-keys/leaks").json or {})["items"]
        assert leak["settled_at"] is None
        assert (ada.post(f"{path}/leak-settlements").json or {})["leaks"] == 1
        assert ada.post(f"{path}/unblock").status_code == 200
    assert reports(ada, issued) == 2


def test_a_place_that_was_reported_before_is_answered_with_what_holds_now(ada: Api):
    issued = ada.create("api-keys")
    path = f"/api-keys/{issued['id']}"
    found = {"fingerprint": issued["key_fingerprint"], "url": "https://git.acme.example/a"}
    acts = (
        ("", "block"),
        ("leak-settlements", "block"),
        ("unblock", "notify"),
        ("block", "block"),
    )
    for act, holds in acts:
        if act:
            assert ada.post(f"{path}/{act}").status_code == 200
        assert (ada.post("/api-keys/leaks", found).json or {})["response"] == holds
    ada.post(f"{path}/revoke")
    assert (ada.post("/api-keys/leaks", found).json or {})["response"] == "revoke"
    assert reports(ada, issued) == 1, "the same place is one leak"


def test_a_key_with_an_open_leak_is_not_unblocked(ada: Api, browse: Browse):
    issued, page = ada.create("api-keys"), browse(ADA)
    path = f"/api-keys/{issued['id']}"
    ada.post("/api-keys/leaks", {"fingerprint": issued["key_fingerprint"]})
    refused = ada.post(f"{path}/unblock")
    assert (refused.status_code, code(ada, issued)) == (409, "BLOCKED")
    assert "mark the leak as dealt with first" in (refused.json or {})["detail"]
    unblock = f'action="/keys/{issued["id"]}/unblock"'
    text = page.get(f"/keys/{issued['id']}").text
    assert unblock not in text
    assert "It cannot be unblocked before this is dealt with." in text
    shown = page.post(f"/keys/{issued['id']}/unblock")
    assert (shown.status_code, code(ada, issued)) == (409, "BLOCKED")
    assert "mark the leak as dealt with first" in shown.text
    ada.post(f"{path}/leak-settlements")
    assert unblock in page.get(f"/keys/{issued['id']}").text
    assert ada.post(f"{path}/unblock").status_code == 200
    assert code(ada, issued) == "VALID"


def test_a_leak_changes_a_key_that_is_blocked_already(ada: Api):
    """A decision to unblock it that is older than the report did not know of the leak."""
    issued = ada.create("api-keys")
    path, place = f"/api-keys/{issued['id']}", "https://git.acme.example/a"
    ada.post(f"{path}/block", {"reason": "Invoice not paid"})
    seen = (ada.get(path).json or {})["version"]
    found = {"fingerprint": issued["key_fingerprint"], "url": place}
    assert (ada.post("/api-keys/leaks", found).json or {})["response"] == "block"
    reason = (ada.get(path).json or {})["blocked_reason"]
    assert reason == f"Found in public: {place}. Before: Invoice not paid"
    ada.post(f"{path}/leak-settlements")
    late = ada.post(f"{path}/unblock", headers={"If-Match": f'"{seen}"'})
    assert (late.status_code, code(ada, issued)) == (412, "BLOCKED")


def test_where_a_leak_was_found_is_an_address_on_the_web(ada: Api):
    found = {"fingerprint": "0" * 64, "url": "javascript:alert(1)"}
    [error] = ada.post("/api-keys/leaks", found).json["errors"]
    said = "Give an address that begins with https:// or http://."
    assert error == {"field": "url", "message": said}


def test_a_viewer_sees_the_policy_and_changes_nothing(browse: Browse):
    vic = browse(VIC)
    assert "An admin can change this." in vic.get("/keys/leaks/reported").text
    assert vic.post("/keys/leaks/policy", {"default": "revoke"}).status_code == 403


def test_the_policy_is_shown_as_it_was_decided_and_noted(ada: Api, browse: Browse):
    page = browse(ADA)
    decide(page, default="notify", github="revoke")
    shown = page.get("/keys/leaks/reported").text
    assert shown.count(" selected>") == 2
    assert '<option value="revoke" selected>' in shown
    assert "updated the leak policy" in page.get("/audit").text
    assert page.post("/keys/leaks/policy", {"default": "explode"}).status_code == 422


def test_an_older_page_takes_nothing_back_that_somebody_else_decided(page: Pages, ada: Api):
    def shown() -> dict[str, str]:
        text = page.get("/keys/leaks/reported").text
        return dict(re.findall(r'name="(seen-\w+)" value="(\w*)"', text))

    def choose(seen: dict[str, str], **chosen: str) -> int:
        kept = {name.removeprefix("seen-"): response for name, response in seen.items()}
        return page.post("/keys/leaks/policy", {**seen, **kept, **chosen}).status_code

    older = shown()
    assert choose(older, github="revoke") == 303
    assert choose(older, user="revoke") == 303
    policy = {"github": "revoke", "user": "revoke"}
    assert {name: ada.get("/api-keys/leak-policy").json[name] for name in policy} == policy
    assert choose(older, github="notify") == 409, "both chose for one case"
    assert ada.get("/api-keys/leak-policy").json["github"] == "revoke"


def test_a_leak_that_was_reported_after_the_page_was_read_stays_open(ada: Api, page: Pages) -> None:
    ada.patch("/api-keys/leak-policy", {"default": "notify"})
    key = ada.create("api-keys")
    told = {"fingerprint": key["key_hash"]}
    ada.post("/api-keys/leaks", {**told, "url": "https://a.example/1"})
    action = settling(page, key)
    ada.post("/api-keys/leaks", {**told, "url": "https://b.example/2"})
    assert page.post(action).status_code == 303
    assert open_places(ada) == ["https://b.example/2"]


def test_a_leak_that_was_reported_first_but_noted_after_the_page_was_read_stays_open(
    ada: Api, api: Callable[[str], Api], page: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.patch("/api-keys/leak-policy", {"default": "notify"})
    key = ada.create("api-keys")
    told = {"fingerprint": key["key_hash"]}
    begun, go_on = Event(), Event()

    def slow(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(TO_STOP, to_stop)
        begun.set()
        assert go_on.wait(20)
        return to_stop(*given, **more)

    monkeypatch.setattr(TO_STOP, slow)
    with ThreadPoolExecutor(1) as pool:
        other = api(ADA)
        late = pool.submit(other.post, "/api-keys/leaks", {**told, "url": "https://a.example/1"})
        try:
            assert begun.wait(20)
            ada.post("/api-keys/leaks", {**told, "url": "https://b.example/2"})
            action = settling(page, key)
        finally:
            go_on.set()
        assert late.result().status_code == 200, late.result().text
    assert page.post(action).status_code == 303
    assert open_places(ada) == ["https://a.example/1"]


def settling(page: Pages, key: dict[str, Any]) -> str:
    """Return where the button of the key's page that settles its leaks leads."""
    text = page.get(f"/keys/{key['id']}").text
    [action] = re.findall(r'action="([^"]+/leaks/settle[^"]*)"', text)
    return unescape(action)


def open_places(ada: Api) -> list[str]:
    """Return the places of the leaks that nobody has settled."""
    items = ada.get("/api-keys/leaks").json["items"]
    return [one["url"] for one in items if one["settled_at"] is None]
