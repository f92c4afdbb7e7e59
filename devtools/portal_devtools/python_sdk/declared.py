"""Read the operations of the portal, in the words of Python."""

import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from portal.features import FEATURES
from portal.rest.openapi import Operation, Parameter, camel


@dataclass(frozen=True)
class Method:
    """An operation as a method of a client."""

    operation: Operation

    @property
    def resource(self) -> str:
        """Return the attribute of `client.integration`: `api_keys`."""
        return snake(self.operation.resource)

    @property
    def name(self) -> str:
        """Return the name of the method: `list_checks`."""
        return snake(self.operation.name)

    @property
    def constant(self) -> str:
        """Return the name of the operation's description: `CONNECTORS_LIST_CHECKS`."""
        return f"{self.resource}_{self.name}".upper()

    @property
    def ids(self) -> list[str]:
        """Return the names of the arguments for the ids in its path."""
        parts = self.operation.path.split("/")
        names = [part[1:-1] for part in parts if part.startswith("{")]
        filters = {one.name for one in self.query}
        return [f"of_{name}" if name in filters else name for name in names]

    @property
    def query(self) -> list[Parameter]:
        """Return its query parameters."""
        return [one for one in self.operation.accepts if one.where == "query"]

    def has_header(self, name: str) -> bool:
        """Tell whether it takes a header."""
        headers = {one.name.lower() for one in self.operation.accepts if one.where == "header"}
        return name.lower() in headers

    @property
    def needs_fields(self) -> bool:
        """Tell whether a body without any field is refused."""
        command = self.operation.command
        return command is not None and any(
            field.is_required() for field in command.model_fields.values()
        )

    @property
    def shown_once(self) -> list[str]:
        """Return the fields that only this answer has."""
        known = self.operation.answer.model_fields if self.operation.answer else {}
        return [name for name in self.operation.once if name not in known]

    @property
    def secrets(self) -> list[str]:
        """Return the fields of its answer that hide themselves in the client.

        Of those that are shown once, a time and a path in the secret store are no secrets.
        """
        answer = self.operation.answer
        schema = answer.model_json_schema() if answer else {}
        inside = [schema, *schema.get("$defs", {}).values()]
        marked = [
            name
            for each in inside
            for name, field in each.get("properties", {}).items()
            if field.get("x-secret")
        ]
        once = [name for name in self.shown_once if not name.endswith(("_at", "_path"))]
        return [*once, *marked]

    @property
    def answer(self) -> str:
        """Return the name of its answer's type; nothing if it has no body."""
        if self.operation.answer is None:
            return ""
        if self.shown_once:
            return camel(f"-{self.operation.resource}-{self.operation.name}-answer")
        return type_name(self.operation.answer, "serialization")

    @property
    def body(self) -> str:
        """Return the name of its body's type; nothing if it takes none."""
        command = self.operation.command
        return type_name(command, "validation") if command else ""


def methods() -> list[Method]:
    """Return every operation, in the order of the document."""
    # A file is sent in parts, and the client reads an answer as a whole.
    return [Method(one) for feature in FEATURES for one in feature.rest() if not one.media_types]


def definitions() -> dict[str, Any]:
    """Return the JSON Schema of every body and answer, by the name of its type."""
    _, found = _schemas()
    return {python_name(name): schema for name, schema in found["$defs"].items()}


def type_name(model: type[Any], mode: Any) -> str:
    """Return the name of a model's type."""
    named, _ = _schemas()
    return python_name(named[model, mode]["$ref"].removeprefix("#/$defs/"))


@cache
def _schemas() -> tuple[Any, Any]:
    return models_json_schema(list(dict.fromkeys(_models())))


def _models() -> Iterator[tuple[type[Any], Any]]:
    for method in methods():
        if method.operation.command:
            yield method.operation.command, "validation"
        if method.operation.answer:
            yield method.operation.answer, "serialization"


def python_name(name: str) -> str:
    """Return the name of a schema as that of a class.

    Where two features have a model of one name, pydantic names their modules too:
    `portal__keys__schemas__CheckDocument` is `KeysCheckDocument`.
    """
    _, *rooms, last = name.split("__") if "__" in name else ["", name]
    return (rooms[0].capitalize() if rooms else "") + last.replace("-", "")


def snake(name: str) -> str:
    """Return a name in snake_case, with a line below if Python has a word of that name."""
    found = name.replace("-", "_")
    return f"{found}_" if keyword.iskeyword(found) else found
