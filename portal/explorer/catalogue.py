"""Describe every operation of the registry for the explorer, once for each application."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, cast

from flask import Flask, current_app
from pydantic import BaseModel

from portal.core.errors import Forbidden
from portal.database.actor import Actor
from portal.explorer.schema_fields import Field, Row, field_of, row, rows
from portal.rest.document.words import of_parameter
from portal.rest.openapi import PREFER, Operation

DRY_RUN = PREFER.name  # the form has a switch for it
OF_LISTS = frozenset({"q", "sort", "limit", "cursor", "count"})
AN_ID = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Described:
    """An operation with its fields. What is derived from its models is kept."""

    operation: Operation

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Return the fields of its form: ids, parameters, headers, body."""
        return (*self._ids(), *self._parameters(), *self._body())

    def of(self, *places: str) -> list[Field]:
        """Return the fields that belong to the path, the query, the headers or the body."""
        return [field for field in self.fields if field.where in places]

    @cached_property
    def parameters(self) -> list[tuple[str, list[Field]]]:
        """Return the parameters and headers in groups: those that every list has come first."""
        query = self.of("query")
        usual = [field for field in query if self.operation.is_list and field.name in OF_LISTS]
        others = [field for field in query if field not in usual]
        groups = [
            ("Search and order", usual),
            ("Filters" if usual else "Parameters", others),
            ("Headers", self.of("header")),
        ]
        return [(title, fields) for title, fields in groups if fields]

    @cached_property
    def sent(self) -> list[Row]:
        """Return the rows of the table of what the operation takes."""
        before = [field.row for field in self.of("path", "query", "header")]
        return before + self._of_command() + self._only_in_answer()

    @cached_property
    def answered(self) -> list[Row]:
        """Return the rows of the table of what a successful answer has."""
        shown = [
            Row(name, "text", ("in this answer only",), text)
            for name, text in self.operation.once.items()
        ]
        schema = _schema(self.operation.answer, "serialization")
        return [*shown, *rows(schema, schema.get("$defs", {}))]

    @property
    def takes_body(self) -> bool:
        """Tell whether the request has a body."""
        return self.operation.command is not None

    @property
    def has_dry_run(self) -> bool:
        """Tell whether the operation can be run for its checks only."""
        return self.operation.is_write and not self.operation.cannot_validate

    @property
    def has_secrets(self) -> bool:
        """Tell whether the body may have a secret."""
        return bool(self.secret_names)

    @cached_property
    def secret_names(self) -> frozenset[str]:
        """Return the names of the body's fields that take a secret, at any depth."""
        return frozenset(_write_only(_schema(self.operation.command, "validation")))

    def _ids(self) -> Iterable[Field]:
        for name in AN_ID.findall(self.operation.path):
            schema = {"type": "string", "description": "Id of the record, from its list or page."}
            described = row(name, schema, {}, required=True)
            yield field_of("path", name, schema, {}, described)

    def _parameters(self) -> Iterable[Field]:
        for parameter in self.operation.accepts:
            if parameter.where in ("query", "header") and parameter.name != DRY_RUN:
                text = parameter.description or of_parameter(parameter.name)
                schema = {**parameter.schema, "description": text}
                described = row(parameter.name, schema, {})
                yield field_of(cast("Any", parameter.where), parameter.name, schema, {}, described)

    def _body(self) -> Iterable[Field]:
        schema = _schema(self.operation.command, "validation")
        definitions, needed = schema.get("$defs", {}), schema.get("required", ())
        for name, one in schema.get("properties", {}).items():
            if not one.get("readOnly"):
                described = row(name, one, definitions, required=name in needed)
                secret = bool(one.get("writeOnly"))
                yield field_of("body", name, one, definitions, described, secret)

    def _of_command(self) -> list[Row]:
        schema = _schema(self.operation.command, "validation")
        return rows(schema, schema.get("$defs", {}))

    def _only_in_answer(self) -> list[Row]:
        """Return the fields of the record that only the server writes."""
        if not (self.operation.command and self.operation.answer):
            return []
        known = {one.name for one in self._of_command()}
        schema = _schema(self.operation.answer, "serialization")
        found = rows(schema, schema.get("$defs", {}), read_only=True)
        return [one for one in found if one.name.partition(".")[0] not in known]


def _schema(model: type[BaseModel] | None, mode: Any) -> Mapping[str, Any]:
    return {} if model is None else model.model_json_schema(mode=mode)


def _in_order(operations: Sequence[Operation]) -> list[str]:
    """Return the resources, first those of records that people create."""
    names = list(dict.fromkeys(one.resource for one in operations))
    made = {one.resource for one in operations if one.name == "create_many"}
    return sorted(names, key=lambda name: name not in made)


def _write_only(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for one in schema:
            yield from _write_only(one)
    elif isinstance(schema, dict):
        for name, one in schema.items():
            if isinstance(one, dict) and one.get("writeOnly") is True:
                yield name
            yield from _write_only(one)


class Catalogue:
    """The operations of one application, by id and by resource."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = {one.id: one for one in operations}
        self._described: dict[str, Described] = {}
        self._resources = _in_order(operations)

    def find(self, operation_id: str) -> Described | None:
        """Return an operation, or None if there is none of this id."""
        operation = self.operations.get(operation_id)
        if operation is None:
            return None
        if operation_id not in self._described:
            self._described[operation_id] = Described(operation)
        return self._described[operation_id]

    def near(self, operation_id: str) -> list[str]:
        """Return the ids that are most like a wrong one."""
        return get_close_matches(operation_id[:100], self.operations, n=3, cutoff=0.5)

    def groups(self, words: str = "") -> dict[str, list[Operation]]:
        """Return resource → its operations, only those that have all of the words."""
        wanted = words.lower().split()
        found: dict[str, list[Operation]] = {name: [] for name in self._resources}
        for one in self.operations.values():
            text = f"{one.id} {one.method} {one.path} {one.summary}".lower()
            if all(word in text for word in wanted):
                found[one.resource].append(one)
        return {name: operations for name, operations in found.items() if operations}


def init_app(app: Flask) -> None:
    """Prepare the catalogue's place. It is filled when the first page needs it."""
    app.extensions["portal.explorer"] = {}


def catalogue() -> Catalogue:
    """Return the running application's catalogue."""
    kept = current_app.extensions["portal.explorer"]
    if "catalogue" not in kept:
        kept["catalogue"] = Catalogue(current_app.extensions["portal.operations"])
    return cast("Catalogue", kept["catalogue"])


def refusal(actor: Actor, operation: Operation) -> str | None:
    """Return the reason for which the actor may not call an operation, or None."""
    try:
        for scope in filter(None, operation.scopes):
            actor.require(scope)
    except Forbidden as error:
        return error.detail
    if operation.for_admins and not actor.is_admin:
        return "Only an admin of your tenant may do this."
    return None
