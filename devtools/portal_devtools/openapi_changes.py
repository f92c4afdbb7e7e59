"""Find the changes of an OpenAPI document that break programs written for the one before.

What a program sends may be accepted more widely, and what it receives may be promised more
narrowly, but not the reverse. Schemas are compared as our document writes them: `$ref`, `allOf` of
objects, `anyOf` with null, `type` as a word or a list.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
EXACT = ("pattern", "format", "multipleOf")


def breaking_changes(before: Json, after: Json) -> list[str]:
    """Return a sentence for each change that breaks a program."""
    return list(Comparison(before, after).sentences())


@dataclass(frozen=True)
class Comparison:
    """Two documents."""

    before: Json
    after: Json

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each breaking change."""
        for path, item in self.before.get("paths", {}).items():
            for method in METHODS:
                if method not in item:
                    continue
                name = f"{method.upper()} {path}"
                now = self.after.get("paths", {}).get(path, {}).get(method)
                if now is None:
                    yield f"{name}: the operation is gone."
                else:
                    yield from self._operation(name, item[method], now)
        for name in self.before.get("webhooks", {}).keys() - self.after.get("webhooks", {}).keys():
            yield f"webhook {name}: it is gone."

    def _operation(self, name: str, was: Json, now: Json) -> Iterator[str]:
        if was.get("operationId") != now.get("operationId"):
            yield f"{name}: the operation's id changed."
        yield from self._parameters(name, was, now)
        yield from self._body(name, was, now)
        yield from self._responses(name, was, now)

    def _parameters(self, name: str, was: Json, now: Json) -> Iterator[str]:
        old, new = _by_name(was), _by_name(now)
        for key, parameter in old.items():
            place = f"{name}: parameter {key[1]}"
            if key not in new:
                yield f"{place} is gone."
                continue
            schemas = parameter.get("schema", {}), new[key].get("schema", {})
            yield from self._sent(place, *schemas, ())
        for key, parameter in new.items():
            if parameter.get("required") and not old.get(key, {}).get("required"):
                yield f"{name}: parameter {key[1]} is required now."

    def _body(self, name: str, was: Json, now: Json) -> Iterator[str]:
        old, new = was.get("requestBody", {}), now.get("requestBody", {})
        if new.get("required") and not old.get("required"):
            yield f"{name}: a body is required now."
        for kind, content in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{name}: the body may not be {kind} any more."
                continue
            schemas = content.get("schema", {}), new["content"][kind].get("schema", {})
            yield from self._sent(f"{name}: body", *schemas, ())

    def _responses(self, name: str, was: Json, now: Json) -> Iterator[str]:
        for status, response in was.get("responses", {}).items():
            if status not in now.get("responses", {}):
                yield f"{name}: the answer {status} is gone."
                continue
            old, new = self._old(response), self._new(now["responses"][status])
            for header in old.get("headers", {}).keys() - new.get("headers", {}).keys():
                yield f"{name}: the answer {status} has no header {header} any more."
            for kind, content in old.get("content", {}).items():
                if kind not in new.get("content", {}):
                    yield f"{name}: the answer {status} is not {kind} any more."
                    continue
                schemas = content.get("schema", {}), new["content"][kind].get("schema", {})
                yield from self._received(f"{name}: answer {status}", *schemas, ())

    # ------------------------------------------------------------ what a program sends

    def _sent(self, place: str, was: Any, now: Any, seen: tuple[Any, ...]) -> Iterator[str]:
        """Yield what was accepted and is not accepted any more."""
        old, new = self._old(was), self._new(now)
        if _pair(was, now) in seen:
            return
        seen = (*seen, _pair(was, now))
        yield from _narrowed(place, old, new)
        yield from _bounds(place, old, new)
        properties = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name in properties:
                yield from self._sent(f"{place}.{name}", schema, properties[name], seen)
            else:
                yield f"{place}.{name} is gone."
        for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
            yield f"{place}.{name} is required now."
        if "items" in old or "items" in new:
            yield from self._sent(f"{place}[]", old.get("items", {}), new.get("items", {}), seen)

    # ------------------------------------------------------------ what a program receives

    def _received(self, place: str, was: Any, now: Any, seen: tuple[Any, ...]) -> Iterator[str]:
        """Yield what was promised and is not promised any more."""
        old, new = self._old(was), self._new(now)
        if _pair(was, now) in seen:
            return
        seen = (*seen, _pair(was, now))
        yield from _narrowed(place, new, old, "is new here")
        yield from _lost(place, old, new)
        properties = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name in properties:
                yield from self._received(f"{place}.{name}", schema, properties[name], seen)
            else:
                yield f"{place}.{name} is gone."
        for name in sorted(set(old.get("required", ())) - set(new.get("required", ()))):
            if name in properties:
                yield f"{place}.{name} may be missing now."
        if "items" in old or "items" in new:
            yield from self._received(
                f"{place}[]", old.get("items", {}), new.get("items", {}), seen
            )

    # ------------------------------------------------------------ resolving

    def _old(self, schema: Any) -> dict[str, Any]:
        return _flat(schema, self.before)

    def _new(self, schema: Any) -> dict[str, Any]:
        return _flat(schema, self.after)


def _by_name(operation: Json) -> dict[tuple[str, str], Json]:
    return {(one["in"], one["name"]): one for one in operation.get("parameters", ())}


def _pair(was: Any, now: Any) -> tuple[Any, Any] | None:
    names = was.get("$ref"), now.get("$ref")
    return names if all(names) else (id(was), id(now))


def _flat(schema: Any, document: Json) -> dict[str, Any]:
    """Return a schema with its references followed, and the members of `allOf` put together."""
    found: dict[str, Any] = {}
    parts = [schema]
    if "$ref" in schema:
        parts.append(_followed(schema["$ref"], document))
    for part in parts:
        for one in part.get("allOf", ()):
            _add(found, _flat(one, document))
        _add(found, {k: v for k, v in part.items() if k not in ("$ref", "allOf")})
    return _without_null(found, document)


def _without_null(schema: dict[str, Any], document: Json) -> dict[str, Any]:
    """Return `anyOf` of one schema and null as that schema, which may be null."""
    choices = schema.get("anyOf", ())
    others = [one for one in choices if one != {"type": "null"}]
    if len(others) != 1 or len(choices) != 2:
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**rest, **_flat(others[0], document), "nullable": True}


def _followed(ref: str, document: Any) -> Any:
    for part in ref.removeprefix("#/").split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def _add(found: dict[str, Any], part: Json) -> None:
    for name, value in part.items():
        if name == "properties":
            found["properties"] = {**found.get("properties", {}), **value}
        elif name == "required":
            found["required"] = sorted({*found.get("required", ()), *value})
        else:
            found[name] = value


# ---------------------------------------------------------------- one value


def _types(schema: Json) -> frozenset[str] | None:
    """Return the JSON types that a value may have; None if it may have any."""
    if "const" in schema or "enum" in schema:
        return None  # its values are compared
    kinds = schema.get("type")
    if kinds is None:
        return None
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    if "number" in found:
        found.add("integer")
    if schema.get("nullable"):
        found.add("null")
    return frozenset(found)


def _values(schema: Json) -> tuple[Any, ...]:
    if "const" in schema:
        return (schema["const"],)
    values = tuple(schema.get("enum", ()))
    return (*values, None) if values and schema.get("nullable") else values


def _narrowed(place: str, wide: Json, narrow: Json, said: str = "is gone") -> Iterator[str]:
    """Yield the types and values of `wide` that are not among those of `narrow`."""
    kinds, left = _types(wide), _types(narrow)
    if left is not None and kinds is None and not _values(wide):
        yield f"{place}: any type was allowed; {said}."
    for kind in sorted((kinds or frozenset()) - (left or kinds or frozenset())):
        yield f"{place}: the type {kind} {said}."
    if _values(narrow):
        if not _values(wide):
            yield f"{place}: any value; {said}."
        for value in set(map(str, _values(wide))) - set(map(str, _values(narrow))):
            yield f"{place}: the value {value} {said}."


def _lost(place: str, old: Json, new: Json) -> Iterator[str]:
    if _values(new):
        for value in sorted(set(map(str, _values(old))) - set(map(str, _values(new)))):
            yield f"{place}: the value {value} is gone."


def _fits(old: Json, new: Json) -> bool:
    """Tell whether the values that were listed have the pattern that replaces their list."""
    values = _values(old)
    return bool(values) and all(re.search(new.get("pattern", ""), str(one)) for one in values)


def _bounds(place: str, old: Json, new: Json) -> Iterator[str]:
    for word in AT_MOST:
        if word in new and new[word] < old.get(word, float("inf")):
            yield f"{place}: {word} is smaller now."
    for word in AT_LEAST:
        if word in new and new[word] > old.get(word, float("-inf")):
            yield f"{place}: {word} is larger now."
    for word in EXACT:
        if word in new and new[word] != old.get(word) and not _fits(old, new):
            yield f"{place}: {word} changed."
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{place}: other fields are refused now."
