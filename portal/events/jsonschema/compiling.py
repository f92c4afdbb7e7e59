"""The compiler that turns a schema into checks, and refuses an invalid or unsupported schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import orjson

from portal.events.jsonschema import applicators, assertions
from portal.events.jsonschema.evaluation import Check, Place, Run, Seen, Subschema
from portal.events.jsonschema.keyword_place import ANY, KEYWORDS, Here, Misshapen
from portal.events.jsonschema.patterns import Pattern, pattern
from portal.events.jsonschema.work_budget import Work

BYTES = 64 * 1024
PARTS = 5000
HEIGHT = 64
PATTERNS, INSTRUCTIONS, UNSUPPORTED = 100, 20_000, 10
KEPT = 32
BYTES_A_STEP = 4
_LAST = ("unevaluatedItems", "unevaluatedProperties")
_TELL_OF_KEYWORDS = (assertions, applicators)  # their import registers the keywords


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled schema, and sentences about the parts of it that are not checked.

    A new schema with `unchecked` parts is refused. One that was stored before that rule applies as
    far as possible: a pattern that is not supported matches everything, and `root` is None when the
    whole schema is invalid.
    """

    root: Subschema | None
    unchecked: tuple[str, ...]


def compiled(schema: Mapping[str, Any], work: Work) -> Compiled:
    """Return the checks of a schema. Raises Exhausted if compiling takes more work than is left."""
    text = orjson.dumps(schema)
    # Charge the work even if the checks are cached: a request's result must not depend on earlier
    # requests.
    work.spend(len(text) // BYTES_A_STEP)
    return _compiled(text)


@lru_cache(KEPT)
def _compiled(text: bytes) -> Compiled:
    if len(text) > BYTES:
        return Compiled(None, (f"This is too large: at most {BYTES // 1024} KiB.",))
    compiler = _Compiler(orjson.loads(text))
    try:
        root = compiler.whole()
    except Misshapen as error:
        return Compiled(None, (f"This is no JSON Schema that is supported: {error}.",))
    except RecursionError:
        return Compiled(None, ("This is nested too deeply.",))
    return Compiled(root, tuple(compiler.unsupported))


class _Compiler:
    def __init__(self, document: Any) -> None:
        self._document = document
        self._made: dict[int, Subschema] = {}
        self._anchors: dict[str, tuple[Any, str]] = {}
        self._waiting: list[tuple[Subschema, Any, str]] = []
        self._patterns: dict[str, Pattern | None] = {}
        self._references: list[tuple[str, str, Subschema]] = []
        self.unsupported: list[str] = []

    def whole(self) -> Subschema:
        root = self.part(self._document, "")
        while self._references:
            to, place, stand_in = self._references.pop()
            target = self.part(*self._target(to, place))
            stand_in.on_the_spot.append(target)
            stand_in.become(dict.fromkeys(ANY, (target.check,)), needs_seen=False)
        for part in list(self._made.values()):
            _measure(part, 0)
        return root

    def part(self, value: Any, place: str) -> Subschema:
        if (known := self._made.get(id(value))) is not None and not isinstance(value, bool):
            return known
        made = Subschema(place)
        if isinstance(value, bool):
            made.become({} if value else dict.fromkeys(ANY, (_nothing,)), needs_seen=False)
            return made
        if not isinstance(value, dict):
            raise Misshapen(f"{place or 'it'} must be a schema: an object, true or false")
        if len(self._made) == PARTS:
            raise Misshapen(f"it has more than {PARTS} schemas in it")
        self._made[id(value)] = made
        self._fill(made, value)
        return made

    def reference(self, to: str, place: str) -> Subschema:
        # Resolve references only after the whole schema is read: anchors may come later, and long
        # chains must not recurse here.
        stand_in = Subschema(place)
        self._references.append((to, place, stand_in))
        return stand_in

    def pattern(self, text: str, place: str) -> Pattern | None:
        if text not in self._patterns:
            try:
                self._patterns[text] = pattern(text)
            except ValueError as error:
                self._patterns[text] = None
                self.unsupported.append(f"The pattern at {place} is not supported: {error}.")
            self._refuse_too_many(place)
        return self._patterns[text]

    def _refuse_too_many(self, place: str) -> None:
        instructions = sum(one.size for one in self._patterns.values() if one)
        if len(self._patterns) > PATTERNS or instructions > INSTRUCTIONS:
            raise Misshapen(f"{place} is more than its patterns may be together")
        if len(self.unsupported) > UNSUPPORTED:
            raise Misshapen(f"{place} is one of many patterns that are not supported")

    def _fill(self, made: Subschema, schema: Mapping[str, Any]) -> None:
        self._note_names(made, schema)
        for definitions in ("$defs", "definitions"):
            inner = schema.get(definitions, {})
            if not isinstance(inner, dict):
                raise Misshapen(f"{_join(made.place, definitions)} must be an object")
            for name, one in inner.items():
                self.part(one, _join(made.place, definitions, name))
        checks: dict[type, list[Check]] = {kind: [] for kind in ANY}
        for name in sorted(schema.keys() & KEYWORDS.keys(), key=lambda one: (one in _LAST, one)):
            kinds, maker = KEYWORDS[name]
            if (check := maker(schema[name], Here(self, schema, name, made))) is not None:
                for kind in kinds:
                    checks[kind].append(check)
        needs_seen = not schema.keys().isdisjoint(_LAST)
        made.become({kind: tuple(those) for kind, those in checks.items()}, needs_seen=needs_seen)

    def _note_names(self, made: Subschema, schema: Mapping[str, Any]) -> None:
        if made.place and "$id" in schema:
            raise Misshapen(f"{_join(made.place, '$id')} cannot stand below the root: remove it")
        for keyword in ("$anchor", "$dynamicAnchor"):
            if keyword in schema:
                self._anchors[str(schema[keyword])] = (schema, made.place)

    def _target(self, to: str, place: str) -> tuple[Any, str]:
        if not to.startswith("#/") and to != "#":
            if (named := self._anchors.get(unquote(to[1:]))) is None:
                raise Misshapen(f"{place} leads nowhere: there is no {to[:100]}")
            return named
        found = at_pointer(self._document, to[1:])
        if not isinstance(found, dict | bool):
            raise Misshapen(f"{place} leads nowhere: there is no schema at {to[:100]}")
        return found, ".".join(_names(to[1:]))


def at_pointer(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer in a URL leads to (RFC 6901, section 6), or None."""
    found = document
    for name in _names(pointer):
        found = _member(found, name)
    return found


def _names(pointer: str) -> list[str]:
    names = pointer.split("/")[1:]
    return [unquote(name).replace("~1", "/").replace("~0", "~") for name in names]


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name.isascii() and name.isdecimal() and len(name) < 6:
        return value[int(name)] if int(name) < len(value) else None
    return None


def _measure(part: Subschema, depth: int) -> None:
    """Raise Misshapen if a part refers to itself, or through too many schemas."""
    if part.height < 0:
        raise Misshapen(f"{part.place or 'it'} leads back to itself")
    if depth + part.height > HEIGHT:
        raise Misshapen(f"{part.place or 'it'} leads through more than {HEIGHT} schemas in a row")
    if part.height == 0:
        part.height = -1
        for one in part.on_the_spot:
            _measure(one, depth + 1)
        part.height = 1 + max((one.height for one in part.on_the_spot), default=0)


def _join(*names: str) -> str:
    return ".".join(name for name in names if name)[:200]


def _nothing(value: Any, place: Place, run: Run, seen: Seen) -> bool:
    return run.fail(place, "Is not allowed here.")
