"""Write what a page shows as code for programs. Templates use it as `shown_code`."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from flask import current_app, request
from markupsafe import Markup, escape
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from portal.explorer.catalogue import DRY_RUN, Described, catalogue
from portal.explorer.code_samples import TOKEN, Sample, written
from portal.explorer.drafts import ABSENT, Call, Variable, in_environment
from portal.rest import validate_only
from portal.rest.openapi import Operation
from portal.web.drawing.template_functions import highlight, iso

A_RECORD = "ID-OF-THE-RECORD"
AN_ID = re.compile(r"\{\w+\}")
WHO_AM_I = "integration.me.get"
# Operation id → a body that a key can be tried with, as a dry run if there is one.
# Other operations get a name alone, if they take one.
TRIED: Mapping[str, Mapping[str, Any]] = {
    "integration.events.publish": {"type": "example.created"},
    "integration.apiKeys.verify": {},
}
NAMES = ("display_name", "name")
EXAMPLE = "Example"


@dataclass(frozen=True, slots=True)
class Shown:
    """One piece of code, as a page draws it: `text` is for the copy button."""

    label: str
    text: str
    drawn: Markup


@dataclass(frozen=True, slots=True)
class FirstCall:
    """The first call of a new key: what it does, and its code."""

    sentence: str
    samples: Sequence[Sample]


def of_record(operation_id: str, *ids: str, deleted: bool = False) -> list[Shown]:
    """Return the code that reads a record, in every language; none without such an operation.

    The ids are in the order of the operation's path. The code is the same for all records but for
    the ids, so it is highlighted once.
    """
    if catalogue().find(operation_id) is None:
        return []
    kept = current_app.extensions["portal.explorer"].setdefault("as_code", {})
    key = operation_id, deleted
    if key not in kept:
        kept[key] = [(one, highlight(one.text, one.language)) for one in _reading(*key)]
    return [
        Shown(one.label, _filled(one.text, ids), Markup(_filled(drawn, map(escape, ids))))  # noqa: S704 - both are escaped
        for one, drawn in kept[key]
    ]


def _reading(operation_id: str, deleted: bool) -> list[Sample]:
    operation = catalogue().operations[operation_id]
    places = [f"{A_RECORD}-{number}" for number, _ in enumerate(AN_ID.findall(operation.path))]
    call = _call(operation, places)
    if deleted:
        call = replace(call, query={"include_deleted": True})
    return written(operation, call, ABSENT, _base_url())


def _filled(text: str, ids: Any) -> str:
    for number, id in enumerate(ids):
        text = text.replace(f"{A_RECORD}-{number}", id)
    return str(text)


# ---------------------------------------------------------------- the first call of a key


def first_call(scopes: Collection[str], token: str) -> FirstCall:
    """Return a call that a key with these scopes may make, and that changes nothing.

    `token` is the environment variable with the key.
    """
    operation = _first(frozenset(scopes))
    body = _body_to_try(operation, token)
    headers = {DRY_RUN: validate_only.NAME} if _runs_dry(operation) else {}
    call = Call((), operation.path, {}, headers, body, {})
    samples = written(operation, call, body, _base_url(), token)
    return FirstCall(_sentence(operation, scopes), samples)


def _first(scopes: frozenset[str]) -> Operation:
    """Return the operation to try: a list, else a write, else the question who the caller is."""
    known = catalogue().operations
    allowed = [
        one
        for one in known.values()
        if one.scope and scopes.issuperset(one.scopes) and not AN_ID.search(one.path)
    ]
    lists = (one for one in allowed if one.name == "list")
    writes = (one for one in allowed if one.name == "create" or one.id in TRIED)
    return next(lists, None) or next(writes, None) or known[WHO_AM_I]


def _body_to_try(operation: Operation, token: str) -> Any:
    if operation.command is None:
        return ABSENT
    if operation.name == "verify":
        return {"key": Variable(token)}
    if operation.id in TRIED:
        return dict(TRIED[operation.id])
    known = operation.command.model_fields
    return next(({name: EXAMPLE} for name in NAMES if name in known), {})


def _runs_dry(operation: Operation) -> bool:
    return operation.is_write and not operation.cannot_validate


def _sentence(operation: Operation, scopes: Collection[str]) -> str:
    if operation.id == WHO_AM_I:
        if not scopes:
            return "This key has no scopes: it can only ask who it is."
        return "What this key may do needs the id of a record. Without one it can ask who it is."
    if operation.name == "verify":
        return "This key may verify keys, such as itself."
    kept = " Nothing is kept: only the checks are made." if _runs_dry(operation) else ""
    does = operation.summary[0].lower() + operation.summary[1:]
    return f"For example: {does}.{kept}"


# ---------------------------------------------------------------- what a form would send


@dataclass(frozen=True, slots=True)
class TypedCode:
    """The code of what was typed into a form, and what it needs."""

    sentence: str
    samples: Sequence[Sample]


def operation_of(form: Any) -> Operation | None:
    """Return the operation that does the same as the form of this page, or None."""
    if form.operation:
        return catalogue().operations.get(form.operation)
    takes = [one for one in catalogue().operations.values() if one.command is form.command_type]
    of_one = bool(request.view_args)
    found = [one for one in takes if bool(AN_ID.search(one.path)) == of_one]
    verb = (request.endpoint or "").partition(".")[2]
    return next((one for one in found if one.name == verb), found[0] if found else None)


def of_form(form: Any) -> TypedCode:
    """Return what was typed as code. Its secrets are read from the environment."""
    operation = operation_of(form)
    assert operation is not None  # noqa: S101 - the button is only drawn with one
    unread = [field for field in form if getattr(field, "process_errors", ())]
    document = _changed(form)
    for field in unread:
        document.pop(field.wire.partition(".")[0], None)
    body = in_environment(Described(operation), _plain(document))
    call = _call(operation, [str(id) for id in (request.view_args or {}).values()], body)
    names = sorted({TOKEN, *_variables(body)})
    sentence = f"Set {_and(names)} in the environment first."
    if unread:
        left_out = _and([field.label.text for field in unread])
        sentence += f" Left out, because it cannot be read: {left_out}."
    return TypedCode(sentence, written(operation, call, body, _base_url()))


def _changed(form: Any) -> dict[str, Any]:
    """Return the document of a form; of one that changes a record, only what differs."""
    document: dict[str, Any] = form.document(form.stored)
    if form.stored is None:
        defaults = form.command_type.model_fields
        return {
            name: value
            for name, value in document.items()
            if value not in (None, [], {}, _default(defaults.get(name)))
        }
    return {
        name: value
        for name, value in document.items()
        if value != getattr(form.stored, name, ABSENT) and not _is_no_secret(name, value)
    }


def _default(field: FieldInfo | None) -> Any:
    """Return the value that a field of a command has when it is left out."""
    value = None if field is None else field.get_default(call_default_factory=True)
    return value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value


def _plain(value: Any) -> Any:
    """Return a document with its times and amounts as texts, as JSON has them."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return iso(value)
    return str(value) if isinstance(value, Decimal) else value


def _is_no_secret(name: str, value: Any) -> bool:
    """Tell whether no credential was typed, which keeps those that are stored."""
    return name == "credentials" and value == {}


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, Variable):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _variables(one)
    elif isinstance(value, list):
        for one in value:
            yield from _variables(one)


def _and(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


# ---------------------------------------------------------------- together


def _call(operation: Operation, ids: Sequence[str], body: Any = ABSENT) -> Call:
    path = operation.path
    for id in ids:
        path = AN_ID.sub(quote(id, safe=""), path, count=1)
    return Call(tuple(ids), path, {}, {}, body, {})


def _base_url() -> str:
    return str(current_app.extensions["portal"].base_url)
