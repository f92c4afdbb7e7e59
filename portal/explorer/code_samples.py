"""Write a request as code: curl, and calls of the Python and the JavaScript SDK."""

import keyword
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import orjson

from portal.explorer.catalogue import DRY_RUN, Described
from portal.explorer.drafts import ABSENT, Call, Variable, in_environment, pretty, visible
from portal.rest.openapi import IF_NONE_MATCH, Operation, camel

INDENT = "    "
TOKEN = "TOKEN"  # noqa: S105 - the name of an environment variable
NO_CONDITION = f"The client sends no {IF_NONE_MATCH.name}."
INLINE, INLINE_BELOW = 24, 48  # characters of an argument, and of a value within it
NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
PYTHON_CLIENT = """import os

from cpod_integration import Client

client = Client(
    base_url="{base_url}",
    token=os.environ["{token}"],
)
"""
JAVASCRIPT_CLIENT = """import {{ Client }} from "@cpod/integration";

const client = new Client({{
  baseUrl: "{base_url}",
  token: process.env.{token},
}});
"""


@dataclass(frozen=True)
class Sample:
    """One piece of code, with its name for people and for the highlighter."""

    label: str
    language: str
    text: str


def samples(described: Described, call: Call, base_url: str) -> list[Sample]:
    """Return the request in every language. Its secrets are read from the environment."""
    body = in_environment(described, call.body)
    return written(described.operation, call, body, base_url)


def written(
    operation: Operation, call: Call, body: Any, base_url: str, token: str = TOKEN
) -> list[Sample]:
    """Return the request in every language. `body` has no secrets; `token` is the environment
    variable with the token or key. The SDKs read no files, so there is only curl for those."""
    shell = Sample("curl", "bash", curl(operation, call, body, base_url, token))
    if operation.media_types:
        return [shell]
    return [
        shell,
        Sample("Python", "python", python(operation, call, body, base_url, token)),
        Sample("JavaScript", "javascript", javascript(operation, call, body, base_url, token)),
    ]


def curl(operation: Operation, call: Call, body: Any, base_url: str, token: str = TOKEN) -> str:
    """Return the command for a shell. The token stays in the reader's environment."""
    lines = [
        f"curl -X {operation.method} {shlex.quote(base_url + call.address)}",
        f'-H "Authorization: Bearer ${token}"',
    ]
    lines += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in call.headers.items()]
    if body is not ABSENT:
        lines += ["-H 'Content-Type: application/json'", f"-d {_in_shell(body)}"]
    return " \\\n  ".join(lines)


def _in_shell(body: Any) -> str:
    """Return JSON as one word of a shell, in which variables of the environment are filled in."""
    mark = token_hex(8)  # nobody can have typed it
    text = shlex.quote(pretty(_marked(body, mark)))
    return re.sub(f"{mark}([A-Z0-9_]+)", r"""'"$\1"'""", text)


def _marked(value: Any, mark: str) -> Any:
    if isinstance(value, Variable):
        return mark + value
    if isinstance(value, list):
        return [_marked(one, mark) for one in value]
    if isinstance(value, Mapping):
        return {name: _marked(one, mark) for name, one in value.items()}
    return value


def python(operation: Operation, call: Call, body: Any, base_url: str, token: str = TOKEN) -> str:
    """Return a program for the Python SDK."""
    client = PYTHON_CLIENT.format(base_url=base_url, token=token)
    return f"{client}\n{_python_statement(operation, call, body)}"


def _python_statement(operation: Operation, call: Call, body: Any) -> str:
    spoken = python_call(operation, call, body)
    note = f"# {NO_CONDITION}\n" if IF_NONE_MATCH.name in call.headers else ""
    return note + _python_use(operation, spoken)


def _python_use(operation: Operation, spoken: str) -> str:
    if operation.is_list:
        return f"for record in {spoken}:\n{INDENT}print(record)"
    return spoken if operation.status == 204 else f"answer = {spoken}"


def python_call(operation: Operation, call: Call, body: Any) -> str:
    """Return one call of the Python SDK."""
    arguments = [python_literal(one) for one in call.ids]
    if _has_body(operation, body):
        arguments.append(python_literal({} if body is ABSENT else body))
    named = {**call.query, **_options(call.headers)}
    arguments += [
        f"{name}={python_literal(value)}" for name, value in named.items() if _is_keyword(name)
    ]
    if others := {name: value for name, value in named.items() if not _is_keyword(name)}:
        arguments.append(f"**{python_literal(others)}")
    return f"client.integration.{_snake(operation)}({', '.join(arguments)})"


def _snake(operation: Operation) -> str:
    return f"{operation.resource.replace('-', '_')}.{operation.name}"


def _is_keyword(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def javascript(
    operation: Operation, call: Call, body: Any, base_url: str, token: str = TOKEN
) -> str:
    """Return a module for the JavaScript SDK."""
    client = JAVASCRIPT_CLIENT.format(base_url=base_url, token=token)
    return f"{client}\n{_javascript_statement(operation, call, body)}"


def _javascript_statement(operation: Operation, call: Call, body: Any) -> str:
    spoken = javascript_call(operation, call, body)
    note = f"// {NO_CONDITION}\n" if IF_NONE_MATCH.name in call.headers else ""
    return note + _javascript_use(operation, spoken)


def _javascript_use(operation: Operation, spoken: str) -> str:
    if operation.is_list:
        return f"for await (const record of {spoken}) {{\n  console.log(record);\n}}"
    return f"await {spoken};" if operation.status == 204 else f"const answer = await {spoken};"


def javascript_call(operation: Operation, call: Call, body: Any) -> str:
    """Return one call of the JavaScript SDK: ids, then the body or the query, then options."""
    arguments = [javascript_literal(one) for one in call.ids]
    options = {camel(name): value for name, value in _options(call.headers).items()}
    if _has_body(operation, body, options):
        arguments.append(javascript_literal({} if body is ABSENT else body))
    elif call.query or options:
        arguments.append(javascript_literal(call.query))
    if options:
        arguments.append(javascript_literal(options))
    name = f"{camel(operation.resource)}.{camel(operation.name)}"
    return f"client.integration.{name}({', '.join(arguments)})"


def _has_body(operation: Operation, body: Any, after: Mapping[str, Any] | None = None) -> bool:
    """Tell whether the call has the argument of the body. One that follows it needs it, too."""
    if operation.command is None:
        return False
    return bool(after) or operation.needs_body or body not in (ABSENT, {})


def _options(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return header → value as the SDKs name them: `if_match`."""
    named: dict[str, Any] = {
        name.lower().replace("-", "_"): value
        for name, value in headers.items()
        if name not in (DRY_RUN, IF_NONE_MATCH.name)
    }
    return {**named, "validate_only": True} if DRY_RUN in headers else named


# ---------------------------------------------------------------- literals


def python_literal(value: Any, depth: int = 0) -> str:
    """Return a JSON value in Python's syntax, on several lines if it is long."""
    if isinstance(value, Variable):
        return f'os.environ["{value}"]'
    if isinstance(value, str):
        return _python_text(value)
    if isinstance(value, Mapping):
        parts = [
            f"{_python_text(name)}: {python_literal(one, depth + 1)}" for name, one in value.items()
        ]
        return _joined("{}", parts, INDENT, depth)
    if isinstance(value, list):
        return _joined("[]", [python_literal(one, depth + 1) for one in value], INDENT, depth)
    return repr(value)


def _python_text(text: str) -> str:
    """Return a text in double quotes. `repr` escapes whatever cannot be seen."""
    said = repr(text)
    return f'"{said[1:-1]}"' if said[0] == "'" and '"' not in said else said


def javascript_literal(value: Any, depth: int = 0) -> str:
    """Return a JSON value in JavaScript's syntax, on several lines if it is long."""
    if isinstance(value, Mapping):
        parts = [
            f"{_member(name)}: {javascript_literal(one, depth + 1)}" for name, one in value.items()
        ]
        return _joined("{}", parts, "  ", depth, spaced=True)
    if isinstance(value, list):
        return _joined("[]", [javascript_literal(one, depth + 1) for one in value], "  ", depth)
    if isinstance(value, Variable):
        return f"process.env.{value}"
    return _javascript_scalar(value)


def _member(name: str) -> str:
    return name if NAME.fullmatch(name) else _javascript_scalar(name)


def _javascript_scalar(value: Any) -> str:
    return visible(orjson.dumps(value).decode()).replace("\u2028", "\\u2028")


def _joined(
    ends: str, parts: Sequence[str], indent: str, depth: int, *, spaced: bool = False
) -> str:
    line = ", ".join(parts)
    if not parts:
        return ends
    widest = INLINE_BELOW if depth else INLINE
    if "\n" not in line and len(line) + len(indent) * depth < widest:
        return f"{ends[0]} {line} {ends[1]}" if spaced else f"{ends[0]}{line}{ends[1]}"
    inner = "".join(f"{indent * (depth + 1)}{part},\n" for part in parts)
    return f"{ends[0]}\n{inner}{indent * depth}{ends[1]}"
