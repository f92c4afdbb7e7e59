"""Link operations: from a record to what can be done with it, from a page to the next one.

The links follow from the paths and from the names of fields, so a new operation is linked as it is
declared.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from portal.rest.openapi import Operation

Link = dict[str, Any]
NEXT = "next"


class Links:
    """The links between some operations."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._all = list(operations)
        self._get = {
            _field(one): one for one in self._all if one.name == "get" and _ids(one) == ["id"]
        }

    def of(self, operation: Operation) -> dict[str, Link]:
        """Return the links from an operation's answer, by name."""
        if operation.answer is None:
            return {}
        if operation.is_list:
            return {**self._next(operation), **self._entries(operation)}
        return {**self._same_record(operation), **self._references(operation)}

    def _next(self, operation: Operation) -> dict[str, Link]:
        if not any(parameter.name == "cursor" for parameter in operation.parameters):
            return {}
        given = {**_from_path(operation), "query.cursor": "$response.body#/next_cursor"}
        text = "The next page, while `next_cursor` is not null."
        return {NEXT: _link(operation, given, text)}

    def _entries(self, operation: Operation) -> dict[str, Link]:
        """Link a list to the operations on its first entry."""
        assert operation.answer is not None  # noqa: S101 - the caller asked
        if "id" not in operation.answer.model_fields:
            return {}
        found = {}
        for other in self._below(operation.path):
            given = {**_from_path(operation), _ids(other)[-1]: "$response.body#/items/0/id"}
            found[other.id] = _link(other, given, f"{other.summary}: the first of the list.")
        return found

    def _same_record(self, operation: Operation) -> dict[str, Link]:
        """Link an answer with an id to the other operations on the same record."""
        assert operation.answer is not None  # noqa: S101 - the caller asked
        if "id" not in operation.answer.model_fields:
            return {}
        base = self._place(operation)
        if base is None:
            return {}
        found = {}
        for other in self._below(base):
            if other is not operation:
                given = {**_from_path(operation, base), _ids(other)[-1]: "$response.body#/id"}
                found[other.id] = _link(other, given, other.summary)
        return found

    def _references(self, operation: Operation) -> dict[str, Link]:
        """Link fields such as `webhook_id` to the record that they name."""
        assert operation.answer is not None  # noqa: S101 - the caller asked
        found = {}
        for name in operation.answer.model_fields:
            other = self._get.get(name)
            if other and other is not operation:
                given = {"id": f"$response.body#/{name}"}
                found[f"{other.id}.{name}"] = _link(other, given, f"The record in `{name}`.")
        return found

    def _place(self, operation: Operation) -> str | None:
        """Return the path of the list whose entry an operation returns."""
        path = operation.path
        if operation.method == "POST" and operation.status in (201, 202) and self._below(path):
            return path  # a new entry of that list
        if path.endswith("}"):
            return path.rpartition("/")[0]
        parent = path.rpartition("/")[0]
        mine = next((one for one in self._all if one.path == parent and one.method == "GET"), None)
        if mine and mine.answer is operation.answer:
            return parent.rpartition("/")[0]
        return None

    def _below(self, path: str) -> Sequence[Operation]:
        """Return the operations on one entry of a list: its own path, and one word below it."""
        depth = path.count("{") + 1
        return [
            one
            for one in self._all
            if one.path.startswith(path + "/{") and one.path.count("{") == depth
        ]


def _ids(operation: Operation) -> list[str]:
    return [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]


def _field(operation: Operation) -> str:
    """Return the name of fields with the id of such a record: `api-keys` → `key_id`."""
    return operation.resource.removeprefix("api-").replace("ies", "y").removesuffix("s") + "_id"


def _from_path(operation: Operation, path: str | None = None) -> dict[str, str]:
    place = operation.path if path is None else path
    names = [name for name in _ids(operation) if "{" + name + "}" in place]
    return {name: f"$request.path.{name}" for name in names}


def _link(operation: Operation, given: dict[str, str], text: str) -> Link:
    return {"operationId": operation.id, "parameters": given, "description": text}
