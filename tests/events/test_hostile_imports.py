"""An import of an OpenAPI document is bounded, whatever its references lead to."""

import tracemalloc
from typing import Any

import pytest

from portal.events.catalogue import openapi_import
from portal.events.jsonschema import Work
from tests.cast import Api

LONG = 60_000
MIB = 1024 * 1024


def body_of(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": content}}}


def imported(ada: Api, webhooks: dict[str, Any], **parts: Any) -> Any:
    document = {"openapi": "3.1.0", **parts, "webhooks": webhooks}
    return ada.post("/event-types/imports", {"document": document, "dry_run": True})


def with_schema(ada: Api, schema: Any, **parts: Any) -> Any:
    return imported(ada, {"a.b": {"post": body_of({"schema": schema})}}, **parts)


def reasons(answer: Any) -> set[str]:
    """Return the reasons why webhooks were skipped; the others have none."""
    assert answer.status_code == 200, answer.text
    return {one["reason"] for one in answer.json["types"]}


def refusal(answer: Any) -> str:
    assert answer.status_code == 422, answer.text
    [error] = answer.json["errors"]
    return f"{error['field']}: {error['message']}"


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the steps of each work that is charged."""
    found: list[int] = []
    spend = Work.spend

    def note(work: Work, steps: int) -> None:
        found.append(steps)
        spend(work, steps)

    monkeypatch.setattr(Work, "spend", note)
    return found


SHARED = {
    "a long text": {"description": "d" * 100_000},
    "a long name": {"properties": {"n" * 100_000: True}},
    "a long list": {"enum": [0] * 50_000},
    "many texts": {"enum": ["a text"] * 1000},
}


@pytest.mark.parametrize("shared", SHARED.values(), ids=SHARED)
def test_a_schema_is_refused_before_it_is_written_out_too_large(
    ada: Api, spent: list[int], shared: dict[str, Any]
) -> None:
    schema = {"anyOf": [{"$ref": "#/x"}] * 800}
    tracemalloc.start()
    try:
        answer = with_schema(ada, schema, x=shared)
        assert tracemalloc.get_traced_memory()[1] < 24 * MIB
    finally:
        tracemalloc.stop()
    assert reasons(answer) == {"With what its schema refers to, it is larger than 64 KiB."}
    assert sum(spent) < openapi_import.STEPS


def test_a_schema_that_leads_back_to_itself_is_refused_before_it_is_too_large(ada: Api) -> None:
    node = {"anyOf": [{"$ref": f"#/{'n' * 9000}"}] * 10}
    answer = with_schema(ada, {"$ref": f"#/{'n' * 9000}"}, **{"n" * 9000: node})
    assert reasons(answer) == {"With what its schema refers to, it is larger than 64 KiB."}


def test_a_schema_just_within_the_limit_is_imported(ada: Api) -> None:
    shared = {"enum": ['"quoted"', "\x01", "ä" * 6000, 1.5, True, None, {}, []]}
    many = 5
    answer = with_schema(ada, {"anyOf": [{"$ref": "#/x"}] * many}, x=shared)
    assert reasons(answer) == {""}


REFERENCES = {
    "of a schema": {"post": body_of({"schema": {"anyOf": [{"$ref": "#/b"}] * 60}})},
    "of a schema to keep": {"post": body_of({"schema": {"$ref": "#/ring"}})},
}


@pytest.mark.parametrize("webhook", REFERENCES.values(), ids=REFERENCES)
def test_a_long_reference_is_charged_for_each_time(
    ada: Api, spent: list[int], webhook: dict[str, Any]
) -> None:
    long = {"$ref": "#/x/" + "%41" * LONG}
    ring = {"anyOf": [{"$ref": "#/b"}] * 60, "not": {"$ref": "#/ring"}}
    answer = imported(ada, {"a.b": webhook}, x={"A" * LONG: True}, b=long, ring=ring)
    assert refusal(answer).startswith("document: Its references lead to more than")
    assert sum(spent) < 2 * openapi_import.STEPS


def test_a_long_reference_to_a_part_of_a_webhook_is_charged_for_each_time(ada: Api) -> None:
    webhooks = {f"a.b{n}": {"post": {"$ref": "#/b"}} for n in range(60)}
    long = {"$ref": "#/x/" + "%41" * LONG}
    answer = imported(ada, webhooks, x={"A" * LONG: {}}, b=long)
    assert refusal(answer).startswith("document: Its references lead to more than")


def test_an_example_that_many_share_is_charged_for_each_time(ada: Api, spent: list[int]) -> None:
    shared = {"post": body_of({"example": {"k": "a" * 64_000}})}
    webhooks = {f"a.b{n}": {"$ref": "#/x"} for n in range(120)}
    assert refusal(imported(ada, webhooks, x=shared)).startswith("document: ")
    assert sum(spent) < 2 * openapi_import.STEPS


def test_a_large_example_is_refused_before_it_is_used(ada: Api, spent: list[int]) -> None:
    content = {"schema": {"items": {}}, "example": {"k": [{"a": "b"}] * 60_000}}
    webhooks = {f"a.b{n}": {"$ref": "#/x"} for n in range(9)}
    answer = imported(ada, webhooks, x={"post": body_of(content)})
    assert reasons(answer) == {"Its example is too large: at most 64 KiB."}
    assert sum(spent) < 10_000


@pytest.mark.parametrize("field", ["summary", "description"])
@pytest.mark.parametrize("value", [[0] * 9, {"a": 1}, 5, True], ids=str)
def test_a_title_that_is_no_text_is_refused(ada: Api, field: str, value: Any) -> None:
    answer = imported(ada, {"a.b": {"post": {field: value}}})
    assert reasons(answer) == {f"{field} must be a text."}


def test_a_long_title_is_cut(ada: Api) -> None:
    operation = {"summary": "s" * LONG, "description": "d" * LONG}
    document = {"openapi": "3.1.0", "webhooks": {"a.b": {"post": operation}}}
    assert ada.post("/event-types/imports", {"document": document}).status_code == 200
    [made] = ada.get("/event-types").json["items"]
    assert (made["display_name"], made["description"]) == ("s" * 200, "d" * 4000)
