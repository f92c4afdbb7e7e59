"""The keywords that apply other schemas to the value or to its members."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from portal.events.jsonschema.evaluation import Check, Place, Run, Seen, Subschema
from portal.events.jsonschema.keyword_place import ANY, ARRAY, OBJECT, Here, Maker, keyword

BUILT = 4
"""A list of so many members takes a step. It is charged before it is made: it may be long."""


@keyword("$ref", ANY)
@keyword("$dynamicRef", ANY)
def ref(given: Any, here: Here) -> Check:
    # Both mean the same within one document, and references cannot leave the document.
    return here.reference(given).check


@keyword("allOf", ANY)
def all_of(given: Any, here: Here) -> Check:
    parts = _several(given, here)

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        fits = True
        for part in parts:
            if not part.check(value, place, run, seen):
                fits = False
                if run.is_done:
                    return False
        return fits

    return check


@keyword("anyOf", ANY)
def any_of(given: Any, here: Here) -> Check:
    parts = _several(given, here)
    message = f"Must fit at least one of {len(parts)} alternatives (anyOf)."

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        fits = False
        for part in parts:
            if run.fits(part, value, seen):
                fits = True
                if seen is None:
                    return True
        return fits or run.fail(place, message)

    return check


@keyword("oneOf", ANY)
def one_of(given: Any, here: Here) -> Check:
    parts = _several(given, here)
    message = f"Must fit exactly one of {len(parts)} alternatives (oneOf); fits "

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        fitting = 0
        for part in parts:
            if run.fits(part, value, None if fitting else seen):
                fitting += 1
                if fitting == 2:
                    break
        if fitting == 1:
            return True
        return run.fail(place, f"{message}{'several' if fitting else 'none'}.")

    return check


@keyword("not", ANY)
def not_(given: Any, here: Here) -> Check:
    part = here.on_the_spot(given)

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        return not run.fits(part, value) or run.fail(place, "Must not fit what is excluded (not).")

    return check


@keyword("if", ANY)
def if_(given: Any, here: Here) -> Check:
    asked, then, otherwise = here.on_the_spot(given), here.beside("then"), here.beside("else")

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        if run.fits(asked, value, seen):
            return then is None or then.check(value, place, run, seen)
        return otherwise is None or otherwise.check(value, place, run, seen)

    return check


@keyword("dependentSchemas", OBJECT)
def dependent_schemas(given: Any, here: Here) -> Check:
    parts = {name: here.on_the_spot(one, name) for name, one in here.members(given).items()}

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(len(parts))
        meant = (part for name, part in parts.items() if name in value)
        return all(part.check(value, place, run, seen) for part in meant)

    return check


@keyword("properties", OBJECT)
def properties(given: Any, here: Here) -> Check:
    parts = {name: here.part(one, name) for name, one in here.members(given).items()}

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(len(value) // BUILT)
        names = [name for name in value if name in parts]
        return _members(run, place, seen, [(n, value[n], parts[n]) for n in names])

    return check


@keyword("patternProperties", OBJECT)
def pattern_properties(given: Any, here: Here) -> Check:
    parts = [
        (pattern, here.part(one, text))
        for text, one in here.members(given).items()
        if (pattern := here.pattern(text, text))
    ]

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        meant = []
        for pattern, part in parts:
            for name in value:
                run.work.spend(pattern.cost(name))
                if pattern.finds(name):
                    meant.append((name, value[name], part))
        return _members(run, place, seen, meant)

    return check


@keyword("additionalProperties", OBJECT)
def additional_properties(given: Any, here: Here) -> Check | None:
    part = here.part(given)
    known = here.schema.get("properties")
    names = frozenset(known) if isinstance(known, dict) else frozenset()
    others = here.schema.get("patternProperties")
    texts = list(others) if isinstance(others, dict) else []
    patterns = [found for text in texts if (found := here.pattern(text))]
    if len(patterns) < len(texts):  # an unsupported pattern may match any member
        return None

    def is_known(name: str, run: Run) -> bool:
        for pattern in patterns:
            run.work.spend(pattern.cost(name))
            if pattern.finds(name):
                return True
        return False

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(len(value) // BUILT)
        meant = [(name, value[name], part) for name in value.keys() - names]
        if patterns:
            meant = [one for one in meant if not is_known(one[0], run)]
        return _members(run, place, seen, meant)

    return check


@keyword("propertyNames", OBJECT)
def property_names(given: Any, here: Here) -> Check:
    part = here.part(given)

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(len(value) // BUILT)
        return _members(run, place, None, [(name, name, part) for name in value])

    return check


@keyword("prefixItems", ARRAY)
def prefix_items(given: Any, here: Here) -> Check:
    parts = [here.part(one, number) for number, one in enumerate(here.items(given))]

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        pairs = zip(value, parts, strict=False)
        return _members(run, place, seen, [(n, item, part) for n, (item, part) in enumerate(pairs)])

    return check


@keyword("items", ARRAY)
def items(given: Any, here: Here) -> Check:
    part = here.part(given)
    prefix = here.schema.get("prefixItems")
    first = len(prefix) if isinstance(prefix, list) else 0

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(len(value) // BUILT)
        rest = [(number, value[number], part) for number in range(first, len(value))]
        return _members(run, place, seen, rest)

    return check


@keyword("contains", ARRAY)
def contains(given: Any, here: Here) -> Check:
    part = here.part(given)
    least = here.count(here.schema.get("minContains", 1))
    most = here.count(here.schema.get("maxContains", 2**31))

    def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
        run.work.spend(len(value))
        found = [number for number, item in enumerate(value) if run.fits(part, item)]
        if seen is not None:
            run.add(set(found), seen)
        if len(found) < least:
            return run.fail(place, f"Must contain {least} of what is asked for or more.")
        return len(found) <= most or run.fail(
            place, f"Must contain {most} of what is asked for or fewer."
        )

    return check


def _unevaluated(members: Callable[[Any], Iterable[tuple[str | int, Any]]]) -> Maker:
    def make(given: Any, here: Here) -> Check:
        part = here.part(given)

        def check(value: Any, place: Place, run: Run, seen: Seen) -> bool:
            run.work.spend(len(value) // BUILT)
            known = seen or ()
            meant = [(name, member, part) for name, member in members(value) if name not in known]
            return _members(run, place, seen, meant)

        return check

    return make


keyword("unevaluatedProperties", OBJECT)(_unevaluated(dict.items))
keyword("unevaluatedItems", ARRAY)(_unevaluated(enumerate))


def _several(given: Any, here: Here) -> list[Subschema]:
    found = here.items(given)
    if not found:
        raise here.wrong("must name one schema or more")
    return [here.on_the_spot(one, number) for number, one in enumerate(found)]


def _members(
    run: Run, place: Place, seen: Seen, meant: Sequence[tuple[str | int, Any, Subschema]]
) -> bool:
    """Check members of a value, each with its schema, and record them as checked."""
    fits = True
    run.work.spend(2 + len(meant))
    if seen is not None:
        seen.update(name for name, _, _ in meant)
    for name, member, part in meant:
        if not part.check(member, (place, name), run, None):
            fits = False
            if run.is_done:
                return False
    return fits
