"""Write what a page shows as code for programs. Templates use it as `shown_code`."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from flask import current_app
from markupsafe import Markup, escape

from portal.explorer.catalogue import DRY_RUN, catalogue
from portal.explorer.code_samples import Sample, written
from portal.explorer.drafts import ABSENT, Call, Variable
from portal.rest import validate_only
from portal.rest.openapi import Operation
from portal.web.drawing.template_functions import highlight

A_RECORD = "ID-OF-THE-RECORD"
AN_ID = re.compile(r"\{\w+\}")
WHO_AM_I = "integration.me.get"
# Writes that a key can be tried with, as a dry run if there is one. Any other needs only a name.
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
    return f"{operation.summary}.{kept}"


# ---------------------------------------------------------------- together


def _call(operation: Operation, ids: Sequence[str], body: Any = ABSENT) -> Call:
    path = operation.path
    for id in ids:
        path = AN_ID.sub(quote(id, safe=""), path, count=1)
    return Call(tuple(ids), path, {}, {}, body, {})


def _base_url() -> str:
    return str(current_app.extensions["portal"].base_url)
