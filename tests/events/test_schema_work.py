"""A step of the work on tenants' schemas takes about as long, whatever a schema asks for."""

import gc
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from portal.events.jsonschema import STEPS, Exhausted, Work, compiled, misfits, with_room

FACTOR = (
    6  # generous, because machines are busy: what was charged too little took 10 times and more
)
OWNERS = count()
NAMES = [f"field_{n}" for n in range(30)]
ORDINARY = {
    "type": "object",
    "required": NAMES,
    "properties": {name: {"type": "string", "maxLength": 200} for name in NAMES},
}
EVENTS = [dict.fromkeys(NAMES, "a value")] * 500


def read(schema: Any, work: Work) -> None:
    """Compile a schema as for the first time."""
    compiled(f"tenant {next(OWNERS)}", schema, work)


def held_against(schema: Any, data: Any) -> Callable[[Work], Any]:
    """Return the check of the data."""
    root = compiled("a tenant", schema, Work()).root
    assert root is not None
    return lambda work: misfits(root, data, work)


@with_room
def seconds_a_step(take: Callable[[Work], Any]) -> float:
    """Return the processor time that a step of this work takes, at its best."""

    def once() -> float:
        work = Work()
        begun = time.thread_time()
        try:
            take(work)
        except Exhausted:
            work.left = 0
        return (time.thread_time() - begun) / (STEPS - work.left)

    gc.disable()
    try:
        return min(once() for _ in range(4))
    finally:
        gc.enable()


def nested(levels: int, schema: Any, keyword: str = "anyOf") -> dict[str, Any]:
    for _ in range(levels):
        schema = {keyword: [schema]}
    return dict(schema)


READ = {
    "multiples of tiny fractions": {"allOf": [{"multipleOf": 5e-324}] * 2000},
    "schemas without keywords": {"allOf": [{}] * 4000},
    "schemas within schemas": {"allOf": [{"not": {}}] * 1500},
    "choices": {"allOf": [{"enum": [1]}] * 1500},
    "references": {"$defs": {"a": {}}, "allOf": [{"$ref": "#/$defs/a"}] * 1400},
    "a class of characters after the other": {"pattern": r"[\pL\pN\PL]" * 2000},
    "patterns that are not supported": {"allOf": [{"pattern": rf"\pL{{9}}{n}"} for n in range(9)]},
}


REPEATS = {
    "a character": "a{0,1000}" * 3000,
    "a group": "(?:|a){0,1000}" * 2000,
    "a group of repeats": "(?:[a-z]{30}b){33,}" * 1500,
    "a position": "(?:^*){1000}" * 2000,
    "a class that does not end": "a{0,1000}" * 3000 + "[b",
    "after a quoted bracket": r"\Q[\E" + "a{0,1000}" * 3000,
    "in a group that never comes": "(?:" + "a{0,1000}" * 3000 + "){0}",
    "many patterns": "a{0,1000}" * 10,
}


@pytest.mark.parametrize("text", REPEATS.values(), ids=REPEATS)
def test_a_pattern_costs_what_its_repeats_do(text: str) -> None:
    many = min(50, 60_000 // len(text))
    schema = {"allOf": [{"pattern": f"{text}{n}"} for n in range(many)]}
    usual = seconds_a_step(held_against({"items": ORDINARY}, EVENTS))
    assert seconds_a_step(lambda work: read(schema, work)) < FACTOR * usual


def test_ordinary_patterns_with_repeats_cost_little() -> None:
    work = Work()
    ordinary = [r"^[a-z0-9-]{1,63}$", r"^\+[1-9]\d{1,14}$", r"^[0-9A-F]{8}(-[0-9A-F]{4}){3}$"]
    read({"anyOf": [{"pattern": f"{text}|{n}"} for text in ordinary for n in range(50)]}, work)
    assert work.left >= STEPS // 2


@pytest.mark.parametrize("schema", READ.values(), ids=READ)
def test_a_step_of_reading_a_schema_takes_no_longer_than_another(schema: Any) -> None:
    usual = seconds_a_step(held_against({"items": ORDINARY}, EVENTS))
    assert seconds_a_step(lambda work: read(schema, work)) < FACTOR * usual


@pytest.mark.parametrize("schema", READ.values(), ids=READ)
def test_reading_a_schema_leaves_half_of_the_work_for_data(schema: Any) -> None:
    work = Work()
    read(schema, work)
    assert work.left >= STEPS // 2


def test_no_tenant_displaces_what_was_compiled_for_another() -> None:
    kept = compiled("globex", ORDINARY, Work())
    for number in range(40):
        compiled("acme", {"title": str(number), "allOf": [{"minLength": 1}] * 1000}, Work())
    assert compiled("globex", ORDINARY, Work()) is kept


@pytest.mark.parametrize("size", [70_000, 700_000])
def test_a_schema_that_is_too_large_is_not_kept_and_displaces_nothing(size: int) -> None:
    kept = compiled("initech", ORDINARY, Work())
    large, work = {"description": "x" * size}, Work()
    refused = compiled("initech", large, work)
    assert refused.unchecked == ("This is too large: at most 64 KiB.",)
    assert STEPS - work.left >= min(STEPS // 2, size // 8)
    assert compiled("initech", large, Work()) is not refused
    assert compiled("initech", ORDINARY, Work()) is kept


def test_the_escaped_characters_of_a_reference_are_charged() -> None:
    spent = []
    for name in ("%41" * 9000, "A" * 27_000):
        work = Work()
        read({"$ref": f"#/$defs/{name}", "$defs": {"A": True}}, work)
        spent.append(STEPS - work.left)
    assert spent[0] - spent[1] == 9000


def test_what_is_compiled_again_costs_what_it_cost_before() -> None:
    first, second = Work(), Work()
    for work in (first, second):
        compiled("a tenant that comes back", ORDINARY, work)
    assert first.left == second.left < STEPS


CHECKED = {
    "multiples of tiny fractions": ({"items": {"multipleOf": 5e-324}}, [1.7e308] * 6000),
    "numbers that must differ": ({"uniqueItems": True}, list(range(40_000))),
    "a short pattern for many texts": ({"items": {"pattern": "^a"}}, ["ab"] * 9000),
    "members that several levels have seen": (
        {**nested(25, {"additionalProperties": True}), "unevaluatedProperties": False},
        dict.fromkeys(map(str, range(5000)), 1),
    ),
    "members that each level sees again": (
        {
            "$defs": {"a": nested(4, {"additionalProperties": True})},
            "allOf": [{**nested(4, {"$ref": "#/$defs/a"}), "unevaluatedProperties": True}] * 9,
            "unevaluatedProperties": True,
        },
        dict.fromkeys(map(str, range(1500)), 1),
    ),
}


@pytest.mark.parametrize(("schema", "data"), CHECKED.values(), ids=CHECKED)
def test_a_step_of_checking_data_takes_no_longer_than_another(schema: Any, data: Any) -> None:
    usual = seconds_a_step(held_against({"items": ORDINARY}, EVENTS))
    assert seconds_a_step(held_against(schema, data)) < FACTOR * usual


def test_names_that_every_level_notes_are_charged_at_every_level() -> None:
    spent = []
    for levels in (1, 11):
        work = Work(10 * STEPS)
        schema = {**nested(levels, {"additionalProperties": True}), "unevaluatedProperties": True}
        held_against(schema, dict.fromkeys(map(str, range(5000)), 1))(work)
        spent.append(10 * STEPS - work.left)
    assert spent[1] - spent[0] >= 10 * 5000
