"""Read each operation as the SDK needs it: from the registry, and from the OpenAPI document."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from portal.rest.openapi import Operation, camel

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One operation with its part of the document, in which references are followed."""

    operation: Operation
    parameters: tuple[Json, ...]
    body: Json | None
    answer: Json
    text: str

    @property
    def resource(self) -> str:
        """Return the name of its resource in the SDK."""
        return self.operation.id.split(".")[1]

    @property
    def verb(self) -> str:
        """Return its name in the SDK."""
        return self.operation.id.split(".")[2]

    @property
    def ids(self) -> list[str]:
        """Return the names of the ids in its path."""
        parts = self.operation.path.split("/")
        return [camel(part[1:-1]) for part in parts if part.startswith("{")]

    @property
    def reads(self) -> bool:
        """Tell whether it takes parameters where others take a body, now or one day."""
        return self.operation.method in ("GET", "DELETE")

    @property
    def query(self) -> list[Json]:
        """Return the parameters of its query."""
        return [each for each in self.parameters if each["in"] == "query"]

    def has_header(self, name: str) -> bool:
        """Tell whether it takes a header."""
        headers = (each["name"] for each in self.parameters if each["in"] == "header")
        return name.lower() in (header.lower() for header in headers)

    @property
    def shown_once(self) -> list[str]:
        """Return the secrets that only this answer has. A time and a path in the store are none."""
        model = self.operation.answer
        known = model.model_fields if model else ()
        names = [name for name in self.operation.once if name not in known]
        return sorted(name for name in names if not name.endswith(("_at", "_path")))

    @property
    def secrets(self) -> list[str]:
        """Return the fields of its answer that hold secrets, at any depth."""
        model = self.operation.answer
        schema = model.model_json_schema() if model else {}
        inside = [schema, *schema.get("$defs", {}).values()]
        fields = [field for each in inside for field in each.get("properties", {}).items()]
        marked = [name for name, field in fields if field.get("x-secret")]
        return sorted({*self.shown_once, *marked})


def calls_of(operations: Iterable[Operation], document: Json) -> list[Call]:
    """Return all calls, those of one resource together, in the order of the registry."""
    described = {
        each["operationId"]: (each, path.get("parameters", ()))
        for path in document["paths"].values()
        for each in path.values()
        if isinstance(each, Mapping) and "operationId" in each
    }
    # A file is sent in parts, and the client reads an answer as a whole.
    calls = [_call(one, *described[one.id], document) for one in operations if not one.media_types]
    for call in calls:
        if bool(call.query) > call.reads or (bool(call.body) and call.reads):
            raise ValueError(f"{call.operation.id}: the SDK has one place for body and parameters")
        if call.has_header("Prefer") != (call.operation.method != "GET"):
            raise ValueError(f"{call.operation.id}: the SDK lets each write be validated only")
    order = list(dict.fromkeys(call.resource for call in calls))
    return sorted(calls, key=lambda call: order.index(call.resource))


def by_resource(calls: Iterable[Call]) -> Iterator[tuple[str, list[Call]]]:
    """Yield each resource with its calls."""
    for resource, of_resource in groupby(calls, key=lambda call: call.resource):
        yield resource, list(of_resource)


def found(described: Json, document: Json) -> Json:
    """Return what a reference refers to, or the description itself."""
    while reference := described.get("$ref"):
        described = document
        for name in reference.removeprefix("#/").split("/"):
            described = described[name]
    return described


def _call(operation: Operation, described: Json, shared: Iterable[Json], document: Json) -> Call:
    body = described.get("requestBody")
    words = [described.get("summary"), described.get("description")]
    return Call(
        operation,
        tuple(found(one, document) for one in (*shared, *described.get("parameters", ()))),
        found(body, document) if body else None,
        found(described["responses"][str(operation.status)], document),
        "\n\n".join(dict.fromkeys(word for word in words if word)),
    )
