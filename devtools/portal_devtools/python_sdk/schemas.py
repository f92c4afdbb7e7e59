"""Write JSON Schema as Python types."""

import json
import keyword
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from portal_devtools.python_sdk.declared import Method, python_name

PLAIN = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}
Schema = Mapping[str, Any]

HEAD = '''"""The types of bodies and answers. Made by `make sdk`; not changed by hand."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from cpod_integration.secret import Secret
'''


def module(definitions: Mapping[str, Schema], methods: Iterable[Method]) -> str:
    """Return the module with every type."""
    classes = [_type(name, schema) for name, schema in sorted(definitions.items())]
    return "\n\n".join([HEAD, *classes, *_once(methods)])


def _type(name: str, schema: Schema) -> str:
    if "properties" not in schema:
        return f"{name} = {annotation(schema)}"
    required = set(schema.get("required", ()))
    fields = {
        field: annotation(each) if field in required else f"NotRequired[{annotation(each)}]"
        for field, each in schema["properties"].items()
    }
    return _typed_dict(name, fields, schema)


def _typed_dict(name: str, fields: Mapping[str, str], schema: Schema) -> str:
    if any(keyword.iskeyword(field) for field in fields):
        pairs = "".join(f"{field!r}: {type_!r}," for field, type_ in fields.items())
        return f"{name} = TypedDict({name!r}, {{{pairs}}})"
    return "\n".join([f"class {name}(TypedDict):", _docstring(schema), *_lines(fields, schema)])


def _lines(fields: Mapping[str, str], schema: Schema) -> Iterator[str]:
    for field, type_ in fields.items():
        yield f"    {field}: {type_}"
        if text := schema["properties"][field].get("description"):
            yield docstring(_told(text))


# Sentences of the specification begin so; a docstring tells and does not ask.
ASKED = {"What the app does": "Purpose of the app", "Whether ": "True if ", "When ": "Time when "}


def _told(text: str) -> str:
    for asked, told in ASKED.items():
        if text.startswith(asked):
            return told + text.removeprefix(asked)
    return text


def _docstring(schema: Schema) -> str:
    return docstring(str(schema.get("description", "")).partition("\n\n")[0] or "No fields.")


def _once(methods: Iterable[Method]) -> Iterator[str]:
    for method in methods:
        if not method.shown_once:
            continue
        base = python_name(method.operation.answer.__name__) if method.operation.answer else ""
        text = f"The answer of {method.resource}.{method.name}, with what is shown once only."
        lines = [f"class {method.answer}({base}):", docstring(text)]
        for field in method.shown_once:
            hidden = "Secret" if field in method.secrets else "str"
            lines += [f"    {field}: {hidden} | None", docstring(method.operation.once[field])]
        yield "\n".join(lines)


def docstring(text: str, indent: int = 4) -> str:
    """Return a text as a docstring, folded to the width of the code."""
    pad = " " * indent
    safe = " ".join(text.replace("\\", "\\\\").replace('"""', "'''").split())
    end = '"""' if not safe.endswith('"') else ' """'
    if indent + len(safe) + 6 <= 100:
        return f'{pad}"""{safe}{end}'
    lines = textwrap.wrap(safe, 100 - indent - 6, break_long_words=False, break_on_hyphens=False)
    lines[0] = '"""' + lines[0]
    return "\n".join(pad + line for line in [*lines, '"""'])


def annotation(schema: Schema) -> str:
    """Return the Python type of a JSON Schema."""
    if schema.get("x-secret"):
        plain = {name: value for name, value in schema.items() if name != "x-secret"}
        return annotation(plain).replace("str", "Secret").replace("dict[Secret,", "dict[str,")
    if "$ref" in schema:
        return python_name(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return f"Literal[{_literal(schema['const'])}]"
    if "enum" in schema:
        return f"Literal[{', '.join(map(_literal, schema['enum']))}]"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _union(annotation(each) for each in schema[several])
    return _by_type(schema)


def _by_type(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return _union(_by_type({**schema, "type": each}) for each in kind)
    if kind == "array":
        return f"list[{annotation(schema.get('items') or {})}]"
    if kind == "object":
        inside = schema.get("additionalProperties")
        return f"dict[str, {annotation(inside) if isinstance(inside, Mapping) else 'Any'}]"
    return PLAIN.get(str(kind), "Any")


def _union(types: Iterable[str]) -> str:
    found = dict.fromkeys(types)
    return "Any" if "Any" in found else " | ".join(found)


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
