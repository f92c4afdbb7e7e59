"""Everything in the document is described: in plain English, and in the specification's own words
where it has some."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from portal_devtools.document import built

from portal.features import RESOURCES
from portal.rest.document.schemas import name_of
from portal.rest.resources import Resource

DOCUMENT = built()
SPECIFIED = json.loads(Path(__file__).with_name("specification.json").read_text())
METHODS = ("get", "put", "post", "delete", "patch")


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method} {path}", item[method]
    for name, item in DOCUMENT["webhooks"].items():
        yield f"webhook {name}", item["post"]


def properties(place: str, schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property in a schema, with its place."""
    if isinstance(schema, list):
        for one in schema:
            yield from properties(place, one)
    if not isinstance(schema, dict):
        return
    for name, one in schema.get("properties", {}).items():
        yield f"{place}.{name}", one
        yield from properties(f"{place}.{name}", one)
    for word in ("items", "allOf", "anyOf", "oneOf", "additionalProperties", "schema"):
        yield from properties(place, schema.get(word))


Text = tuple[str, str | None]


def texts() -> Iterator[Text]:
    """Yield every place that needs a description, and the description."""
    for tag in DOCUMENT["tags"]:
        yield f"tag {tag['name']}", tag["description"]
    for name, operation in operations():
        yield from of_operation(name, operation)
    components = DOCUMENT["components"]
    for kind in ("headers", "responses", "securitySchemes", "schemas"):
        for name, one in components[kind].items():
            yield f"{kind} {name}", one.get("description")
            yield from of_properties(name, one)
    scopes = components["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"]
    yield from ((f"scope {scope}", text.removeprefix(scope)) for scope, text in scopes.items())


def of_operation(name: str, operation: dict[str, Any]) -> Iterator[Text]:
    yield f"{name} summary", operation.get("summary")
    yield name, operation.get("description")
    for parameter in operation.get("parameters", ()):
        yield f"{name} {parameter['name']}", parameter.get("description")
    for status, answer in operation["responses"].items():
        yield f"{name} {status}", answer.get("description", answer.get("$ref"))
    for body in (operation.get("requestBody", {}), *operation["responses"].values()):
        for content in body.get("content", {}).values():
            yield from of_properties(name, content)


def of_properties(name: str, schema: Any) -> Iterator[Text]:
    yield from ((place, one.get("description")) for place, one in properties(name, schema))


def test_everything_is_described() -> None:
    assert [place for place, text in texts() if not text] == []


def test_an_operation_is_described_in_one_to_five_sentences() -> None:
    long = [
        name
        for name, operation in operations()
        if not 1 <= len(re.findall(r"[.:](?=\s|$)", operation["description"])) <= 6
    ]
    assert long == []


@pytest.mark.parametrize("name", SPECIFIED)
def test_the_specification_is_kept_word_for_word(name: str) -> None:
    [resource] = [one for one in RESOURCES if one.name == name]
    [described] = [tag["description"] for tag in DOCUMENT["tags"] if tag["name"] == name]
    assert described.startswith(SPECIFIED[name]["sentence"])
    read, written = properties_of(resource)
    for field, sentence in SPECIFIED[name]["fields"].items():
        assert read[field]["description"].startswith(sentence), field
        assert written[field]["description"].startswith(sentence), field


def properties_of(resource: Resource[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a record as it is read, with those of its creation, and of its input."""
    schemas = DOCUMENT["components"]["schemas"]
    read = dict(schemas[name_of(resource.document)]["properties"])
    if resource.once:
        created = schemas[f"{name_of(resource.document)}CreateAnswer"]
        read |= created["allOf"][1]["properties"]
    return read, schemas[name_of(resource.command)]["properties"]
