"""The compiler that turns a schema into checks, and refuses an invalid or unsupported schema."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from portal.events.jsonschema import applicators, assertions
from portal.events.jsonschema.evaluation import Check, Place, Run, Seen, Subschema
from portal.events.jsonschema.kept import Compiled, Kept
from portal.events.jsonschema.keyword_place import ANY, KEYWORDS, Here, Misshapen
from portal.events.jsonschema.patterns import GIVEN_UP, Pattern, cost_of_compiling, pattern
from portal.events.jsonschema.stack_room import with_room
from portal.events.jsonschema.work_budget import STEPS, Exhausted, Work

BYTES = 64 * 1024
PARTS = 5000
HEIGHT = 64
PATTERNS, INSTRUCTIONS, UNSUPPORTED = 100, 20_000, 10
MOST = STEPS // 2
"""The steps that compiling one schema may take. The rest is left for the data."""
# The steps for a schema, a schema or reference in it, a keyword, and a name in a reference. An
# escaped character of a name takes one more.
WHOLE, PART, KEYWORD, NAME = 50, 14, 10, 4
BYTES_A_STEP = 8
_LAST = ("unevaluatedItems", "unevaluatedProperties")
_TELL_OF_KEYWORDS = (assertions, applicators)  # their import registers the keywords
_ORDER = {name: (name in _LAST, name) for name in KEYWORDS}
_TOO_MUCH_WORK = (
    "Reading this schema takes too much work. Use fewer subschemas, fewer keywords or simpler"
    " patterns."
)
_kept = Kept(MOST)


def compiled(owner: str, schema: Mapping[str, Any], work: Work) -> Compiled:
    """Return the checks of an owner's schema.

    Raises Exhausted if compiling takes more work than is left.
    """
    text = orjson.dumps(schema)
    if len(text) > BYTES:
        made = _too_large(text)
    elif (kept := _kept.get(owner, text)) is not None:
        made = kept
    else:
        made = _compiled(text, work.left)
        _kept.keep(owner, text, made)
    # Charge the work even if the checks are kept: a request's result must not depend on earlier
    # requests.
    work.spend(made.steps)
    return made


def _too_large(text: bytes) -> Compiled:
    # It is not kept: its steps are limited, so they would not weigh its bytes.
    reason = f"This is too large: at most {BYTES // 1024} KiB."
    return Compiled(None, (reason,), min(MOST, WHOLE + len(text) // BYTES_A_STEP))


@with_room
def _compiled(text: bytes, left: int) -> Compiled:
    work = Work(min(MOST, left))
    try:
        root, unchecked = _checks(text, work)
    except Exhausted:
        if left < MOST:
            raise
        return Compiled(None, (_TOO_MUCH_WORK,), MOST)
    return Compiled(root, unchecked, min(MOST, left) - work.left)


def _checks(text: bytes, work: Work) -> tuple[Subschema | None, tuple[str, ...]]:
    work.spend(WHOLE + len(text) // BYTES_A_STEP)
    compiler = _Compiler(orjson.loads(text), work)
    try:
        root = compiler.whole()
    except Misshapen as error:
        return None, (f"This is no JSON Schema that is supported: {error}.",)
    except RecursionError:
        return None, ("This is nested too deeply.",)
    return root, tuple(compiler.unsupported)


class _Compiler:
    def __init__(self, document: Any, work: Work) -> None:
        self._document, self.work = document, work
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
        self.work.spend(PART)
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
        self.work.spend(PART)
        stand_in = Subschema(place)
        self._references.append((to, place, stand_in))
        return stand_in

    def pattern(self, text: str, place: str) -> Pattern | None:
        if text not in self._patterns:
            self.work.spend(cost_of_compiling(text))
            try:
                self._patterns[text] = pattern(text)
            except ValueError as error:
                self.work.spend(GIVEN_UP)
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
        self._define(made, schema)
        checks: dict[type, list[Check]] = {}
        for name in sorted(schema.keys() & KEYWORDS.keys(), key=_ORDER.__getitem__):
            self.work.spend(KEYWORD)
            kinds, maker = KEYWORDS[name]
            if (check := maker(schema[name], Here(self, schema, name, made))) is not None:
                for kind in kinds:
                    checks.setdefault(kind, []).append(check)
        needs_seen = not schema.keys().isdisjoint(_LAST)
        made.become({kind: tuple(those) for kind, those in checks.items()}, needs_seen=needs_seen)

    def _define(self, made: Subschema, schema: Mapping[str, Any]) -> None:
        for definitions in ("$defs", "definitions"):
            if definitions not in schema:
                continue
            inner = schema[definitions]
            if not isinstance(inner, dict):
                raise Misshapen(f"{_join(made.place, definitions)} must be an object")
            for name, one in inner.items():
                self.part(one, _join(made.place, definitions, name))

    def _note_names(self, made: Subschema, schema: Mapping[str, Any]) -> None:
        if made.place and "$id" in schema:
            raise Misshapen(f"{_join(made.place, '$id')} cannot stand below the root: remove it")
        for keyword in ("$anchor", "$dynamicAnchor"):
            if keyword in schema:
                self._anchors[str(schema[keyword])] = (schema, made.place)

    def _target(self, to: str, place: str) -> tuple[Any, str]:
        self.work.spend(NAME * to.count("/") + to.count("%"))
        if not to.startswith("#/") and to != "#":
            if (named := self._anchors.get(unquote(to[1:]))) is None:
                raise Misshapen(f"{place} leads nowhere: there is no {to[:100]}")
            return named
        names = _names(to[1:])
        found = _at(self._document, names)
        if not isinstance(found, dict | bool):
            raise Misshapen(f"{place} leads nowhere: there is no schema at {to[:100]}")
        return found, _join(*names)


def at_pointer(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer in a URL leads to (RFC 6901, section 6), or None."""
    return _at(document, _names(pointer))


def _at(document: Any, names: Iterable[str]) -> Any:
    found = document
    for name in names:
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
        part.height = 1 + max([one.height for one in part.on_the_spot], default=0)


def _join(*names: str) -> str:
    return ".".join(name for name in names if name)[:200]


def _nothing(value: Any, place: Place, run: Run, seen: Seen) -> bool:
    return run.fail(place, "Is not allowed here.")
