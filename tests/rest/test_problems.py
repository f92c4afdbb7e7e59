"""Test problem documents: their type, the pages that explain it, and how they name a field."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from portal_devtools.document import built

import portal
from portal.core.errors import PortalError
from portal.rest.problem_codes import CODES
from tests.cast import Api

ROOT = Path(portal.__file__).parent


def kinds(of: type[PortalError] = PortalError) -> Iterator[type[PortalError]]:
    """Yield every error of the portal, also those that no module above has imported yet."""
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


@pytest.fixture(scope="module")
def errors() -> list[type[PortalError]]:
    for module in pkgutil.walk_packages([str(ROOT)], "portal."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            import_module(module.name)
    return [kind for kind in kinds() if kind.__module__.startswith("portal.")]


def test_every_code_is_explained_and_no_other(errors: list[type[PortalError]]) -> None:
    assert {(kind.code, kind.status) for kind in errors} == {
        (one.code, one.status) for one in CODES.values()
    }
    assert {kind.code: kind.title for kind in errors} == {
        one.code: one.title for one in CODES.values()
    }


def test_a_problem_leads_to_the_page_that_explains_it(app: Flask, ada: Api) -> None:
    missing = ada.get("/webhooks/whk_none").json or {}
    base_url = app.extensions["portal"].base_url
    assert missing["type"] == f"{base_url}/problems/not_found"
    page = app.test_client().get(missing["type"].removeprefix(base_url))
    assert page.status_code == 200
    assert "include_deleted=true" in page.text


def test_everybody_reads_the_pages_of_all_codes(app: Flask) -> None:
    visitor = app.test_client()
    index = visitor.get("/problems").text
    for code, one in CODES.items():
        assert f'href="/problems/{code}"' in index
        page = visitor.get(f"/problems/{code}")
        text = re.sub(r"<[^>]+>", "", page.text)
        assert page.status_code == 200
        for heading in ("What happened", "Why", "What to do now", "Example"):
            assert heading in text, code
        assert one.title in page.text.replace("&#39;", "'")
    assert visitor.get("/problems/no_such_code").status_code == 404


# ---------------------------------------------------------------- the field


def problem(api: Api, path: str, body: Any, method: str = "POST") -> dict[str, Any]:
    answer = api.call(method, path, json=body)
    assert answer.status_code in (400, 422), answer.text
    return dict(answer.json or {})


def test_the_detail_says_the_first_field(ada: Api) -> None:
    found = problem(ada, "/applications", {"slug": "a" * 64})
    assert found["detail"] == "slug: Use at most 63 characters."
    found = problem(ada, "/applications", {"slug": "a" * 64, "tags": ["\x07"], "kind": "ap"})
    assert found["detail"].endswith(" And 2 more.")
    assert found["detail"].startswith(f"{found['errors'][0]['field']}: ")
    assert len(found["errors"]) == 3
    assert ada.get("/applications?limit=x").json["detail"] == (  # type: ignore[index]
        "limit: Give a whole number from 1 to 200."
    )
    assert ada.post("/applications").json["detail"] == (  # type: ignore[index]
        "body: Send a JSON object, {} at least."
    )


NEAR = [
    ("/applications", {"displayName": "x"}, "displayName", "display_name"),
    ("/applications", {"slugg": "x"}, "slugg", "slug"),
    ("/applications", {"kind": "platform_service"}, "kind", "platform-service"),
    ("/applications", {"allowed_scopes": ["webhook:read"]}, "allowed_scopes.0", "webhooks:read"),
    ("/webhooks", {"retry_policy": {"maxAttempt": 3}}, "retry_policy.maxAttempt", "maxAttempts"),
    (
        "/webhooks",
        {"retry_policy": {"backoff": "exponental"}},
        "retry_policy.backoff",
        "exponential",
    ),
    ("/connectors", {"provider": "splunkk"}, "provider", "splunk"),
    ("/events", [{"typ": "rfp.created"}], "events.0.typ", "type"),
]


@pytest.mark.parametrize(("path", "body", "field", "meant"), NEAR)
def test_a_near_name_is_offered(ada: Api, path: str, body: Any, field: str, meant: str) -> None:
    said = {error["field"]: error["message"] for error in problem(ada, path, body)["errors"]}
    assert f"Did you mean “{meant}”?" in said[field], said


@pytest.mark.parametrize(
    ("query", "meant"),
    [("limt=1", "limit"), ("sort=create_at", "created_at"), ("status=activ", "active")],
)
def test_a_near_parameter_is_offered(ada: Api, query: str, meant: str) -> None:
    answer = ada.get(f"/applications?{query}")
    assert answer.status_code == 400
    assert f"Did you mean “{meant}”?" in (answer.json or {})["errors"][0]["message"]


@pytest.mark.parametrize("name", ["colour", "x" * 60, "x" * 10_000, "", "\ud800"])
def test_nothing_is_offered_for_what_is_near_to_nothing(ada: Api, name: str) -> None:
    answer = ada.call(
        "POST",
        "/applications",
        data=('{"' + name.replace("\ud800", "é") + '": 1}').encode(),
        content_type="application/json",
    )
    assert answer.status_code == 422
    assert "Did you mean" not in answer.text


ENTRIES = [
    ("/webhooks", {"headers": {"X-Team": "a", "Host": "b"}}, "headers.Host"),
    ("/webhooks", {"tags": ["fine", "bad\ttag"]}, "tags.1"),
    ("/webhooks", {"event_types": ["rfp.*", "no pattern"]}, "event_types.1"),
    ("/webhooks", {"filter": {"status": ["won"], "stage": [{}]}}, "filter.stage"),
    (
        "/webhooks",
        {
            "direction": "inbound",
            "inbound_scheme": "hmac-sha256-hex",
            "inbound_options": {"heade": "X"},
        },
        "inbound_options.heade",
    ),
]


@pytest.mark.parametrize(("path", "body", "field"), ENTRIES)
def test_an_entry_is_named(ada: Api, path: str, body: Any, field: str) -> None:
    assert [error["field"] for error in problem(ada, path, body)["errors"]] == [field]


UNSOUND = [
    ('{"tags": ["a", "b\\u0000"]}', "tags.1"),
    ('{"display_name": "\\u0000"}', "display_name"),
    ('{"\\u0000": 1}', "body"),
    ('{"tags": [9223372036854775808]}', "tags.0"),
    ('{"a": {"b": [1, {"c": 1e999}]}}', "a.b.1.c"),
    ('{"a": -9223372036854775809}', "a"),
    ('{"a": NaN}', "a"),
    ('{"a": [NaN, }', "body"),
    ("9223372036854775808", "body"),
    ('{"a": ' + "9" * 5000 + "}", "a"),
]


@pytest.mark.parametrize(("body", "field"), UNSOUND, ids=[field for _, field in UNSOUND])
def test_what_cannot_be_stored_is_named(ada: Api, body: str, field: str) -> None:
    answer = ada.call("POST", "/applications", data=body, content_type="application/json")
    assert answer.status_code == 400, answer.text
    assert [error["field"] for error in (answer.json or {})["errors"]] == [field]


def test_a_key_in_the_name_of_a_field_is_not_repeated(ada: Api) -> None:
    key = ada.create("api-keys")["key"]
    answer = ada.call(
        "POST",
        "/applications",
        data=f'{{"a": {{"{key}": 9223372036854775808}}}}',
        content_type="application/json",
    )
    assert answer.status_code == 400
    assert (answer.json or {})["errors"][0]["field"] == "a"
    assert key not in answer.text


READ_BY_ID = [
    path for path, item in built()["paths"].items() if "get" in item and path.endswith("/{id}")
]


@pytest.mark.parametrize("path", READ_BY_ID)
def test_a_key_in_the_place_of_an_id_is_not_repeated(ada: Api, path: str) -> None:
    raw = ada.create("api-keys", name="Nightly")["key"]
    answer = ada.get(path.replace("{id}", raw))
    assert answer.status_code == 404
    assert raw not in answer.text
    assert raw[:11] in answer.text


@pytest.mark.parametrize("name", ["limit", "q", "created_after", "include_deleted"])
def test_a_parameter_that_cannot_be_stored_is_named(ada: Api, name: str) -> None:
    answer = ada.get("/webhooks", query_string={name: "a\x00"})
    assert answer.status_code == 400
    assert (answer.json or {})["errors"][0]["field"] == name


# ---------------------------------------------------------------- money


@pytest.mark.parametrize("amount", [1.5, 123456789.123456, 0.000000001, 999999999, 0])
def test_money_is_a_number_that_comes_back_as_it_was_sent(ada: Api, amount: float) -> None:
    made = ada.create("api-keys", kind="virtual_llm", max_budget_usd=amount, budget_period="none")
    assert made["max_budget_usd"] == amount
    assert (ada.get(f"/api-keys/{made['id']}").json or {})["max_budget_usd"] == amount


@pytest.mark.parametrize(
    "amount", ["123456789.1234567", "1.0000000000000002", "12345678.123456781"]
)
def test_money_of_more_digits_than_a_number_keeps_is_named(ada: Api, amount: str) -> None:
    key = ada.create("api-keys")["id"]
    answer = ada.call(
        "POST",
        f"/api-keys/{key}/usage",
        data=f'{{"cost_usd": {amount}}}',
        content_type="application/json",
    )
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in (answer.json or {})["errors"]] == ["cost_usd"]
    assert (ada.get(f"/api-keys/{key}").json or {})["spend_usd"] == 0


def test_a_quoted_value_shows_what_cannot_be_seen_in_it(ada: Api) -> None:
    found = problem(ada, "/applications", {"allowed_scopes": ["\u200b", "it's"]})
    assert [error["message"] for error in found["errors"]] == [
        "There is no scope “\\u200b”.",
        "There is no scope “it's”.",
    ]
    tags = ["a\uffff", "😀'", "a\u00a0b"]
    found = problem(ada, "/webhooks", {"tags": tags, "event_types": ["a\u202eb"]})
    messages = [error["message"] for error in found["errors"]]
    for tag in ("a\\uffff", "😀'", "a\\u00a0b"):
        assert f"The tag “{tag}” has a character that is not allowed." in messages
    assert any(one.startswith("“a\\u202eb” is no pattern") for one in messages)


def test_why_an_event_did_not_match_is_written_as_json(ada: Api) -> None:
    for name, wanted in (("Paid", {"paid": [False]}), ("Word", {"word": ["a"]})):
        body = {"name": name, "url": "https://hooks.example/a", "event_types": ["a.b"]}
        ada.create("webhooks", **body, filter=wanted)
    [event] = ada.post("/events", {"type": "a.b", "data": {"paid": True, "word": "it's"}}).json[
        "events"
    ]
    reasons = {one["reason"] for one in ada.get(f"/events/{event['id']}").json["matches"]}
    assert reasons == {
        "Its filter wants another paid: it is true.",
        "Its filter wants another word: it is “it's”.",
    }
