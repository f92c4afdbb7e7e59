"""Declare the operations that programs can call.

An operation is declared once, in its feature's `resource.py`. Routes, scopes, the OpenAPI document
(`portal.rest.document`) and the contract tests are all read from here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from portal.database.record import Record

PROBLEM = "application/problem+json"
PREFIX = "/api/v1/integration"


@dataclass(frozen=True)
class Parameter:
    """A query parameter or a header of an operation.

    A list whose values are written with commas between them is not `explode`.
    """

    name: str
    schema: Mapping[str, Any]
    description: str = ""
    where: str = "query"
    explode: bool = True


IF_MATCH = Parameter(
    "If-Match",
    {"type": "string"},
    'The ETag that you read, such as "3", or several. If the record has another version, 412.',
    "header",
)
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    {"type": "string"},
    "The ETag of the answer that you have. If it is still the same, 304.",
    "header",
)
PREFER = Parameter(
    "Prefer",
    {"type": "string", "examples": ["validate-only"]},
    "With validate-only, all checks are made and nothing is kept: the answer has the status and the"
    " body of the real call, ids of new records are zeros, one-time secrets are null. It counts as"
    " a request, but takes none of a key's maximum uses. An operation that cannot do this answers"
    " 400. Other preferences are ignored.",
    "header",
)


@dataclass(frozen=True)
class Operation:
    """One operation that a program can call. `path` is below PREFIX and names its ids in braces.

    `description` is Markdown: what it does, what it needs, what follows, the errors to expect.
    `refusals` are the statuses that it may answer beyond those that its declaration implies.
    `name` is a verb, such as `rotate_secret`. With the resource it makes the operation's id, which
    programs know, so it never changes. An empty `scope` lets every caller in. `body_required` is
    given where the rule of `needs_body` does not fit. `record` is the model of the record that
    `{id}` names, for what changes it or something below it: `If-Match` is then compared with its
    version before the view runs. `more_scopes` are those that it needs in addition to `scope`.
    `other_status` is of an answer with the same document that did less, as a dry run does.
    `cannot_validate` says why a write cannot be run for its checks only (`Prefer: validate-only`),
    and what to call instead. `for_admins` is of what only a person who is an admin may do, whatever
    its scopes. `media_types` are those of an answer that is a file, sent in parts,
    each with a short one as an example.
    """

    resource: str
    name: str
    method: str
    path: str
    summary: str
    scope: str
    view: Callable[..., Any] = field(repr=False)
    command: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    is_list: bool = False
    status: int = 200
    once: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    description: str = ""
    refusals: tuple[int, ...] = ()
    body_required: bool | None = None
    record: type[Record] | None = None
    more_scopes: tuple[str, ...] = ()
    other_status: int | None = None
    cannot_validate: str = ""
    for_admins: bool = False
    media_types: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def needs_body(self) -> bool:
        """Tell whether a request without a body is refused.

        It is for what creates or changes a record, and for a command with a required field. An
        empty object is a body.
        """
        if self.command is None or self.body_required is not None:
            return bool(self.body_required)
        if self.name == "create" or self.method in ("PUT", "PATCH"):
            return True
        return any(field.is_required() for field in self.command.model_fields.values())

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return every scope that it needs."""
        return tuple(filter(None, (self.scope, *self.more_scopes)))

    @cached_property
    def accepts(self) -> tuple[Parameter, ...]:
        """Return every parameter and header that it takes, also those that follow from the rest."""
        if not self.is_write:
            return (*self.parameters, IF_NONE_MATCH)
        return (*self.parameters, *((IF_MATCH,) if self.record else ()), PREFER)

    @cached_property
    def query(self) -> frozenset[str]:
        """Return the names of its query parameters."""
        return frozenset(one.name for one in self.parameters if one.where == "query")

    @property
    def changes(self) -> bool:
        """Tell whether it changes the record that its path names."""
        return self.scope.endswith(":write")

    @property
    def is_write(self) -> bool:
        """Tell whether its method may change something, so that `Prefer: validate-only` counts."""
        return self.method != "GET"

    @property
    def id(self) -> str:
        """Return the document's operationId, `integration.apiKeys.create`. It never changes."""
        return f"integration.{camel(self.resource)}.{camel(self.name)}"


def camel(name: str) -> str:
    """Return a name in camelCase: `api-keys` → `apiKeys`, `list_checks` → `listChecks`."""
    first, *rest = re.split("[-_]", name)
    return first + "".join(word.capitalize() for word in rest)
