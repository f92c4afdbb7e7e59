"""Lead from any page to the explorer, and show a record as code. Templates use it as `explorer`."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from flask import current_app, request
from markupsafe import Markup, escape

from portal.explorer.catalogue import Described, catalogue
from portal.explorer.code_samples import (
    JAVASCRIPT_CLIENT,
    PYTHON_CLIENT,
    javascript_call,
    python_call,
)
from portal.explorer.drafts import ABSENT, Call
from portal.web.drawing.template_functions import highlight, page_url

A_RECORD = "ID-OF-THE-RECORD"
NEW_NAME, NAMES = "New name", ("display_name", "name")
UNKEPT = frozenset({"cursor"})  # it belongs to the page's own list


def record_url(operation_id: str, *ids: str) -> str | None:
    """Return the explorer's page of an operation for one record, or None without such an operation.

    The ids are in the order of the operation's path.
    """
    found = catalogue().find(operation_id)
    return _url(operation_id, _filled(found, ids)) if found else None


def list_url(operation_id: str, *ids: str) -> str | None:
    """Return the explorer's page of a list, with the filters of the current page."""
    found = catalogue().find(operation_id)
    if found is None:
        return None
    asked = {
        one.key: request.args[one.name]
        for one in found.of("query")
        if request.args.get(one.name) and one.name not in UNKEPT
    }
    return _url(operation_id, _filled(found, ids) | asked)


def _filled(described: Described, ids: Iterable[str]) -> dict[str, str]:
    fields = described.of("path")
    return {one.key: value for one, value in zip(fields, ids, strict=True)}


def _url(operation_id: str, values: Mapping[str, str]) -> str:
    place = f"{page_url('explorer.index')}/{operation_id}"
    return f"{place}?{urlencode(values)}" if values else place


def as_code(resource: str, record_id: str) -> list[tuple[str, Markup]]:
    """Return language → code that reads a record and changes it, with both SDKs.

    `resource` is the beginning of the operations' ids. The code is the same for all records but for
    the id, so it is highlighted once.
    """
    kept = current_app.extensions["portal.explorer"].setdefault("as_code", {})
    if resource not in kept:
        kept[resource] = _as_code(resource)
    shown = escape(record_id)
    return [
        (label, Markup(code.replace(A_RECORD, shown)))  # noqa: S704 - both are escaped
        for label, code in kept[resource]
    ]


def _as_code(resource: str) -> list[tuple[str, Markup]]:
    known = [catalogue().find(f"{resource}.{verb}") for verb in ("get", "update")]
    found = [one for one in known if one is not None]
    base_url = current_app.extensions["portal"].base_url
    python, javascript = [], []
    for number, one in enumerate(found):
        call, body = _call(one)
        spoken = python_call(one.operation, call, body)
        python.append(f"record = {spoken}")
        scripted = javascript_call(one.operation, call, body)
        javascript.append(f"{'' if number else 'let '}record = await {scripted};")
    return [
        ("Python", _code(PYTHON_CLIENT, base_url, python, "python")),
        ("JavaScript", _code(JAVASCRIPT_CLIENT, base_url, javascript, "javascript")),
    ]


def _code(client: str, base_url: str, lines: list[str], language: str) -> Markup:
    return highlight("\n".join([client.format(base_url=base_url), *lines]), language)


def _call(described: Described) -> tuple[Call, Any]:
    ids = (A_RECORD,) * len(described.of("path"))
    known = {one.name for one in described.of("body")}
    body = next(({name: NEW_NAME} for name in NAMES if name in known), ABSENT)
    return Call(ids, "", {}, {}, body, {}), body
