"""Put the OpenAPI 3.1 document together."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from portal.rest.document import answers, problems, schemas, security, words
from portal.rest.document.examples import Examples
from portal.rest.document.links import Links
from portal.rest.document.webhooks import OwnEvent, webhooks
from portal.rest.openapi import PREFIX, Operation, Parameter

DOMAIN = "integration"
JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"


@dataclass(frozen=True)
class Surface:
    """All that programs can call, and the events that the portal sends them.

    `about` has the sentence on each resource, by its name, and `opened` the words for what scopes
    open, by the word before the colon.
    `paths` are path items of standards that are not below PREFIX, or have a protocol of their own.
    `openid` is the address of the identity provider's configuration.
    """

    operations: tuple[Operation, ...]
    paths: Mapping[str, Mapping[str, Any]]
    events: tuple[OwnEvent, ...]
    about: Mapping[str, str]
    opened: Mapping[str, str]
    base_url: str
    openid: str
    version: str = "1"


def document(surface: Surface) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "cPod integration",
            "version": surface.version,
            "description": words.ABOUT,
            "contact": {"name": "The operators of this portal", "url": surface.base_url},
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "x-cpod-domain": DOMAIN,
        "servers": [{"url": surface.base_url + PREFIX, "description": "This portal."}],
        "security": [{"bearer": []}],
        "tags": _tags(surface),
        "paths": _paths(surface),
        "webhooks": webhooks(surface.events),
        "components": {
            "securitySchemes": security.schemes(
                surface.operations, surface.opened, surface.base_url, surface.openid
            ),
            "headers": answers.HEADERS,
            "responses": problems.responses(),
            "schemas": {**schemas.schemas_of(surface.operations), **problems.schemas()},
        },
    }
    _leave_out_unused(found)
    return found


def _leave_out_unused(found: dict[str, Any]) -> None:
    """Take away the components that nothing refers to, until all that are left are used."""
    used = set(_references({**found, "components": {}}))
    waiting = list(used)
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        new = set(_references(found["components"][kind][name])) - used
        used |= new
        waiting += new
    for kind in ("headers", "responses", "schemas"):
        components = found["components"][kind]
        found["components"][kind] = {
            name: one for name, one in components.items() if f"#/components/{kind}/{name}" in used
        }


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for one in node.values():
            yield from _references(one)
    elif isinstance(node, list):
        for one in node:
            yield from _references(one)


def _tags(surface: Surface) -> list[dict[str, str]]:
    beside = [tag for path in surface.paths.values() for item in path.values()
              if isinstance(item, dict) for tag in item.get("tags", ())]  # fmt: skip
    named = [*(one.resource for one in surface.operations), *beside]
    if surface.events:
        named.append("portal-events")
    described = {**words.TAGS, **surface.about}
    return [{"name": name, "description": described.get(name, "")} for name in dict.fromkeys(named)]


def _paths(surface: Surface) -> dict[str, dict[str, Any]]:
    links, examples = Links(surface.operations), Examples.read()
    found: dict[str, dict[str, Any]] = {}
    for operation in surface.operations:
        item = found.setdefault(operation.path, {})
        item[operation.method.lower()] = _operation(operation, links, examples, surface.base_url)
    servers = [{"url": surface.base_url, "description": "This portal."}]
    for path, standard in surface.paths.items():
        operations = {method: _foreign_operation(one, examples) for method, one in standard.items()}
        found[path] = {"servers": servers, **operations}
    return found


def _foreign_operation(described: Mapping[str, Any], examples: Examples) -> dict[str, Any]:
    """Return an operation of another standard with its recorded example, if there is one."""
    found = deepcopy(dict(described))
    example = examples.recorded.get(found["operationId"], {})
    if "body" in example:
        _show(found["requestBody"], example["body"])
    if "answer" in example:
        _show(found["responses"][str(example["status"])], example["answer"])
    return found


def _show(message: dict[str, Any], example: Any) -> None:
    for content in message["content"].values():
        content["example"] = example


def _operation(
    operation: Operation, links: Links, examples: Examples, base_url: str
) -> dict[str, Any]:
    example = examples.of(operation)
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [operation.resource],
        "x-scopes": list(operation.scopes),
        "security": security.needed(operation),
        "parameters": [
            *_path_parameters(operation, example.get("path", {})),
            *map(_parameter, operation.accepts),
        ],
        "responses": _responses(operation, links, example),
    }
    if operation.command:
        described["requestBody"] = _body(operation, example)
    if example:
        described["x-codeSamples"] = [examples.curl(operation, base_url + PREFIX)]
    return described


def _body(operation: Operation, example: Mapping[str, Any]) -> dict[str, Any]:
    assert operation.command is not None  # noqa: S101 - the caller asked
    content: dict[str, Any] = {"schema": schemas.ref(schemas.name_of(operation.command))}
    if "body" in example:
        content["example"] = example["body"]
    kinds = (JSON, MERGE_PATCH) if operation.method == "PATCH" else (JSON,)
    return {"required": operation.needs_body, "content": dict.fromkeys(kinds, content)}


def _responses(operation: Operation, links: Links, example: Mapping[str, Any]) -> dict[str, Any]:
    success = answers.success(operation)
    if "answer" in example and operation.answer:
        success["content"][JSON]["example"] = example["answer"]
    if linked := links.of(operation):
        success["links"] = linked
    found = {str(operation.status): success}
    if operation.other_status:
        found[str(operation.other_status)] = answers.success(
            replace(operation, status=operation.other_status)
        )
    if any(parameter.name == "If-None-Match" for parameter in operation.accepts):
        found[answers.NOT_MODIFIED] = answers.unchanged()
    return {**found, **problems.responses_of(operation)}


def _path_parameters(operation: Operation, example: Mapping[str, str]) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    return [_path_parameter(operation, name, example) for name in names]


def _path_parameter(operation: Operation, name: str, example: Mapping[str, str]) -> dict[str, Any]:
    before = operation.path.split("/{" + name + "}")[0].rpartition("/")[2].replace("-", " ")
    found = {
        "name": name,
        "in": "path",
        "required": True,
        "description": f"Id of one of the {before}.",
        "schema": {"type": "string"},
    }
    return {**found, "example": example[name]} if name in example else found


def _parameter(parameter: Parameter) -> dict[str, Any]:
    joined = {} if parameter.explode else {"style": "form", "explode": False}
    return {
        **joined,
        "name": parameter.name,
        "in": parameter.where,
        "required": False,
        "description": parameter.description or words.of_parameter(parameter.name),
        "schema": dict(parameter.schema),
    }
