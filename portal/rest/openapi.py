"""Register operations, and generate the OpenAPI 3.1 document from them.

An operation is declared once, in its feature's `resource.py`. Routes, scopes, the document and the
contract tests are all read from here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from portal.database.record import Record

PROBLEM = "application/problem+json"
PREFIX = "/api/v1/integration"


@dataclass(frozen=True)
class Parameter:
    """A query parameter or a header of an operation.

    A list whose values are written with commas between them is not `explode`.
    """

    name: str
    schema: Mapping[str, Any]
    description: str = ""
    where: str = "query"
    explode: bool = True


IF_MATCH = Parameter(
    "If-Match",
    {"type": "string"},
    'The ETag that you read, such as "3", or several. If the record has another version, 412.',
    "header",
)
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    {"type": "string"},
    "The ETag of the answer that you have. If it is still the same, 304.",
    "header",
)
PREFER = Parameter(
    "Prefer",
    {"type": "string", "examples": ["validate-only"]},
    "With validate-only, all checks are made and nothing is kept: the answer has the status and the"
    " body of the real call, ids of new records are zeros, one-time secrets are null. It counts as"
    " a request. An operation that cannot do this answers 400. Other preferences are ignored.",
    "header",
)


@dataclass(frozen=True)
class Operation:
    """One operation that a program can call. `path` is below PREFIX and names its ids in braces.

    `name` is a verb, such as `rotate_secret`. With the resource it makes the operation's id, which
    programs know, so it never changes. An empty `scope` lets every caller in. `body_required` is
    given where the rule of `needs_body` does not fit. `record` is the model of the record that
    `{id}` names, for what changes it or something below it: `If-Match` is then compared with its
    version before the view runs. `more_scopes` are those that it needs in addition to `scope`.
    `cannot_validate` says why a write cannot be run for its checks only (`Prefer: validate-only`),
    and what to call instead.
    """

    resource: str
    name: str
    method: str
    path: str
    summary: str
    scope: str
    view: Callable[..., Any] = field(repr=False)
    command: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    is_list: bool = False
    status: int = 200
    once: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    body_required: bool | None = None
    record: type[Record] | None = None
    more_scopes: tuple[str, ...] = ()
    cannot_validate: str = ""

    @cached_property
    def needs_body(self) -> bool:
        """Tell whether a request without a body is refused.

        It is for what creates or changes a record, and for a command with a required field. An
        empty object is a body.
        """
        if self.command is None or self.body_required is not None:
            return bool(self.body_required)
        if self.name == "create" or self.method in ("PUT", "PATCH"):
            return True
        return any(field.is_required() for field in self.command.model_fields.values())

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return every scope that it needs."""
        return tuple(filter(None, (self.scope, *self.more_scopes)))

    @cached_property
    def accepts(self) -> tuple[Parameter, ...]:
        """Return every parameter and header that it takes, also those that follow from the rest."""
        if not self.is_write:
            return (*self.parameters, IF_NONE_MATCH)
        return (*self.parameters, *((IF_MATCH,) if self.record else ()), PREFER)

    @cached_property
    def query(self) -> frozenset[str]:
        """Return the names of its query parameters."""
        return frozenset(one.name for one in self.parameters if one.where == "query")

    @property
    def changes(self) -> bool:
        """Tell whether it changes the record that its path names."""
        return self.scope.endswith(":write")

    @property
    def is_write(self) -> bool:
        """Tell whether its method may change something, so that `Prefer: validate-only` counts."""
        return self.method != "GET"

    @property
    def id(self) -> str:
        """Return the document's operationId, `integration.apiKeys.create`. It never changes."""
        return f"integration.{camel(self.resource)}.{camel(self.name)}"


def camel(name: str) -> str:
    """Return a name in camelCase: `api-keys` → `apiKeys`, `list_checks` → `listChecks`."""
    first, *rest = re.split("[-_]", name)
    return first + "".join(word.capitalize() for word in rest)


def document(operations: Iterable[Operation], *, base_url: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these operations."""
    operations = list(operations)
    schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cPod integration",
            "version": version,
            "description": "External apps, connectors, API keys, and webhooks.",
        },
        "servers": [{"url": base_url + PREFIX}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token of the identity provider, or an API key.",
                }
            },
            "schemas": schemas,
        },
    }


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    wanted: dict[tuple[type[BaseModel], Any], None] = {}
    for operation in operations:
        if operation.command:
            wanted[(operation.command, "validation")] = None
        if operation.answer:
            wanted[(operation.answer, "serialization")] = None
    _, definitions = models_json_schema(list(wanted), ref_template="#/components/schemas/{model}")
    return {**definitions.get("$defs", {}), "Problem": PROBLEM_SCHEMA}


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.resource],
        "x-scopes": list(operation.scopes),
        "parameters": [*_path_parameters(operation.path), *map(_parameter, operation.accepts)],
        "responses": _responses(operation),
    }
    if operation.command:
        schema = {"application/json": {"schema": _ref(operation.command)}}
        described["requestBody"] = {"required": operation.needs_body, "content": schema}
    return described


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    joined = {} if parameter.explode else {"style": "form", "explode": False}
    return {
        **joined,
        "name": parameter.name,
        "in": parameter.where,
        "required": False,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _responses(operation: Operation) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done"}
    if operation.answer:
        success["content"] = {"application/json": {"schema": _answer_schema(operation)}}
    problem = {"description": "Problem", "content": {PROBLEM: {"schema": {"$ref": PROBLEM_REF}}}}
    found = {str(operation.status): success, "4XX": problem, "5XX": problem}
    if operation.method == "GET":
        found["304"] = {"description": "Nothing has changed since the answer that you have"}
    return found


def _answer_schema(operation: Operation) -> dict[str, Any]:
    assert operation.answer is not None  # noqa: S101 - the caller asked
    schema = _ref(operation.answer)
    if operation.once:
        shown = {
            name: {"type": ["string", "null"], "description": text}
            for name, text in operation.once.items()
        }
        return {"allOf": [schema, {"type": "object", "properties": shown}]}
    if not operation.is_list:
        return schema
    is_counted = any(parameter.name == "count" for parameter in operation.parameters)
    return {
        "type": "object",
        "required": ["items", "next_cursor"],
        "properties": {
            "items": {"type": "array", "items": schema},
            "next_cursor": {"type": ["string", "null"]},
            **({"count": COUNT_SCHEMA} if is_counted else {}),
        },
    }


COUNT_SCHEMA = {
    "type": "object",
    "description": "The number of all matches, with count=true.",
    "required": ["value", "more_than"],
    "properties": {
        "value": {"type": "integer", "minimum": 0, "maximum": 10_000},
        "more_than": {
            "type": "boolean",
            "description": "Whether there are more matches than `value` says.",
        },
    },
}


PROBLEM_REF = "#/components/schemas/Problem"
PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "current": {"type": "object", "description": "The stored record, on a conflict"},
    },
}
