"""Write the table of operations that the client reads when it is made."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby

from portal.rest.openapi import Operation

HEAD = """\
// Generated from the portal's registry of operations by `make sdk`.
// b: has a body, q: a query, l: a list; sends k: Idempotency-Key, m: If-Match, v: Prefer; secrets.
export const OPERATIONS = {
"""


def table(operations: Iterable[Operation]) -> str:
    """Return the text of `operations.js`."""
    return HEAD + "".join(_resources(operations)) + "};\n"


def by_resource(operations: Iterable[Operation]) -> Iterator[tuple[str, dict[str, Operation]]]:
    """Yield each resource with its operations by verb, as the SDK names both."""

    def resource(operation: Operation) -> str:
        return operation.id.split(".")[1]

    order: dict[str, int] = {}
    for operation in (operations := list(operations)):
        order.setdefault(resource(operation), len(order))
    ordered = sorted(operations, key=lambda operation: order[resource(operation)])
    for name, of_resource in groupby(ordered, key=resource):
        yield name, {operation.id.split(".")[2]: operation for operation in of_resource}


def secrets(operation: Operation) -> list[str]:
    """Return the fields of an answer that hold secrets: those shown once, without times."""
    shown_once = [name for name in operation.once if not name.endswith("_at")]
    fields = operation.answer.model_fields if operation.answer else {}
    marked = [name for name, field in fields.items() if _is_secret(field.json_schema_extra)]
    return sorted({*shown_once, *marked})


def has_header(operation: Operation, name: str) -> bool:
    """Tell whether an operation takes a header."""
    headers = (one.name for one in operation.parameters if one.where == "header")
    return name.lower() in (header.lower() for header in headers)


def _is_secret(extra: object) -> bool:
    return isinstance(extra, dict) and bool(extra.get("x-secret"))


def _resources(operations: Iterable[Operation]) -> Iterator[str]:
    for resource, verbs in by_resource(operations):
        yield f"  {resource}: {{\n"
        for verb, operation in verbs.items():
            yield f"    {verb}: {json.dumps(_line(operation))},\n"
        yield "  },\n"


def _line(operation: Operation) -> str:
    is_set = {
        "b": operation.command is not None,
        "q": any(parameter.where == "query" for parameter in operation.parameters),
        "l": operation.is_list,
        "k": has_header(operation, "Idempotency-Key"),
        "m": has_header(operation, "If-Match"),
        "v": has_header(operation, "Prefer"),
    }
    letters = "".join(letter for letter, present in is_set.items() if present) or "-"
    parts = [operation.method, operation.path, letters, ",".join(secrets(operation))]
    return " ".join(parts).strip()
