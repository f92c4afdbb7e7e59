"""Write a JSON schema of the document as a TypeScript type."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]

WORDS = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
UNKNOWN = "unknown"


def type_of(schema: Any) -> str:
    """Return the TypeScript type of a schema: `unknown` for one that allows everything."""
    if not isinstance(schema, Mapping):
        return UNKNOWN
    choices = [schema.get(word, ()) for word in ("anyOf", "oneOf")]
    alternatives = [union(map(type_of, choice)) for choice in choices]
    parts = [_own(schema), *alternatives, *map(type_of, schema.get("allOf", ()))]
    told = list(dict.fromkeys(part for part in parts if part != UNKNOWN))
    written = " & ".join(map(_grouped, told)) if len(told) > 1 else (told or [UNKNOWN])[0]
    return f"Hidden<{written}>" if schema.get("x-secret") else written


def union(types: Iterable[str]) -> str:
    """Return the union of types, `unknown` if one of them is, or if there is none."""
    found = list(dict.fromkeys(types))
    return UNKNOWN if UNKNOWN in found or not found else " | ".join(found)


def comment(text: str | None, indent: str = "") -> str:
    """Return a documentation comment with its line end, or nothing for no text."""
    if not text:
        return ""
    lines = text.strip().replace("*/", "*\\/").splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def members(schema: Schema, indent: str = "  ") -> str:
    """Return the lines between the braces of an object type."""
    required = schema.get("required", ())
    return "".join(
        comment(_description(each), indent)
        + f"{indent}{_key(name)}{'' if name in required else '?'}: {type_of(each)};\n"
        for name, each in schema.get("properties", {}).items()
    )


def name_of(reference: str) -> str:
    """Return the name of the type that `#/components/schemas/Name` refers to."""
    return re.sub(r"\W", "_", reference.rsplit("/", 1)[-1])


def _own(schema: Schema) -> str:
    if "$ref" in schema:
        return name_of(schema["$ref"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return union(json.dumps(each) for each in schema["enum"])
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return union(_of_kind(kind, schema) for kind in kinds)


def _of_kind(kind: str, schema: Schema) -> str:
    if kind == "array":
        return _array(schema)
    if kind == "object":
        return _object(schema)
    return WORDS[kind]


def _array(schema: Schema) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(map(type_of, schema['prefixItems']))}]"
    entry = type_of(schema.get("items"))
    if (length := schema.get("minItems")) and length == schema.get("maxItems"):
        return f"[{', '.join([entry] * length)}]"
    return f"{_grouped(entry)}[]"


def _object(schema: Schema) -> str:
    if schema.get("properties"):
        return "{\n" + members(schema, "    ") + "  }"
    others = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    allowed = [each for each in others if each is not None and each is not False]
    return f"Record<string, {union(map(type_of, allowed))}>"


def _grouped(written: str) -> str:
    return f"({written})" if " | " in written or " & " in written else written


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_$][\w$]*", name) else json.dumps(name)


def _description(schema: Any) -> str | None:
    return schema.get("description") if isinstance(schema, Mapping) else None
