"""Write the TypeScript declarations of all operations and of what they take and give."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from portal.records.schemas import ENVELOPE
from portal.rest.openapi import Operation, camel
from portal_devtools.javascript_sdk.table import by_resource, has_header, secrets
from portal_devtools.javascript_sdk.types import comment, members, name_of, type_of

Json = Mapping[str, Any]

HEAD = """\
// Generated from the portal's OpenAPI document by `make sdk`. Do not edit.
import type { Held, List, Options, Revealed } from "./index.js";

"""
OPTIONS = {
    "ifMatch": "If-Match",
    "idempotencyKey": "Idempotency-Key",
    "validateOnly": "Prefer",
}


def declarations(operations: Iterable[Operation], document: Json) -> str:
    """Return the text of `operations.d.ts`."""
    return HEAD + "\n".join(_Writer(list(operations), document).everything())


class _Writer:
    """Knows the document, so that it can follow references."""

    def __init__(self, operations: list[Operation], document: Json) -> None:
        self.operations = operations
        self.document = document
        self.described = {
            described["operationId"]: described
            for path in document["paths"].values()
            for described in path.values()
            if isinstance(described, Mapping) and "operationId" in described
        }

    def everything(self) -> Iterator[str]:
        inputs = {name_of(ref) for ref in map(self._body_reference, self.operations) if ref}
        for name, schema in self.document["components"]["schemas"].items():
            yield _named(name_of(name), _with_envelope(schema) if name in inputs else schema)
        resources = dict(by_resource(self.operations))
        for resource, verbs in resources.items():
            methods = "".join(self._method(verb, one) for verb, one in verbs.items())
            yield f"export interface {_calls(resource)} {{\n{methods}}}\n"
        each = "".join(f"  readonly {name}: {_calls(name)};\n" for name in resources)
        yield f"export interface Integration {{\n{each}}}\n"

    def _method(self, verb: str, operation: Operation) -> str:
        described = self.described[operation.id]
        words = [described.get("summary"), described.get("description")]
        text = "\n\n".join(dict.fromkeys(word for word in words if word))
        arguments = ", ".join(self._arguments(operation, described))
        return f"{comment(text, '  ')}  {verb}({arguments}): {self._result(operation)};\n"

    def _arguments(self, operation: Operation, described: Json) -> Iterator[str]:
        places = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
        yield from (f"{camel(place)}: Held" for place in places)
        if operation.command:
            body = self._found(described["requestBody"])
            optional = "" if body.get("required") else "?"
            yield f"body{optional}: {type_of(self._schema(body))}"
        if parameters := self._query(described):
            yield "parameters?: {\n" + members(parameters, "    ") + "  }"
        names = [name for name, header in OPTIONS.items() if has_header(operation, header)]
        chosen = "".join(f' | "{name}"' for name in names)[3:]
        yield f"options?: Options<{chosen}>" if chosen else "options?: Options"

    def _query(self, described: Json) -> Json | None:
        found = map(self._found, described.get("parameters", ()))
        query = [each for each in found if each["in"] == "query"]
        if not query:
            return None
        properties = {
            each["name"]: {**each.get("schema", {}), "description": each.get("description")}
            for each in query
        }
        return {"properties": properties}

    def _result(self, operation: Operation) -> str:
        answer = self.described[operation.id]["responses"][str(operation.status)]
        schema = self._schema(self._found(answer))
        if schema is None:
            return "Promise<void>"
        if operation.is_list:
            items = self._found(self._found(schema)["properties"]["items"])["items"]
            return f"List<{type_of(items)}, {type_of(schema)}>"
        hidden = " | ".join(f'"{name}"' for name in secrets(operation))
        written = type_of(schema)
        return f"Promise<Revealed<{written}, {hidden}>>" if hidden else f"Promise<{written}>"

    def _body_reference(self, operation: Operation) -> str | None:
        body = self.described[operation.id].get("requestBody")
        schema = self._schema(self._found(body)) if body else None
        return schema.get("$ref") if schema else None

    def _schema(self, described: Json) -> Any:
        content = described.get("content", {})
        return content.get("application/json", {}).get("schema")

    def _found(self, described: Json) -> Json:
        """Return what a reference refers to, or the description itself."""
        while reference := described.get("$ref"):
            described = self.document
            for name in reference.removeprefix("#/").split("/"):
                described = described[name]
        return described


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
