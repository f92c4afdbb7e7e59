"""The keywords about the value itself: its type, size, range and members' names."""

from fractions import Fraction
from typing import Any

import orjson

from portal.events.jsonschema.evaluation import Check, Place, Run, Seen
from portal.events.jsonschema.here import ANY, ARRAY, NUMBER, OBJECT, STRING, Here, keyword

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
    message = f"Must be of type {' or '.join(names)}."

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        fits = type(value) in kinds or (whole and type(value) is float and value.is_integer())
        return fits or run.fail(place, message)

    return check


@keyword("enum", ANY)
def enum(given: Any, here: Here) -> Check:
    values = here.items(given)
    known = {identity(value) for value in values}
    first = ", ".join(_shown(value) for value in values[:5])
    message = f"Must be one of {first}{' and so on' if len(values) > 5 else ''}."

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        return _identity_at_cost(value, run) in known or run.fail(place, message)

    return check


@keyword("const", ANY)
def const(given: Any, here: Here) -> Check:
    only, message = identity(given), f"Must be {_shown(given)}."

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        return _identity_at_cost(value, run) == only or run.fail(place, message)

    return check


@keyword("uniqueItems", ARRAY)
def unique_items(given: Any, here: Here) -> Check | None:
    if not here.flag(given):
        return None

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        known = {_identity_at_cost(item, run) for item in value}
        return len(known) == len(value) or run.fail(place, "Its items must differ.")

    return check


@keyword("multipleOf", NUMBER)
def multiple_of(given: Any, here: Here) -> Check:
    step = Fraction(repr(here.number(given)))
    if step <= 0:
        raise here.wrong("must be greater than 0")
    message = f"Must be a multiple of {given}."

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(20)
        return (Fraction(repr(value)) / step).denominator == 1 or run.fail(place, message)

    return check


@keyword("minimum", NUMBER)
def minimum(given: Any, here: Here) -> Check:
    least, message = here.number(given), f"Must be {given} or more."
    return lambda value, place, run, seen: value >= least or run.fail(place, message)


@keyword("exclusiveMinimum", NUMBER)
def exclusive_minimum(given: Any, here: Here) -> Check:
    least, message = here.number(given), f"Must be more than {given}."
    return lambda value, place, run, seen: value > least or run.fail(place, message)


@keyword("maximum", NUMBER)
def maximum(given: Any, here: Here) -> Check:
    most, message = here.number(given), f"Must be {given} or less."
    return lambda value, place, run, seen: value <= most or run.fail(place, message)


@keyword("exclusiveMaximum", NUMBER)
def exclusive_maximum(given: Any, here: Here) -> Check:
    most, message = here.number(given), f"Must be less than {given}."
    return lambda value, place, run, seen: value < most or run.fail(place, message)


@keyword("minLength", STRING)
def min_length(given: Any, here: Here) -> Check:
    return _at_least(here.count(given), "Must have {} characters or more.")


@keyword("maxLength", STRING)
def max_length(given: Any, here: Here) -> Check:
    return _at_most(here.count(given), "Must have {} characters or fewer.")


@keyword("minItems", ARRAY)
def min_items(given: Any, here: Here) -> Check:
    return _at_least(here.count(given), "Must have {} items or more.")


@keyword("maxItems", ARRAY)
def max_items(given: Any, here: Here) -> Check:
    return _at_most(here.count(given), "Must have {} items or fewer.")


@keyword("minProperties", OBJECT)
def min_properties(given: Any, here: Here) -> Check:
    return _at_least(here.count(given), "Must have {} properties or more.")


@keyword("maxProperties", OBJECT)
def max_properties(given: Any, here: Here) -> Check:
    return _at_most(here.count(given), "Must have {} properties or fewer.")


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
    return _asking_for(here.texts(given))


@keyword("dependentRequired", OBJECT)
def dependent_required(given: Any, here: Here) -> Check:
    asked = {name: _asking_for(here.texts(names)) for name, names in here.members(given).items()}

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(len(asked))
        return all(one(value, place, run, seen) for name, one in asked.items() if name in value)

    return check


def identity(value: Any) -> str | bytes:
    """Return a key for comparing: equal for values that JSON Schema calls equal, and only for
    those.

    It is a text or bytes, whose hashes are randomised. Those of numbers are not, so a tenant could
    make them collide.
    """
    return value if type(value) is str else orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)


def _identity_at_cost(value: Any, run: Run) -> str | bytes:
    found = identity(value)
    run.work.spend(1 + len(found) // 2 if type(found) is bytes else 1)
    return found


def _plain(value: Any) -> Any:
    if type(value) is float and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if type(value) is list:
        return [_plain(item) for item in value]
    if type(value) is dict:
        return {name: _plain(member) for name, member in value.items()}
    return value


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:60]}…"


def _at_least(least: int, words: str) -> Check:
    message = words.format(least)
    return lambda value, place, run, seen: len(value) >= least or run.fail(place, message)


def _at_most(most: int, words: str) -> Check:
    message = words.format(most)
    return lambda value, place, run, seen: len(value) <= most or run.fail(place, message)


def _asking_for(names: list[str]) -> Check:
    asked = frozenset(names)

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(1 + len(asked) // 8)
        if asked <= value.keys():
            return True
        missing = next(name for name in names if name not in value)
        return run.fail(place, f"“{missing[:100]}” is missing.")

    return check
