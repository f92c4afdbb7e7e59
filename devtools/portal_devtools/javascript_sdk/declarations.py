"""Write the TypeScript declarations of all operations and of what they take and give."""

from collections.abc import Iterable, Iterator
from typing import Any

from portal.records.schemas import ENVELOPE
from portal_devtools.javascript_sdk.calls import Call, Json, by_resource, found
from portal_devtools.javascript_sdk.types import comment, members, name_of, type_of

HEAD = """\
// Generated from the portal's OpenAPI document by `make sdk`. Do not edit.
import type { Held, Hidden, List, Nothing, Options, Revealed } from "./index.js";

"""
OPTIONS = {
    "ifMatch": "If-Match",
    "idempotencyKey": "Idempotency-Key",
    "validateOnly": "Prefer",
}


def declarations(calls: list[Call], document: Json) -> str:
    """Return the text of `operations.d.ts`."""
    return HEAD + "\n".join([*_schemas(calls, document), *_resources(calls, document)])


def _schemas(calls: Iterable[Call], document: Json) -> Iterator[str]:
    inputs = {_schema(call.body).get("$ref") for call in calls if call.body}
    for name, schema in document["components"]["schemas"].items():
        is_input = f"#/components/schemas/{name}" in inputs
        yield _named(name_of(name), _with_envelope(schema) if is_input else schema)


def _resources(calls: Iterable[Call], document: Json) -> Iterator[str]:
    resources = dict(by_resource(calls))
    for resource, of_resource in resources.items():
        methods = "".join(_method(call, document) for call in of_resource)
        yield f"export interface {_calls(resource)} {{\n{methods}}}\n"
    each = "".join(f"  readonly {name}: {_calls(name)};\n" for name in resources)
    yield f"export interface Integration {{\n{each}}}\n"


def _method(call: Call, document: Json) -> str:
    arguments, result = ", ".join(_arguments(call)), _result(call, document)
    return f"{comment(call.text, '  ')}  {call.verb}({arguments}): {result};\n"


def _arguments(call: Call) -> Iterator[str]:
    yield from (f"{name}: Held" for name in call.ids)
    if call.body:
        yield f"body{'' if call.body.get('required') else '?'}: {type_of(_schema(call.body))}"
    elif call.query:
        query = {
            each["name"]: {**each.get("schema", {}), "description": each.get("description")}
            for each in call.query
        }
        yield "parameters?: {\n" + members({"properties": query}, "    ") + "  }"
    else:
        yield f"{'parameters' if call.reads else 'body'}?: Nothing"
    chosen = " | ".join(f'"{name}"' for name, header in OPTIONS.items() if call.has_header(header))
    yield f"options?: Options<{chosen}>" if chosen else "options?: Options"


def _result(call: Call, document: Json) -> str:
    schema = _schema(call.answer)
    if schema is None:
        return "Promise<void>"
    written = type_of(schema)
    if call.operation.is_list:
        page = found(schema, document)["properties"]
        return f"List<{type_of(found(page['items'], document)['items'])}, {written}>"
    hidden = " | ".join(f'"{name}"' for name in call.shown_once)
    return f"Promise<Revealed<{written}, {hidden}>>" if hidden else f"Promise<{written}>"


def _schema(described: Json) -> Any:
    return described.get("content", {}).get("application/json", {}).get("schema")


def _named(name: str, schema: Json) -> str:
    text = comment(schema.get("description"))
    is_plain = schema.get("type") == "object" and not schema.keys() & {"allOf", "anyOf", "oneOf"}
    if is_plain and schema.get("properties"):
        return f"{text}export interface {name} {{\n{members(schema)}}}\n"
    return f"{text}export type {name} = {type_of(schema)};\n"


def _with_envelope(schema: Json) -> Json:
    """Return the schema of a body with what only the server writes, which may be sent back."""
    known = schema.get("properties", {})
    ignored = {
        name: {"description": "Written by the server; ignored."}
        for name in sorted(ENVELOPE - known.keys())
    }
    return {**schema, "type": "object", "properties": {**known, **ignored}}


def _calls(resource: str) -> str:
    """Return the name of a resource's interface. No schema has one like it."""
    return f"{resource[0].upper()}{resource[1:]}Calls"
