"""Write the operations as methods, for both clients."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from portal.rest.openapi import Parameter, camel
from portal_devtools.python_sdk.declared import Method, snake
from portal_devtools.python_sdk.schemas import annotation, docstring

OPERATIONS_HEAD = '''"""Every operation of the API. Made by `make sdk`; not changed by hand."""

from cpod_integration.core import Operation
'''
RESOURCES_HEAD = '''"""Every operation as a method{of}. Made by `make sdk`; not changed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from cpod_integration import core
from cpod_integration.generated import operations

if TYPE_CHECKING:
    from cpod_integration import types
    from cpod_integration.{client} import {caller}, {pages}

Held = str | Mapping[str, Any]
"""An id, or the record that has it."""
'''


def operations_module(methods: Iterable[Method]) -> str:
    """Return the module that describes every operation."""
    return "\n".join([OPERATIONS_HEAD, *map(_operation, methods)])


def _operation(method: Method) -> str:
    said = {
        "secrets": tuple(method.secrets),
        "has_body": method.operation.command is not None,
        "has_key": method.has_header("Idempotency-Key"),
    }
    more = "".join(f", {name}={value!r}" for name, value in said.items() if value)
    operation = method.operation
    return f"{method.constant} = Operation({operation.method!r}, {operation.path!r}{more})"


def sync_module(methods: Iterable[Method]) -> str:
    """Return the module with a class for each resource, and `Integration` with all of them."""
    return _module(methods, is_async=False)


def async_module(methods: Iterable[Method]) -> str:
    """Return the same module for the asynchronous client."""
    return _module(methods, is_async=True)


def _module(methods: Iterable[Method], *, is_async: bool) -> str:
    head = RESOURCES_HEAD.format(
        of=" that is awaited" if is_async else "",
        client="async_client" if is_async else "client",
        caller="AsyncCaller" if is_async else "Caller",
        pages="AsyncPages" if is_async else "Pages",
    )
    by_resource: dict[str, list[Method]] = {}
    for method in methods:
        by_resource.setdefault(method.operation.resource, []).append(method)
    classes = [_class(name, each, is_async) for name, each in by_resource.items()]
    return "\n\n".join([head, *classes, _integration(by_resource, is_async)])


def _class(resource: str, methods: Iterable[Method], is_async: bool) -> str:
    return "\n".join([
        f"class {class_of(resource)}:",
        docstring(f"The operations of {resource}."),
        _init("        self._caller = caller", is_async),
        *(_method(method, is_async) for method in methods),
    ])  # fmt: skip


def _integration(resources: Mapping[str, Any], is_async: bool) -> str:
    made = "\n".join(f"        self.{snake(each)} = {class_of(each)}(caller)" for each in resources)
    text = "All resources of the integration domain."
    return "\n".join(["class Integration:", docstring(text), _init(made, is_async)])


def class_of(resource: str) -> str:
    """Return the class of a resource: `api-keys` → `ApiKeys`."""
    return camel(f"-{resource}")


def _init(lines: str, is_async: bool) -> str:
    caller = "AsyncCaller" if is_async else "Caller"
    return f"\n    def __init__(self, caller: {caller}) -> None:\n{lines}\n"


def _method(method: Method, is_async: bool) -> str:
    is_list = method.operation.is_list
    before, wait = ("async ", "await ") if is_async and not is_list else ("", "")
    verb = "pages" if is_list else "one"
    call = f"{wait}self._caller.{verb}(operations.{method.constant}, {_given(method)})"
    return "\n".join([
        f"    {before}def {method.name}({', '.join(_arguments(method))}) -> "
        f"{_answer(method, is_async)}:",
        docstring(_sentence(method.operation.summary), 8),
        f"        {'return ' if method.answer else ''}{call}",
        "",
    ])  # fmt: skip


def _sentence(summary: str) -> str:
    return summary if summary.endswith(".") else f"{summary}."


def _answer(method: Method, is_async: bool) -> str:
    if not method.answer:
        return "None"
    if method.operation.is_list:
        return f"{'AsyncPages' if is_async else 'Pages'}[types.{method.answer}]"
    return f"types.{method.answer}"


def _arguments(method: Method) -> Iterator[str]:
    yield "self"
    for name in method.ids:
        yield f"{name}: Held"
    if method.body:
        yield f"body: types.{method.body}" + ("" if method.needs_fields else " | None = None")
    if method.ids or method.body:
        yield "/"
    keywords = [*_headers(method), *map(_parameter, method.query)]
    if keywords:
        yield "*"
        yield from keywords


def _headers(method: Method) -> Iterator[str]:
    if method.has_header("If-Match"):
        yield "if_match: str | None = None"
    if method.has_header("Idempotency-Key"):
        yield "idempotency_key: str | None = None"
    if method.has_header("Prefer"):
        yield "validate_only: bool = False"


def _parameter(parameter: Parameter) -> str:
    return f"{snake(parameter.name)}: {_parameter_type(parameter.schema)} | None = None"


def _parameter_type(schema: Mapping[str, Any]) -> str:
    if schema.get("type") == "array":
        each = annotation(schema.get("items") or {})
        return f"{each} | Sequence[{each}]"
    if schema.get("format") == "date-time":
        return "str | datetime"
    return annotation(schema)


def _given(method: Method) -> str:
    ids = f"({', '.join(method.ids)},)" if method.ids else "()"
    said = [ids] if method.ids else []
    if method.body:
        said.append("body" if said else "body=body")
    if method.query:
        pairs = ", ".join(f"{one.name!r}: {snake(one.name)}" for one in method.query)
        said.append(f"query={{{pairs}}}")
    said += [f"{name}={name}" for name in (each.partition(":")[0] for each in _headers(method))]
    return f"core.Given({', '.join(said)})"


def reference(methods: Iterable[Method]) -> str:
    """Return the list of all operations, in Markdown."""
    by_resource: dict[str, list[str]] = {}
    for method in methods:
        call = f"{method.name}({', '.join(_positional(method))})"
        line = f"- `{call}`: {_sentence(method.operation.summary)}"
        by_resource.setdefault(method.resource, []).append(line)
    return "\n".join(
        f"\n### client.integration.{resource}\n\n" + "\n".join(lines)
        for resource, lines in by_resource.items()
    )


def _positional(method: Method) -> Iterator[str]:
    yield from method.ids
    if method.body:
        yield "body" if method.needs_fields else "body=None"
    if method.operation.is_list and method.query:
        yield "…"
