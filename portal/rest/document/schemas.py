"""Make the schemas of the document from the pydantic models of operations."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from portal.records.schemas import Command, Document
from portal.rest.openapi import Operation, camel

Schema = dict[str, Any]
COUNT: Schema = {
    "type": "object",
    "description": "Number of all matches, with `count=true` where the list has that parameter.",
    "required": ["value", "more_than"],
    "properties": {
        "value": {
            "type": "integer",
            "minimum": 0,
            "maximum": 10_000,
            "description": "The number, or the part of it that was counted.",
        },
        "more_than": {"type": "boolean", "description": "True if there are more than `value`."},
    },
}
SCHEMAS = "#/components/schemas/"
ENVELOPE = "Envelope"
NEXT_CURSOR: Schema = {
    "type": ["string", "null"],
    "description": "Place of the next page: send it as `cursor`. It is null on the last page.",
}


def schemas_of(operations: Iterable[Operation]) -> dict[str, Schema]:
    """Return every named schema of the operations' bodies and answers."""
    operations = list(operations)
    found = _of_models(operations)
    for operation in operations:
        if operation.command is not None:
            _add_ignored(found, operation)
        if operation.answer is not None and (operation.is_list or operation.once):
            found[answer_name(operation)] = _around(operation)
    return dict(sorted(found.items()))


def ref(name: str) -> Schema:
    """Return a reference to a named schema."""
    return {"$ref": SCHEMAS + name}


def name_of(model: type[BaseModel]) -> str:
    """Return the name of a model's schema: `ApplicationDocument` → `Application`."""
    return _shortened(model.__name__)


def answer_name(operation: Operation) -> str:
    """Return the name of the schema of an operation's answer."""
    assert operation.answer is not None  # noqa: S101 - the caller asked
    name = name_of(operation.answer)
    if operation.is_list:
        return f"{name}List"
    return name + _pascal(operation.name) + "Answer" if operation.once else name


def _pascal(name: str) -> str:
    word = camel(name)
    return word[0].upper() + word[1:]


def _shortened(name: str) -> str:
    """Return the name without what tells only Python readers something."""
    name = name.replace("-Input", "Input").replace("-Output", "")
    return name.removesuffix("Document") or ENVELOPE


def _of_models(operations: Iterable[Operation]) -> dict[str, Schema]:
    wanted: dict[tuple[type[BaseModel], Any], None] = {}
    for operation in operations:
        if operation.command:
            wanted[(operation.command, "validation")] = None
        if operation.answer:
            wanted[(operation.answer, "serialization")] = None
    wanted[(Document, "serialization")] = None
    _, made = models_json_schema(list(wanted), ref_template=SCHEMAS + "{model}")
    return {_shortened(name): _tidy(schema) for name, schema in made["$defs"].items()}


def _tidy(schema: Any) -> Any:
    """Return a schema without pydantic's titles, with shortened references and unwrapped texts."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {name: _tidy(value) for name, value in schema.items() if not _is_title(name, value)}
    if "properties" in schema and isinstance(schema["properties"], dict):
        tidy["properties"] = {name: _tidy(one) for name, one in schema["properties"].items()}
    if schema.get("type") == "array":
        _tidy_tuple(tidy)
    if schema.get("type") == "number" and isinstance(schema.get("default"), str):
        tidy["default"] = float(schema["default"])
    if isinstance(schema.get("$ref"), str):
        name = schema["$ref"].removeprefix(SCHEMAS)
        tidy["$ref"] = SCHEMAS + _shortened(name)
    if isinstance(schema.get("description"), str):
        tidy["description"] = _unwrapped(schema["description"])
    return tidy


def _tidy_tuple(tidy: Schema) -> None:
    entries = tidy.get("prefixItems", [])
    if entries and all(one == entries[0] for one in entries):
        tidy["items"] = tidy.pop("prefixItems")[0]  # its length is in minItems and maxItems
    tidy.setdefault("items", {})  # otherwise, its entries are described by `prefixItems`


def _is_title(name: str, value: Any) -> bool:
    return name == "title" and isinstance(value, str)


def _unwrapped(text: str) -> str:
    paragraphs = text.split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


# ---------------------------------------------------------------- what is sent and ignored


def _add_ignored(found: dict[str, Schema], operation: Operation) -> None:
    """Add the fields that only the server writes: they are accepted and ignored."""
    assert operation.command is not None  # noqa: S101 - the caller asked
    if not issubclass(operation.command, Command):
        return
    schema = found[name_of(operation.command)]
    known = {**_properties(found, Document), **_properties(found, operation.answer)}
    given = schema.setdefault("properties", {})
    for name in sorted(operation.command.ignored()):
        once = {"type": ["string", "null"], "description": operation.once.get(name, "")}
        given.setdefault(name, _read_only(known.get(name, once)))


def _properties(found: Mapping[str, Schema], model: type[BaseModel] | None) -> Mapping[str, Schema]:
    return found[name_of(model)].get("properties", {}) if model else {}


def _read_only(schema: Mapping[str, Any]) -> Schema:
    text = f"{schema.get('description') or 'Written by the server.'} Ignored in a request."
    return {**schema, "description": text, "readOnly": True}


# ---------------------------------------------------------------- answers around a model


def _around(operation: Operation) -> Schema:
    assert operation.answer is not None  # noqa: S101 - the caller asked
    one = ref(name_of(operation.answer))
    if operation.is_list:
        return list_of(one)
    shown = {
        name: {"type": ["string", "null"], "description": text}
        for name, text in operation.once.items()
    }
    text = "The record, and what only this answer shows."
    return {"description": text, "allOf": [one, {"type": "object", "properties": shown}]}


def list_of(one: Schema) -> Schema:
    """Return the schema of one page of a list."""
    return {
        "type": "object",
        "description": "One page of a list.",
        "required": ["items", "next_cursor"],
        "properties": {
            "items": {"type": "array", "description": "The entries of this page.", "items": one},
            "next_cursor": NEXT_CURSOR,
            "count": COUNT,
        },
    }
