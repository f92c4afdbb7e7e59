"""Declare a resource once; its routes and its part of the OpenAPI document follow.

What only one resource needs is an Action. If a resource needs another shape one day, it gets a view
of its own in its feature, and this file stays as it is.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from flask import Response, request
from pydantic import BaseModel, Field

from portal.core import errors
from portal.core.jobs import Job
from portal.database.actor import Actor
from portal.database.record import Record, find
from portal.fast.plain_rows import Rows
from portal.records import documents, health, listing, verbs
from portal.records.audit import trail as audit
from portal.records.audit.models import AuditEntry
from portal.records.listing import Listing
from portal.records.purge import purging, sweeping
from portal.records.schemas import ENVELOPE, Command
from portal.records.verbs import Revealed
from portal.rest import batch, entity_tags, verb_words
from portal.rest.api import (
    Outcome,
    actor,
    answer,
    body,
    encoded,
    fields_of,
    listed,
    no_parameters,
    once,
)
from portal.rest.findable import Findable
from portal.rest.openapi import PREFIX, Operation, Parameter

R = TypeVar("R", bound=Record)
C = TypeVar("C", bound=Command)


@dataclass(frozen=True)
class Action(Generic[R]):
    """An operation of one resource in addition to the common ones: POST …/{id}/<name>, a noun.

    `verb` is its name in the document and in the SDKs, if it is not the word of the path.
    `run` receives actor, record id and command, and returns a record, a Revealed, or a document.
    """

    name: str
    summary: str
    run: Callable[[Actor, str, Any], Any]
    scope: str
    command: type[Command] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    once: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    verb: str = ""
    description: str = ""


@dataclass(frozen=True)
class Resource(Generic[R, C]):
    """The whole REST declaration of a feature. A verb that is None has no route.

    `about` is the sentence on it in the OpenAPI document. `opened` is what its scopes open, if that
    is not just its records.
    `restore` is for a resource that has more to restore than its row. `scope` is the word before
    `:read` and `:write`. `once` names the fields that only the response to the create request has.
    `more` are operations with views of their own, such as a list below a record. `create_all`
    creates many records faster than one after the other.
    `update_command` is for a resource of which less can be changed than given at first.
    `secrets` is the kind under which the secret store keeps those of its records. `found` is what
    people find of it in the search over everything, and what they can do from there.
    """

    name: str
    singular: str
    scope: str
    model: type[R]
    command: type[C]
    document: type[BaseModel]
    listing: Listing[R]
    create: Callable[[Actor, C], R | Revealed[R]]
    update: Callable[[Actor, R, Any], R] | None = None
    delete: Callable[[Actor, R], Any] | None = None
    restore: Callable[[Actor, str], R] | None = None
    actions: tuple[Action[R], ...] = ()
    once: Mapping[str, str] = field(default_factory=dict)
    more: tuple[Operation, ...] = ()
    create_all: Callable[[Actor, Sequence[C]], Sequence[R | Revealed[R]]] | None = None
    secrets: str | None = None
    update_command: type[Command] | None = None
    found: Findable = field(default_factory=Findable)
    about: str = ""
    opened: str = ""

    @property
    def what_opens(self) -> str:
        """Return the words for what its scopes open."""
        return self.opened or f"{self.singular}s"

    @property
    def a_noun(self) -> str:
        """Return the singular with its article."""
        return _a(self.singular)

    @property
    def verbs(self) -> tuple[str, ...]:
        """Return what can happen to a record by the common verbs."""
        changed = ("updated",) if self.update else ()
        return ("created", *changed, *(("deleted", "restored") if self.delete else ()))

    def jobs(self) -> list[Job]:
        """Return what the worker does for its records: purge those deleted long ago, and delete
        secrets that belong to none."""
        purges = [purging(self.model, self.secrets)] if self.delete else []
        return purges + ([sweeping(self.model, self.secrets)] if self.secrets else [])

    def represent(self, record: R, *, is_new: bool = False) -> dict[str, Any]:
        """Return the record as the specification writes it, as far as the caller may read it."""
        document = fields_of(self.document, record, without=("health",))
        if "health" in self.document.model_fields:
            found = health.of_new(record) if is_new else health.of(record)
            document["health"] = found.document()
        return self.model.shown_to(actor(), document)

    @cached_property
    def rows(self) -> Rows:
        """Return the reader of this resource's documents."""
        return documents.rows_of(self.model, self.document)

    def operations(self) -> list[Operation]:
        """Return every operation, in the order of the specification."""
        read, write = f"{self.scope}:read", f"{self.scope}:write"
        one = f"/{self.name}/{{id}}"
        common: dict[str, Any] = {"resource": self.name, "answer": self.document}
        found = [
            Operation(name="list", method="GET", path=f"/{self.name}", scope=read,
                      summary=f"List {self.singular}s", view=self._list, is_list=True,
                      parameters=list_parameters(self.listing), **common),
            Operation(name="get", method="GET", path=one, scope=read,
                      summary=f"Get one {self.singular}", view=self._get,
                      parameters=(INCLUDE_DELETED,), **common),
            Operation(name="create", method="POST", path=f"/{self.name}", scope=write, status=201,
                      summary=f"Create {self.a_noun}", view=self._create,
                      command=self.command, once=self.once, parameters=(RETRY,), **common),
        ]  # fmt: skip
        found.append(batch.operation(self, write, (RETRY,)))
        if self.update:
            found.append(
                Operation(name="update", method="PATCH", path=one, scope=write,
                          summary=f"Change {self.a_noun}", view=self._update,
                          command=self.update_command or self.command,
                          record=self.model, **common)
            )  # fmt: skip
        if self.delete:
            found += self._deletion(one, write, common)
        found.append(
            Operation(name="history", method="GET", path=f"{one}/history", scope=read,
                      summary=f"List the changes of {self.a_noun}", view=self._history,
                      resource=self.name, answer=HistoryEntry, is_list=True,
                      parameters=paging_parameters())
        )  # fmt: skip
        described = [replace(one, description=self._words(one.name)) for one in found]
        return [*described, *map(self.operation_of, self.actions), *self.more]

    def _words(self, verb: str) -> str:
        return verb_words.of_verb(verb, self.a_noun, self.once if verb == "create" else ())

    def _deletion(self, one: str, write: str, common: dict[str, Any]) -> list[Operation]:
        return [
            Operation(name="delete", method="DELETE", path=one, scope=write, status=204,
                      summary=f"Delete {self.a_noun}",
                      view=self._delete, resource=self.name, record=self.model),
            Operation(name="restore", method="POST", path=f"{one}/restore", scope=write,
                      summary=f"Restore a deleted {self.singular}", view=self._restore,
                      parameters=(RETRY,), record=self.model, **common),
        ]  # fmt: skip

    def operation_of(self, action: Action[R]) -> Operation:
        """Return the operation of an action, for a feature that adds one to another's resource."""
        return Operation(
            resource=self.name, name=action.verb or action.name, method=action.method,
            path=f"/{self.name}/{{id}}/{action.name}", summary=action.summary, scope=action.scope,
            view=lambda id: self._act(action, id), command=action.command,
            answer=action.answer or self.document, status=action.status, once=action.once,
            parameters=(RETRY,) if action.method == "POST" else (), record=self.model,
            description=action.description,
        )  # fmt: skip

    # ------------------------------------------------------------ the views

    def _list(self) -> Response:
        query = listing.parse(self.listing, request.args)
        items, next_cursor = documents.page(actor(), self.rows, self.listing, query)
        count = listing.count_of(actor(), self.listing, query) if query.count else None
        return listed(items, next_cursor, count)

    def _get(self, id: str) -> Response:
        deleted = listing.truth("include_deleted", request.args)
        return self._one(documents.one(actor(), self.rows, id, include_deleted=deleted))

    def _one(self, document: dict[str, Any]) -> Response:
        response = answer(document)
        response.headers["ETag"] = self._tag(document)
        return response

    def _tag(self, document: Mapping[str, Any]) -> str:
        """Return the ETag of a record's document."""
        if not self.model.is_alive:
            return f'"{document["version"]}"'
        # JSON columns have their names in another order once they are stored: sort them.
        return f'"{document["version"]}-{entity_tags.hash_of(encoded(document, in_order=True))}"'

    def _create(self) -> Response:
        no_parameters()
        command = self.command.read(body())
        return self._once(lambda: self._made(self.create(actor(), command), 201, is_new=True))

    def _made(self, made: R | Revealed[R], status: int, *, is_new: bool = False) -> Outcome:
        record, secrets = (made.record, made.once) if isinstance(made, Revealed) else (made, {})
        location = f"{PREFIX}/{self.name}/{record.id}"
        document = self.represent(record, is_new=is_new)
        return Outcome(document, status, location, secrets, self._tag(document))

    def _once(self, work: Callable[[], Outcome]) -> Response:
        """Run a POST that answers with a record once. A repeated answer is tagged by its version
        only: it shows the record as it was then."""
        return once(work, tag_again=lambda document: f'"{document["version"]}"')

    def _update(self, id: str) -> Response:
        assert self.update is not None  # noqa: S101 - no route without it
        no_parameters()
        patch = body()
        record = find(self.model, actor(), id, lock=True)
        record.permit(actor(), patch.keys() - ENVELOPE)
        self._check_version(record, patch.get("version"))
        command = self.update_command or self.command
        merged = command.merged(record, patch)
        self.update(actor(), record, command.patched(record, merged))
        return self._one(self.represent(record))

    def _delete(self, id: str) -> Response:
        assert self.delete is not None  # noqa: S101 - no route without it
        no_parameters()
        self.delete(actor(), find(self.model, actor(), id, lock=True))
        return Response(status=204)

    def _restore(self, id: str) -> Response:
        no_parameters()
        restore = self.restore or (lambda who, id: verbs.restore(who, self.model, id))
        return self._once(lambda: self._made(restore(actor(), id), 200))

    def _act(self, action: Action[R], id: str) -> Response:
        no_parameters()
        command = self._command(action, id) if action.command else None

        def work() -> Outcome:
            made = action.run(actor(), id, command)
            if isinstance(made, Record | Revealed):
                done = self._made(made, action.status)  # type: ignore[arg-type]
                return replace(done, location=None)
            return Outcome(made, action.status)

        return once(work) if action.answer else self._once(work)

    def _command(self, action: Action[R], id: str) -> Command:
        """Return the validated body. Raises NotFound for an unknown record before Invalid."""
        assert action.command is not None  # noqa: S101 - the caller has checked it
        try:
            return action.command.read(body())
        except errors.Invalid:
            find(self.model, actor(), id)
            raise

    def _history(self, id: str) -> Response:
        given = listing.each_once(PAGING, request.args)
        find(self.model, actor(), id, include_deleted=True)
        entries, next_cursor = audit.history_page(
            actor(), id, limit=listing.limit_of(given), cursor=given.get("cursor")
        )
        return listed([entry_document(entry) for entry in entries], next_cursor)

    def _check_version(self, record: R, version: Any) -> None:
        """Refuse a change whose body names an older `version`: 409 with the record."""
        if version is None:
            return
        if type(version) not in (int, float) or version % 1:
            raise errors.Invalid.field("version", "Give the version that you read, a number.")
        if version != record.version:
            raise errors.StaleVersion(
                f"This {self.singular} is at version {record.version} now. Load it again.",
                current=self.represent(record),
            )


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiouA" else f"a {noun}"


class HistoryEntry(BaseModel):
    """One change of a record: who, what, before → after, from where."""

    id: str = Field(description="Id of the entry.")
    occurred_at: datetime = Field(description="Time of the change.")
    action: str = Field(description="Name of the change, such as connector.updated.")
    actor_kind: str = Field(description="Kind of who made it: person, application or system.")
    actor_id: str = Field(description="Id of who made it.")
    actor_name: str = Field(description="Name of who made it.")
    changes: dict[str, list[Any]] = Field(
        description="Changed field → the value before and after it."
    )
    ip: str | None = Field(description="Address of the caller.")
    user_agent: str | None = Field(description="Program of the caller.")
    request_id: str | None = Field(description="Id of the request.")


def entry_document(entry: AuditEntry) -> dict[str, Any]:
    """Return an audit entry as a document for programs."""
    return fields_of(HistoryEntry, entry)


# ---------------------------------------------------------------- parameters

RETRY = Parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*[!-~][ -~]*$"},
    "The same key gives the same answer for 24 hours, without doing the work again.",
    "header",
)
INCLUDE_DELETED = Parameter("include_deleted", {"type": "boolean", "default": False})


PAGING = ("limit", "cursor")
TEXT = {"type": "string", "minLength": 1, "pattern": r"^[^\x00]*$"}
WITHOUT_COMMA = {"type": "string", "minLength": 1, "pattern": r"^[^,\x00]*$"}
CURSOR = {
    "type": "string",
    "minLength": 1,
    "maxLength": listing.CURSOR_LENGTH,
    "pattern": "^[A-Za-z0-9_-]*$",
}


def paging_parameters() -> tuple[Parameter, ...]:
    """Return the parameters of a list that is only paged."""
    return (
        Parameter(
            "limit",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": listing.MAX_LIMIT,
                "default": listing.DEFAULT_LIMIT,
            },
            "Number of entries on a page, at most.",
        ),
        Parameter("cursor", CURSOR, "The next_cursor of the page before."),
    )


def list_parameters(asked: Listing[Any], without: Collection[str] = ()) -> tuple[Parameter, ...]:
    """Return the parameters that `listing.parse` accepts, for the document."""
    names = asked.sort_names
    sorts = names + [f"-{name}" for name in names]
    found = [
        *paging_parameters(),
        Parameter(
            "sort",
            {"type": "string", "enum": sorts, "default": asked.default_sort},
            _about_sorts(asked),
        ),
        Parameter(
            "q",
            TEXT,
            "Words, matched by prefix. A page may end early, even empty: go on while"
            " there is a next_cursor.",
        ),
        Parameter("tag", TEXT, "Only what has this tag."),
        INCLUDE_DELETED,
        Parameter(
            "count",
            {"type": "boolean", "default": False},
            "Also count all matches, up to 10,000: see `count` in the answer.",
        ),
    ]
    found += [_filter_parameter(asked, name) for name in asked.filter_names]
    if asked.views:
        found.append(Parameter("show", {"type": "string", "enum": list(asked.views)}))
    named = asked.comparisons.items()
    moment = {"type": "string", "format": "date-time"}
    found += [Parameter(name, moment) for name, (_, how) in named if how in ("after", "before")]
    found += [
        _COMPARED[how](asked, parameter, name)
        for parameter, (name, how) in asked.comparisons.items()
        if how in _COMPARED
    ]
    if asked.combines:
        found.append(_either(asked))
    return tuple(parameter for parameter in found if parameter.name not in without)


def _about_sorts(asked: Listing[Any]) -> str:
    by_time = "A time that is missing comes before all others: last where the newest are first."
    coarse = " last_used_at sorts by day, spend_usd by whole dollars." if asked.beside_sorts else ""
    return f"The order of the list, with - for descending. {by_time}{coarse}"


def _filter_parameter(asked: Listing[Any], name: str) -> Parameter:
    """Return the parameter of one filter, with its possible values if they are few."""
    if asked.is_switch(name):
        return Parameter(name, {"type": "boolean"})
    choices = asked.choices.get(name)
    if name in asked.once_single:
        words = f" Values: {', '.join(choices)}." if choices else ""
        return Parameter(name, _with_commas(choices) if choices else TEXT, f"{ANY_OF}{words}")
    if not asked.takes_several(name):
        return Parameter(name, {"type": "string", "enum": list(choices)} if choices else TEXT)
    return Parameter(
        name,
        _several({"type": "string", "enum": list(choices)} if choices else WITHOUT_COMMA),
        ANY_OF,
        explode=False,
    )


def _several(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "maxItems": listing.MOST_VALUES, "items": items}


def _with_commas(choices: Collection[str]) -> dict[str, Any]:
    """Return the schema of a text of some of these values."""
    one = f"({'|'.join(map(re.escape, choices))})"
    return {"type": "string", "pattern": f"^{one}(,{one}){{0,{listing.MOST_VALUES - 1}}}$"}


def _not(asked: Listing[Any], parameter: str, name: str) -> Parameter:
    value = Parameter(name, TEXT) if name == "tag" else _filter_parameter(asked, name)
    several = "none of these values" if asked.takes_several(name) else "not this value"
    if name in asked.once_single and name not in asked.choices:  # those have a pattern
        several += f", at most {listing.MOST_VALUES} with commas between them"
    return replace(value, name=parameter, description=f"Only what has {several}. {LOOKED}")


def _contains(asked: Listing[Any], parameter: str, name: str) -> Parameter:
    text = {**TEXT, "maxLength": listing.TEXT_LENGTH}
    return Parameter(parameter, text, f"A part of {name}, in upper or lower case. {LOOKED}")


def _empty(asked: Listing[Any], parameter: str, name: str) -> Parameter:
    said = f"True: only what has no {name}. False: only what has one. {LOOKED}"
    return Parameter(parameter, {"type": "boolean"}, said)


ANY_OF = "One value, or several with commas between them: any of these."
LOOKED = "A page may end early, as with q."
_COMPARED: Mapping[str, Callable[[Listing[Any], str, str], Parameter]] = {
    "not": _not,
    "contains": _contains,
    "empty": _empty,
}


def _either(asked: Listing[Any]) -> Parameter:
    """Return the parameter that joins others by OR."""
    return Parameter(
        "either",
        _several({"type": "string", "enum": sorted(asked.comparisons)}),
        "Names of parameters of this request, with commas between them. One of these must match"
        " instead of all; what is not named must match too. A name that has no value here does not"
        " count.",
        explode=False,
    )
