"""Schemas that would take endless work are refused with a reason, or stopped during evaluation."""

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

from tests.cast import ADA, Api, Pages
from tests.databases import Database
from tests.spent import spends_at_most

Browse = Callable[[str], Pages]


def described(ada: Api, schema: Any, **more: Any) -> Any:
    body = {"name": "rfp.created", "json_schema": schema, "validation": "reject", **more}
    return ada.post("/event-types", body)


def published(ada: Api, data: Any) -> Any:
    return ada.post("/events", {"type": "rfp.created", "data": data})


def seconds_of_publishing(ada: Api, event: Any) -> float:
    with spends_at_most():
        begun = time.thread_time()
        assert ada.post("/events", event).status_code == 202
        return time.thread_time() - begun


def why(answer: Any) -> str:
    """Return the only error of a refusal as `field: message`."""
    assert answer.status_code == 422, answer.text
    [error] = answer.json["errors"]
    return f"{error['field']}: {error['message']}"


def chained(keyword: str, levels: int, last: dict[str, Any], times: int = 1) -> dict[str, Any]:
    """Return a schema whose levels refer to the next."""
    each = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * times} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**each, f"d{levels}": last}}


def doubling(keyword: str, levels: int) -> dict[str, Any]:
    """Return a schema whose last level is evaluated 2**levels times."""
    return chained(keyword, levels, {"type": "object"}, times=2)


MISSHAPEN = {
    "no type": ({"type": "nothing"}, "type must be one or more of"),
    "a type that is no text": ({"type": [["string"]]}, "type must be a list of texts"),
    "a negative length": ({"properties": {"a": {"minLength": -1}}}, "properties.a.minLength"),
    "a reference to nowhere": (
        {"properties": {"a": {"$ref": "#/$defs/b"}}},
        "properties.a.$ref leads nowhere",
    ),
    "an anchor that is not there": ({"$ref": "#b"}, "$ref leads nowhere"),
    "a reference to itself": ({"$ref": "#"}, "leads back to itself"),
    "references in a ring": (
        {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}},
        },
        "leads back to itself",
    ),
    "a reference elsewhere": ({"$ref": "https://elsewhere.example/s"}, "#/$defs/…"),
    "a long chain of references": (doubling("allOf", 40), "in a row"),
    "a pattern that looks ahead": (
        {"properties": {"code": {"pattern": "^(?=a)b"}}},
        "properties.code.pattern is not supported",
    ),
    "a pattern that refers back": (
        {"patternProperties": {r"^(a)\1$": {}}},
        "patternProperties.^(a)\\1$ is not supported",
    ),
    "a pattern that is none": ({"pattern": "("}, "pattern is not supported"),
    "a pattern that grows": ({"pattern": r"(?:\pL{1,1000}){100}"}, "pattern is not supported"),
    "too many patterns": ({"allOf": [{"pattern": f"a{n}"} for n in range(101)]}, "pattern"),
    "too many schemas": ({"allOf": [{}] * 6000}, "more than 5000"),
    "thousands of classes of characters": (
        {"pattern": r"[\pL\pN\PL]" * 4000},
        "Reading this schema takes too much work",
    ),
    "thousands of references": (
        {"$defs": {"a": {}}, "allOf": [{"$ref": "#/$defs/a"}] * 2500},
        "Reading this schema takes too much work",
    ),
    "too large": ({"description": "x" * 70_000}, "at most 64 KiB"),
}


@pytest.mark.parametrize(("schema", "reason"), MISSHAPEN.values(), ids=MISSHAPEN)
def test_a_schema_is_refused_with_the_place_and_the_reason(
    ada: Api, schema: Any, reason: str
) -> None:
    with spends_at_most():
        refusal = why(described(ada, schema))
    assert refusal.startswith("json_schema: ")
    assert reason in refusal


FAST = {
    "a pattern that backtracks": ({"a": {"pattern": "^(a+)+$"}}, {"a": "a" * 60_000 + "!"}),
    "names against such a pattern": (
        {"a": {"patternProperties": {"^(x+x+)+y$": {}}, "additionalProperties": False}},
        {"a": {"x" * 30_000: 1}},
    ),
    "thousands of items that must differ": (
        {"a": {"uniqueItems": True, "maxItems": 9}},
        {"a": [{"k": n} for n in range(6000)]},
    ),
    "tiny fractions of huge numbers": (
        {"a": {"items": {"multipleOf": 3e-300}}},
        {"a": [9e307] * 9000 + [1e307]},
    ),
}


@pytest.mark.parametrize(("properties", "data"), FAST.values(), ids=FAST)
def test_what_others_take_minutes_for_is_judged_at_once(
    ada: Api, properties: Any, data: Any
) -> None:
    assert described(ada, {"properties": properties}).status_code == 201
    with spends_at_most():
        refusal = why(published(ada, data))
    assert refusal.startswith("data.a")
    assert "too much work" not in refusal


ENDLESS = {
    "references that double": (doubling("allOf", 20), {}),
    "alternatives that double": (doubling("oneOf", 20), {"a": 1}),
    "lists within lists": (
        {
            "$defs": {"n": {"allOf": [{"items": {"$ref": "#/$defs/n"}}] * 2}},
            "properties": {"a": {"$ref": "#/$defs/n"}},
        },
        {"a": json.loads("[" * 28 + "]" * 28)},
    ),
    "thousands of schemas for thousands of names": (
        {"allOf": [{"propertyNames": {}}] * 1500},
        {f"k{n}": 1 for n in range(5000)},
    ),
    "a hundred patterns for thousands of names": (
        {"patternProperties": {f"^(a|b{n})+$": {} for n in range(90)}},
        {f"ab{n}": 1 for n in range(6000)},
    ),
    "a pattern that RE2 has to walk through": (
        {"properties": {"a": {"pattern": "(?:[a-z]{1,100}){10}x"}}},
        {"a": "ab" * 30_000},
    ),
    "large lists that must differ, again and again": (
        {"properties": {"a": {"allOf": [{"uniqueItems": True}] * 2000}}},
        {"a": [{"k": n} for n in range(5000)]},
    ),
    "a choice of thousands for thousands": (
        {"properties": {"a": {"items": {"allOf": [{"enum": [[1] * 9]}] * 500}}}},
        {"a": [[1] * 9] * 3000},
    ),
    "members that each of many levels notes": (
        {
            **chained("anyOf", 15, {"additionalProperties": True}),
            "allOf": [{"$ref": "#/$defs/d0", "unevaluatedProperties": False}] * 3,
        },
        {f"k{n}": 1 for n in range(6000)},
    ),
}


@pytest.mark.parametrize(("schema", "data"), ENDLESS.values(), ids=ENDLESS)
def test_what_takes_too_much_work_is_cut_off_and_refused(ada: Api, schema: Any, data: Any) -> None:
    assert described(ada, schema).status_code == 201
    with spends_at_most():
        refusal = why(published(ada, data))
    assert refusal.startswith("data: ")
    assert "too much work" in refusal
    assert why(described(ada, schema, name="rfp.other", example=data)).startswith("example: ")


def test_one_request_uses_no_more_schemas_than_it_may_read(ada: Api) -> None:
    names = [f"rfp.n{n}" for n in range(4)]
    for name in names:
        schema = {"title": name, "allOf": [{"multipleOf": 5e-324}] * 2000}
        assert described(ada, schema, name=name).status_code == 201
    events = [{"type": name, "data": {}} for name in names]
    for _ in range(2):
        assert ada.post("/events", events[:2]).status_code == 202
        with spends_at_most():
            refusal = why(ada.post("/events", events))
        assert refusal.startswith("events: ")
        assert "too much work" in refusal


def test_publishing_takes_as_long_however_deep_its_schema_is(ada: Api) -> None:
    loop, taken = {"properties": {"a": {"items": {}}}}, []
    for depth in range(45):
        last = loop
        for _ in range(depth % 3):
            last = {"allOf": [last]}
        name = f"rfp.n{depth}"
        schema = chained("anyOf", depth // 3, last)
        assert described(ada, schema, name=name).status_code == 201
        event = {"type": name, "data": {"a": [1] * 9000}}
        taken.append(min(seconds_of_publishing(ada, event) for _ in range(2)))
    assert max(taken) < 3 * median(taken)


def test_a_full_batch_of_ordinary_events_is_not_too_much_work(ada: Api) -> None:
    names = [f"field_{n}" for n in range(30)]
    schema = {
        "type": "object",
        "required": names,
        "additionalProperties": False,
        "properties": {name: {"type": "string", "maxLength": 200} for name in names},
    }
    assert described(ada, schema).status_code == 201
    event = {"type": "rfp.created", "data": dict.fromkeys(names, "a value")}
    assert ada.post("/events", [event] * 500).status_code == 202
    wrong = {"type": "rfp.created", "data": {**event["data"], "more": 1}}
    assert why(ada.post("/events", [event, wrong])) == "events.1.data.more: Is not allowed here."


def test_a_pattern_stored_before_it_was_refused_holds_up_no_publication(
    ada: Api, browse: Browse, database: Database
) -> None:
    made = described(ada, {"properties": {"code": {"type": "string"}}}).json
    old = {"properties": {"code": {"type": "string", "pattern": "^(?!x)y"}}}
    database.sql("UPDATE event_type SET json_schema = %s::jsonb", json.dumps(old))
    assert published(ada, {"code": "x"}).status_code == 202
    assert why(published(ada, {"code": 1})) == "data.code: Must be of type string."
    page = browse(ADA).get(f"/event-types/{made['id']}").text
    assert "Part of the schema is not checked" in page
    assert "properties.code.pattern is not supported" in page
    assert "Events that do not fit the checked part of its schema are refused." in page


def test_a_schema_stored_before_it_was_refused_holds_up_no_publication(
    ada: Api, browse: Browse, database: Database
) -> None:
    made = described(ada, {"type": "object"}).json
    database.sql("""UPDATE event_type SET json_schema = '{"$ref": "#/$defs/none"}'""")
    assert published(ada, {}).status_code == 202
    assert "leads nowhere" in browse(ADA).get(f"/event-types/{made['id']}").text


def test_a_schema_stored_before_it_was_too_much_work_holds_up_no_publication(
    ada: Api, browse: Browse, database: Database
) -> None:
    made = described(ada, {"type": "object"}).json
    old = {"allOf": [{"not": {"type": "object"}}] * 1900}
    database.sql("UPDATE event_type SET json_schema = %s::jsonb", json.dumps(old))
    assert published(ada, {}).status_code == 202
    page = browse(ADA).get(f"/event-types/{made['id']}").text
    assert "Reading this schema takes too much work" in page


def test_an_example_is_made_of_a_schema_that_leads_to_itself(ada: Api, browse: Browse) -> None:
    schema = {"properties": {f"f{n}": {"$ref": "#"} for n in range(40)}}
    made = described(ada, schema).json
    with spends_at_most():
        page = browse(ADA).get(f"/event-types/{made['id']}")
    assert "Made from the schema;" in page.text


LARGE: dict[str, dict[str, Any]] = {
    "a default": {"default": ["a"] * 15_000},
    "a choice": {"enum": ["a" * 50_000]},
    "the name of a field": {"properties": {"n" * 50_000: {"type": "string"}}},
    "a part of many": {"allOf": [{"default": {"a" * 25_000: 1}}, {"default": {"b" * 25_000: 1}}]},
}


@pytest.mark.parametrize("shared", LARGE.values(), ids=LARGE)
def test_an_example_is_no_larger_than_an_event_may_be(
    ada: Api, browse: Browse, shared: dict[str, Any]
) -> None:
    inner = {"properties": {f"b{n}": {"$ref": "#/$defs/x"} for n in range(20)}}
    schema = {
        "properties": {f"a{n}": {"$ref": "#/$defs/y"} for n in range(20)},
        "$defs": {"y": inner, "x": shared},
    }
    made = described(ada, schema).json
    webhook = ada.create("webhooks", url="https://example.com/", event_types=["*"])
    for path in (f"/event-types/{made['id']}", "/events/new", f"/webhooks/{webhook['id']}/lab"):
        page = browse(ADA).get(path, query_string={"type": "rfp.created"})
        assert page.status_code == 200
        assert len(page.data) < 2_000_000, path


def test_a_refusal_does_not_repeat_a_type_that_the_schema_repeats(ada: Api) -> None:
    schema = {"properties": {"a": {"type": ["string", "null"] * 3000}}}
    assert described(ada, schema).status_code == 201
    assert why(published(ada, {"a": 1})) == "data.a: Must be of type string or null."


def test_an_import_whose_references_double_is_refused(ada: Api) -> None:
    schemas = {
        f"S{n}": {"allOf": [{"$ref": f"#/components/schemas/S{n + 1}"}] * 20} for n in range(9)
    }
    schemas["S9"] = {}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}
    document = {
        "openapi": "3.1.0",
        "components": {"schemas": schemas},
        "webhooks": {"rfp.created": {"post": {"requestBody": {"content": content}}}},
    }
    with spends_at_most():
        refusal = why(ada.post("/event-types/imports", {"document": document}))
    assert refusal.startswith("document: ")
