"""Test that no answer repeats an API key that somebody sent in a wrong place."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.keys.decision.format import generate
from tests.cast import ADA, PREFIX, Api
from tests.delivery.test_console import Browse

KEY = generate("acme", "service").text
PARTS = [KEY[start : start + 16] for start in range(len(KEY) - 15)]
BEFORE = ("", "Bearer ", "Authorization: Bearer ", "https://portal.example/keys/", "x" * 185)
WITH_BODY = ("POST", "PATCH", "PUT")


def repeats(answer: TestResponse) -> bool:
    """Tell whether an answer shows 16 characters of the key, in its body or in a header."""
    shown = f"{answer.text}{answer.headers}"
    return any(part in shown for part in PARTS)


def paths(app: Flask, method: str, *, with_id: bool) -> Iterator[str]:
    """Yield the path of every route with this method; `{}` stands for an id."""
    for rule in app.url_map.iter_rules():
        takes_it = method in (rule.methods or ()) and rule.endpoint != "static"
        if takes_it and bool(rule.arguments) == with_id:
            yield re.sub("<[^>]+>", "{}", rule.rule)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("method", ["GET", "DELETE", *WITH_BODY])
def test_no_operation_repeats_a_key_in_the_place_of_an_id(
    app: Flask, ada: Api, method: str, before: str
) -> None:
    found = []
    for path in paths(app, method, with_id=True):
        if path.startswith(PREFIX):
            given = path.removeprefix(PREFIX).replace("{}", quote(before + KEY, safe=""))
            answer = ada.call(method, given, json={} if method in WITH_BODY else None)
            if repeats(answer):
                found.append((path, answer.status_code))
    assert found == []


@pytest.mark.parametrize("before", BEFORE)
def test_no_page_repeats_a_key_in_the_place_of_an_id(
    app: Flask, browse: Browse, before: str
) -> None:
    pages, found = browse(ADA), []
    for path in paths(app, "GET", with_id=True):
        if not path.startswith(PREFIX):
            answer = pages.get(path.replace("{}", quote(before + KEY, safe="")))
            if answer.status_code == 404 and repeats(answer):
                found.append(path)
    assert found == []


@pytest.mark.parametrize("method", WITH_BODY)
def test_no_operation_repeats_a_key_as_the_name_of_a_field(
    app: Flask, ada: Api, method: str
) -> None:
    found = []
    for path in paths(app, method, with_id=False):
        if path.startswith(PREFIX):
            given = path.removeprefix(PREFIX)
            for before in BEFORE:
                body = {before + KEY: 1}
                sent = (body, {"items": [body]}, {"filter": body}, [body])
                found += [
                    (path, before, number)
                    for number, one in enumerate(sent)
                    if repeats(ada.call(method, given, json=one))
                ]
    assert found == []


def test_no_list_repeats_a_key_as_a_parameter(app: Flask, ada: Api) -> None:
    found = []
    for path in paths(app, "GET", with_id=False):
        if path.startswith(PREFIX):
            for before in BEFORE:
                answer = ada.get(path.removeprefix(PREFIX), query_string={before + KEY: "1"})
                if repeats(answer):
                    found.append((path, before))
    assert found == []


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/events", "type_not"),
        ("/events", "subject_not"),
        ("/deliveries", "webhook_id_not"),
        ("/connectors", "tag_not"),
        ("/audit", "record_id_not"),
    ],
)
def test_the_address_of_the_next_page_repeats_no_key_and_leads_there(
    ada: Api, path: str, parameter: str
) -> None:
    for name in ("One", "Two"):
        ada.create("connectors", name=name)
        ada.create("webhooks", name=name, event_types=["*"], url="https://x.example/")
    published = [{"type": "rfp.created", "subject": name, "data": {}} for name in ("a", "b")]
    assert ada.post("/events", published).status_code == 202
    first = ada.get(path, query_string={"limit": "1", parameter: f"Bearer {KEY}"})
    assert (first.status_code, repeats(first)) == (200, False)
    onward = first.headers["Link"].partition(">")[0].removeprefix(f"<{PREFIX}")
    second = ada.get(onward)
    ids = [one["id"] for answer in (first, second) for one in (answer.json or {})["items"]]
    assert len(set(ids)) == 2
