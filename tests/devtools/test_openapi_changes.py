"""Each kind of change that breaks a program is found, wherever it is made in the real document."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portal_devtools.document import built
from portal_devtools.openapi_changes import METHODS, breaking_changes

from tests.thorough import times

DOCUMENT = built()
Place = tuple[Any, ...]


def operations() -> list[Place]:
    return [
        ("paths", path, method)
        for path, item in DOCUMENT["paths"].items()
        for method in METHODS
        if method in item
    ]


def at(document: Any, place: Place) -> Any:
    for part in place:
        document = document[part]
    return document


def schemas_of(side: str) -> Iterator[Place]:
    """Yield the places of the object schemas that programs send, or that they receive."""
    for operation in operations():
        found = at(DOCUMENT, operation)
        if side == "sent":
            bodies = [found.get("requestBody", {})]
        else:
            bodies = [one for code, one in found["responses"].items() if code.startswith("2")]
        for body in bodies:
            for content in body.get("content", {}).values():
                name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                if "properties" in DOCUMENT["components"]["schemas"].get(name, {}):
                    yield ("components", "schemas", name)


SENT, RECEIVED = sorted(set(schemas_of("sent"))), sorted(set(schemas_of("received")))


def properties(places: list[Place], fits: Callable[[dict[str, Any]], bool]) -> list[Place]:
    return [
        (*place, "properties", name)
        for place in places
        for name, schema in at(DOCUMENT, place)["properties"].items()
        if fits(schema)
    ]


def patterned(schema: Any, several: str) -> None:
    """Let a pattern take the place of the values of a parameter, which `several` may follow."""
    schema["pattern"] = f"^({'|'.join(schema.pop('enum'))}){several}$"


def changed(place: Place, change: Callable[[Any], None]) -> list[str]:
    after = copy.deepcopy(DOCUMENT)
    change(at(after, place))
    return breaking_changes(DOCUMENT, after)


def removed(place: Place) -> list[str]:
    return changed(place[:-1], lambda parent: parent.pop(place[-1]))


ANSWERS = [
    (*operation, "responses", status)
    for operation in operations()
    for status in at(DOCUMENT, operation)["responses"]
]
HEADERS = [
    (*answer, "headers", name)
    for answer in ANSWERS
    for name in at(DOCUMENT, answer).get("headers", ())
]
PARAMETERS = [
    (*operation, "parameters", number)
    for operation in operations()
    for number, _ in enumerate(at(DOCUMENT, operation).get("parameters", ()))
]
CHOICES = properties([*SENT, *RECEIVED], lambda schema: "enum" in schema)
ONE_OF = [
    (*place, "schema") for place in PARAMETERS if "enum" in at(DOCUMENT, place).get("schema", ())
]
TEXTS = properties(SENT, lambda schema: schema.get("type") == "string" and "enum" not in schema)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("places", "break_it"),
    [
        (operations(), removed),
        ([place[:2] for place in operations()], removed),
        (ANSWERS, removed),
        (HEADERS, removed),
        (PARAMETERS, removed),
        (properties(SENT, lambda _: True), removed),
        (properties(RECEIVED, lambda _: True), removed),
        (CHOICES, lambda place: changed(place, lambda schema: schema["enum"].pop())),
        (TEXTS, lambda place: changed(place, lambda schema: schema.update(type="integer"))),
        (TEXTS, lambda place: changed(place, lambda schema: schema.update(enum=["only this"]))),
        (TEXTS, lambda place: changed(place, lambda schema: schema.update(maxLength=0))),
        (TEXTS, lambda place: changed(place, lambda schema: schema.update(minLength=9999))),
        (TEXTS, lambda place: changed(place, lambda schema: schema.update(pattern="^only$"))),
        (ONE_OF, lambda place: changed(place, lambda schema: patterned(schema, ",more"))),
        (SENT, lambda place: changed(place, lambda schema: schema.update(required=["brand_new"]))),
        (
            properties(RECEIVED, lambda one: one.get("type") == "string" and "enum" not in one),
            lambda place: changed(place, lambda schema: schema.update(type=["string", "null"])),
        ),
        (
            [place for place in RECEIVED if at(DOCUMENT, place).get("required")],
            lambda place: changed(place, lambda schema: schema.pop("required")),
        ),
        (
            [place for place in PARAMETERS if not at(DOCUMENT, place)["required"]],
            lambda place: changed(place, lambda parameter: parameter.update(required=True)),
        ),
        (
            operations(),
            lambda place: changed(place, lambda one: one.update(operationId="another.name")),
        ),
        ([("webhooks", name) for name in DOCUMENT["webhooks"]], removed),
    ],
    ids=[
        "an operation is removed",
        "a path is removed",
        "an answer is removed",
        "a header is removed",
        "a parameter is removed",
        "a field of a body is removed",
        "a field of an answer is removed",
        "a value is removed",
        "the type changes",
        "only one value is left",
        "the longest text is shorter",
        "the shortest text is longer",
        "a pattern is added",
        "a pattern leaves out what was a value",
        "a field is required now",
        "a field of an answer may be null now",
        "a field of an answer may be missing now",
        "a parameter is required now",
        "the id changes",
        "a webhook is removed",
    ],
)
def test_what_breaks_a_program_is_found(
    places: list[Place], break_it: Callable[[Place], list[str]]
) -> None:
    @given(st.sampled_from(places))
    @settings(max_examples=times(1), deadline=None, database=None)
    def found(place: Place) -> None:
        assert break_it(place), place

    found()


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["paths"].update({"/new": {"get": {"responses": {}}}}),
        lambda document: [
            at(document, place)["properties"].update({"brand_new": {"type": "string"}})
            for place in SENT + RECEIVED
        ],
        lambda document: [
            at(document, place)["parameters"].append({"name": "new", "in": "query"})
            for place in operations()
            if "parameters" in at(document, place)
        ],
        lambda document: [
            at(document, place).pop("pattern", None) for place in properties(SENT, lambda _: True)
        ],
        lambda document: [patterned(at(document, place), "(,.*)?") for place in ONE_OF],
        lambda document: [at(document, place).pop("description", None) for place in SENT],
    ],
    ids=["a path", "a field", "a parameter", "a wider text", "several values", "other words"],
)
def test_what_only_adds_breaks_nothing(change: Callable[[Any], Any]) -> None:
    after = copy.deepcopy(DOCUMENT)
    change(after)
    assert breaking_changes(DOCUMENT, after) == []
