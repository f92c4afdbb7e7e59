"""The keywords about the value itself: its type, size, range and members' names."""

from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any

import orjson

from portal.events.jsonschema.evaluation import Check, Place, Run, Seen
from portal.events.jsonschema.keyword_place import (
    ANY,
    ARRAY,
    NUMBER,
    OBJECT,
    STRING,
    Here,
    Maker,
    keyword,
)
from portal.events.jsonschema.work_budget import Work

Compare = Callable[[Any, Any], bool]
TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


@keyword("type", ANY)
def type_(given: Any, here: Here) -> Check:
    names = [given] if isinstance(given, str) else here.texts(given)
    if not names or not set(names) <= set(TYPES):
        raise here.wrong(f"must be one or more of {', '.join(TYPES)}")
    kinds = {kind for name in names for kind in TYPES[name]}
    whole = "integer" in names and "number" not in names
    message = f"Must be of type {' or '.join(dict.fromkeys(names))}."

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        fits = type(value) in kinds or (whole and type(value) is float and value.is_integer())
        return fits or run.fail(place, message)

    return check


@keyword("enum", ANY)
def enum(given: Any, here: Here) -> Check:
    values = here.items(given)
    known = {identity(value, here.work) for value in values}
    first = ", ".join(_shown(value) for value in values[:5])
    message = f"Must be one of {first}{' and so on' if len(values) > 5 else ''}."

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        return identity(value, run.work) in known or run.fail(place, message)

    return check


@keyword("const", ANY)
def const(given: Any, here: Here) -> Check:
    only, message = identity(given, here.work), f"Must be {_shown(given)}."

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        return identity(value, run.work) == only or run.fail(place, message)

    return check


@keyword("uniqueItems", ARRAY)
def unique_items(given: Any, here: Here) -> Check | None:
    if not here.flag(given):
        return None

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        known = {identity(item, run.work) for item in value}
        return len(known) == len(value) or run.fail(place, "Its items must differ.")

    return check


@keyword("multipleOf", NUMBER)
def multiple_of(given: Any, here: Here) -> Check:
    step, power = _decimal(here.number(given))
    if step <= 0:
        raise here.wrong("must be greater than 0")
    message = f"Must be a multiple of {given}."

    def is_multiple(value: int | float) -> bool:
        digits, own_power = _decimal(value)
        shift = own_power - power
        if shift < 0:
            longer: int = step * 10**-shift
            return digits % longer == 0
        # The remainder keeps the numbers short where 1e308 is divided by 1e-308.
        remainder: int = pow(10, shift, step)
        return digits * remainder % step == 0

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(8)
        return is_multiple(value) or run.fail(place, message)

    return check


def _decimal(number: int | float) -> tuple[int, int]:
    """Return a number as whole digits and the power of ten that they are multiplied by."""
    text, _, power = repr(number).partition("e")
    whole, _, fraction = text.partition(".")
    return int(whole + fraction), int(power or 0) - len(fraction)


def _limit(fits: Compare, words: str) -> Maker:
    def make(given: Any, here: Here) -> Check:
        limit, message = here.number(given), words.format(given)
        return lambda value, place, run, seen: fits(value, limit) or run.fail(place, message)

    return make


def _size(fits: Compare, words: str) -> Maker:
    def make(given: Any, here: Here) -> Check:
        limit = here.count(given)
        message = words.format(limit)
        return lambda value, place, run, seen: fits(len(value), limit) or run.fail(place, message)

    return make


for name, fits, words in (
    ("minimum", ge, "Must be {} or more."),
    ("exclusiveMinimum", gt, "Must be more than {}."),
    ("maximum", le, "Must be {} or less."),
    ("exclusiveMaximum", lt, "Must be less than {}."),
):
    keyword(name, NUMBER)(_limit(fits, words))

for kinds, of, parts in (
    (STRING, "Length", "characters"),
    (ARRAY, "Items", "items"),
    (OBJECT, "Properties", "properties"),
):
    keyword(f"min{of}", kinds)(_size(ge, f"Must have {{}} {parts} or more."))
    keyword(f"max{of}", kinds)(_size(le, f"Must have {{}} {parts} or fewer."))


@keyword("pattern", STRING)
def pattern(given: Any, here: Here) -> Check | None:
    if (found := here.pattern(given)) is None:
        return None
    message = f"Must match the pattern {found.text[:100]}"

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(found.cost(value))
        return found.finds(value) or run.fail(place, message)

    return check


@keyword("required", OBJECT)
def required(given: Any, here: Here) -> Check:
    return _required(here.texts(given))


@keyword("dependentRequired", OBJECT)
def dependent_required(given: Any, here: Here) -> Check:
    here.work.spend(4 * len(here.members(given)))
    checks = {name: _required(here.texts(names)) for name, names in given.items()}

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(len(checks))
        return all(one(value, place, run, seen) for name, one in checks.items() if name in value)

    return check


def identity(value: Any, work: Work) -> str | bytes:
    """Return a key that is equal for values that JSON Schema calls equal, and only for those.

    It is a text or bytes, whose hashes are randomised. Hashes of numbers are not, so a tenant could
    make them collide.
    """
    work.spend(4)
    if type(value) is str:
        return value
    found = orjson.dumps(_plain(value, work), option=orjson.OPT_SORT_KEYS)
    work.spend(len(found) // 8)
    return b"%b" % found  # a copy: the library's own takes a KiB, however short it is


def _plain(value: Any, work: Work) -> Any:
    if type(value) is float and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if type(value) is list:
        work.spend(2 + len(value))
        return [_plain(item, work) for item in value]
    if type(value) is dict:
        work.spend(2 + len(value))
        return {name: _plain(member, work) for name, member in value.items()}
    return value


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:60]}…"


def _required(names: list[str]) -> Check:
    asked = frozenset(names)

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(1 + len(asked) // 4)
        if asked <= value.keys():
            return True
        missing = next(name for name in names if name not in value)
        return run.fail(place, f"“{missing[:100]}” is missing.")

    return check
