"""Turn a JSON schema into fields: for tables that describe them, and for forms."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from portal.records.schemas import UNSEEN

Schema = Mapping[str, Any]
Control = Literal["text", "long", "number", "choice", "lines", "json"]
Where = Literal["path", "query", "header", "body"]

PLURALS = {
    "string": "strings",
    "integer": "integers",
    "number": "numbers",
    "boolean": "booleans",
    "object": "objects",
    "array": "lists",
    "enum": "enum values",
}
FORMATS = {"date-time": "date-time", "date": "date", "uri": "URL"}
# Patterns of more than one field, in words. One without words is shown as it is, if it is short.
PATTERNS = {
    r"^[^\x00]*$": "",
    r"^(19[7-9][0-9]|[2-8][0-9]{3}|9000)-": "year 1970 to 9000",
    r"^[a-z0-9]+(?:-[a-z0-9]+)*$": "lowercase letters and digits, with single hyphens between",
    r"^[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*$": "words with dots between, like `rfp.created`",
    r"^[ -~]*[!-~][ -~]*$": "letters, digits and signs of ASCII",
    r"^[0-9a-f]{64}$": "64 lowercase hexadecimal digits",
}
LONGEST_PATTERN = 60  # characters that still say something to a person
LONG_TEXT = 2500  # characters; a text that may be longer gets a box of several lines
DEEPEST = 2  # levels of nested fields that a table shows


@dataclass(frozen=True, slots=True)
class Row:
    """One field in a table: `retry_policy.maxAttempts`, its type, its rules, its description."""

    name: str
    kind: str
    rules: tuple[str, ...]
    description: str
    required: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. `key` is its name in the form, `query.limit`.

    A field that is `secret` is never sent back to the browser.
    """

    key: str
    where: Where
    name: str
    control: Control
    row: Row
    kind: str
    choices: tuple[str, ...] = ()
    placeholder: str = ""
    secret: bool = False

    @property
    def id(self) -> str:
        """Return the id of its control in the page."""
        return self.key.replace(".", "-").lower()


def field_of(
    where: Where, name: str, schema: Schema, definitions: Schema, row: Row, secret: bool = False
) -> Field:
    """Return a field for one property or parameter."""
    plain = simplified(schema, definitions)
    return Field(
        key=f"{where}.{name}",
        where=where,
        name=name,
        control=_control(plain, definitions),
        row=row,
        kind=str(plain.get("type", "")),
        choices=_choices(plain),
        placeholder=_placeholder(plain),
        secret=secret,
    )


def rows(schema: Schema, definitions: Schema, *, read_only: bool = False) -> list[Row]:
    """Return the properties of an object's schema, nested ones below their parent."""
    return list(_rows(schema, definitions, "", read_only, DEEPEST))


def _rows(
    schema: Schema, definitions: Schema, above: str, read_only: bool, depth: int
) -> Iterator[Row]:
    required = set(schema.get("required", ()))
    for name, one in schema.get("properties", {}).items():
        sealed = read_only or bool(one.get("readOnly"))
        needed = name in required and not read_only
        yield row(above + name, one, definitions, required=needed, read_only=sealed)
        plain = simplified(one, definitions)
        inner = simplified(plain.get("items") or plain, definitions)
        if depth > 1 and "properties" in inner:
            yield from _rows(inner, definitions, f"{above}{name}.", sealed, depth - 1)


def row(
    name: str,
    schema: Schema,
    definitions: Schema,
    *,
    required: bool = False,
    read_only: bool = False,
) -> Row:
    """Return the description of one property or parameter."""
    plain = simplified(schema, definitions)
    return Row(
        name=name,
        kind=_kind(plain, definitions),
        rules=tuple(_rules(schema, plain)),
        description=str(schema.get("description") or plain.get("description") or ""),
        required=required,
        read_only=read_only,
    )


def simplified(schema: Schema, definitions: Schema) -> dict[str, Any]:
    """Return a schema without references, and without the `null` of an optional value."""
    found = dict(schema)
    while "$ref" in found:
        found = dict(definitions.get(found["$ref"].rpartition("/")[2], {}))
    choices = found.get("anyOf") or found.get("oneOf") or found.get("allOf") or []
    real = [one for one in choices if one.get("type") != "null"]
    if len(real) == 1:
        return {**simplified(real[0], definitions), **_own(found)}
    return found


def _own(schema: Schema) -> dict[str, Any]:
    return {name: schema[name] for name in ("description", "default") if name in schema}


def _kind(plain: Schema, definitions: Schema) -> str:
    kind = plain.get("type")
    if "enum" in plain:
        return "enum"
    if isinstance(kind, list):
        return " or ".join(str(one) for one in kind if one != "null")
    if kind == "array":
        inner = simplified(plain.get("items") or {}, definitions)
        of = _kind(inner, definitions)
        return f"list of {PLURALS.get(of, of)}" if inner else "list"
    return FORMATS.get(str(plain.get("format"))) or str(kind or "any value")


NUMBERS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} entries",
    "maxProperties": "at most {} entries",
}


def _rules(schema: Schema, plain: Schema) -> Iterator[str]:
    if choices := plain.get("enum") or (plain.get("items") or {}).get("enum"):
        yield "one of " + ", ".join(f"`{one}`" for one in choices if one is not None)
    for name, words in NUMBERS.items():
        if name in plain:
            yield words.format(f"{plain[name]:,}")
    yield from _lower_bounds(plain)
    if said := _pattern(plain.get("pattern", "")):
        yield said
    if _may_be_null(schema):
        yield "may be null"
    if (default := schema.get("default")) not in (None, [], {}, ""):
        yield f"default `{json.dumps(default, ensure_ascii=False)}`"


def _pattern(pattern: str) -> str:
    """Return a pattern in words, or as it is if it is short; an empty text for a long one."""
    if UNSEEN in pattern:
        return "no invisible characters"
    short = f"matches `{pattern}`" if 0 < len(pattern) <= LONGEST_PATTERN else ""
    return PATTERNS.get(pattern, short)


def _lower_bounds(plain: Schema) -> Iterator[str]:
    for name, unit in (("minLength", "characters"), ("minItems", "entries")):
        if (bound := plain.get(name, 0)) == 1:
            yield "not empty"
        elif bound:
            yield f"at least {bound} {unit}"


def _may_be_null(schema: Schema) -> bool:
    kinds = schema.get("type")
    either = schema.get("anyOf", ())
    return isinstance(kinds, list) or any(one.get("type") == "null" for one in either)


def _choices(plain: Schema) -> tuple[str, ...]:
    if plain.get("type") == "boolean":
        return ("true", "false")
    return tuple(str(one) for one in plain.get("enum", ()) if one is not None)


def _control(plain: Schema, definitions: Schema) -> Control:
    kind = plain.get("type")
    if _choices(plain):
        return "choice"
    if kind in ("integer", "number"):
        return "number"
    if kind == "array":
        inner = simplified(plain.get("items") or {}, definitions)
        return "lines" if inner.get("type") == "string" else "json"
    if kind == "string":
        return "long" if plain.get("maxLength", 0) > LONG_TEXT else "text"
    return "json"


def _placeholder(plain: Schema) -> str:
    return "2026-01-31T09:00:00Z" if plain.get("format") == "date-time" else ""
