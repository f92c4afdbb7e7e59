"""Test that the published document is complete, and how it is served."""

import gzip
import time
from typing import Any

from flask import Flask

from portal.features import surface
from portal.rest.document.build import document
from tests.cast import PREFIX


def test_all_that_a_program_can_call_is_in_the_document(app: Flask) -> None:
    document = app.test_client().get(f"{PREFIX}/openapi.json").json or {}
    described = {
        (method.upper(), path if "servers" in item else PREFIX + path)
        for path, item in document["paths"].items()
        for method in item.keys() - {"servers"}
    }
    routed = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith((PREFIX, "/oauth/", "/.well-known/"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routed - described == {("GET", f"{PREFIX}/openapi.json")}
    assert described - routed == set()


def test_the_document_is_made_once_and_kept_by_who_has_it(app: Flask) -> None:
    visitor = app.test_client()
    path = f"{PREFIX}/openapi.json"
    first = visitor.get(path)
    assert first.headers["Cache-Control"] == "public, max-age=300"
    begun = time.thread_time()
    document(surface("http://localhost", "http://provider"))
    making = time.thread_time() - begun
    begun = time.thread_time()
    for number in range(10):
        assert visitor.get(path, headers={"Host": f"localhost:{number + 1}"}).data == first.data
    assert time.thread_time() - begun < 3 * making, "ten answers, whoever is asked for"
    zipped = visitor.get(path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(zipped.data) == first.data
    for answer in (first, zipped):
        known = {"Accept-Encoding": "gzip"} if answer is zipped else {}
        same = visitor.get(path, headers=known | {"If-None-Match": answer.headers["ETag"]})
        assert (same.status_code, same.data) == (304, b"")
    assert first.headers["ETag"] != zipped.headers["ETag"]


def test_the_document_says_where_people_reach_the_portal(app: Flask) -> None:
    asked = app.test_client().get(f"{PREFIX}/openapi.json", headers={"Host": "127.0.0.1:99"})
    base_url = app.extensions["portal"].base_url
    assert (asked.json or {})["servers"] == [
        {"url": base_url + PREFIX, "description": "This portal."}
    ]


def test_every_request_and_every_answer_has_an_example(app: Flask) -> None:
    document = app.test_client().get(f"{PREFIX}/openapi.json").json or {}
    bare = [
        (operation["operationId"], what)
        for item in document["paths"].values()
        for operation in item.values()
        if "operationId" in operation
        for what, contents in told(operation).items()
        if contents and not any("example" in content for content in contents)
    ]
    assert bare == [], "record them: tests/rest/examples/test_examples.py says how"


def told(operation: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return what an operation takes, and what it answers if it does what was asked."""
    sent = operation.get("requestBody", {}).get("content", {})
    answers = (one for status, one in operation["responses"].items() if status.startswith("2"))
    answered = [content for one in answers for content in one.get("content", {}).values()]
    return {"request": list(sent.values()), "answer": answered}
