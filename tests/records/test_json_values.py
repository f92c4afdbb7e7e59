"""A change from 1 to true, or back, is a change: in JSON they differ, in Python they are equal."""

from typing import Any

import pytest

from tests.cast import Api

FREE = [
    ("webhooks", "filter", {"url": "https://hooks.example.com/", "event_types": ["a.b"]}),
    ("event-types", "json_schema", {"name": "a.b"}),
    ("event-types", "example", {"name": "a.b"}),
]


def of(field: str, value: Any) -> dict[str, Any]:
    """Return what the field may be, with this value in it."""
    if field == "filter":
        return {"paid": [value]}
    return {"properties": {"paid": {"const": value}}}


@pytest.mark.parametrize(("kind", "field", "more"), FREE)
@pytest.mark.parametrize(("before", "after"), [(1, True), (True, 1), (False, 0), (0, False)])
def test_a_patch_changes_a_number_to_a_truth_value(
    ada: Api, kind: str, field: str, more: dict[str, Any], before: Any, after: Any
) -> None:
    record = ada.create(kind, **more, **{field: of(field, before)})
    path = f"/{kind}/{record['id']}"
    changed = ada.patch(path, {field: of(field, after)})
    assert changed.status_code == 200, changed.text
    assert (repr(changed.json[field]), changed.json["version"]) == (repr(of(field, after)), 2)
    assert repr(ada.get(path).json[field]) == repr(of(field, after))
    entry = ada.get(f"{path}/history").json["items"][0]
    assert repr(entry["changes"][field]) == repr([of(field, before), of(field, after)])
    assert ada.patch(path, {field: of(field, after)}).json["version"] == 2, "nothing changed"


def test_an_import_changes_a_number_to_a_truth_value(ada: Api) -> None:
    ada.create("event-types", name="a.b", json_schema=of("json_schema", 1), validation="reject")
    media = {"schema": of("json_schema", True)}
    operation = {"requestBody": {"content": {"application/json": media}}}
    document = {"openapi": "3.1.0", "webhooks": {"a.b": {"post": operation}}}
    [told] = ada.post("/event-types/imports", {"document": document}).json["types"]
    assert told["fate"] == "updated"
    assert ada.post("/events", {"type": "a.b", "data": {"paid": True}}).status_code == 202
    assert ada.post("/events", {"type": "a.b", "data": {"paid": 1}}).status_code == 422


def test_a_number_that_is_written_otherwise_is_the_same(ada: Api) -> None:
    webhook = ada.create("webhooks", filter={"paid": [1]})
    again = ada.patch(f"/webhooks/{webhook['id']}", {"filter": {"paid": [1.0]}})
    assert again.json["version"] == 1
