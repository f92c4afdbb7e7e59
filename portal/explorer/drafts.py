"""Read what a person typed, and make the request of it that the API would get.

Values go out as typed: the API checks them and explains, not this page. Only what cannot become a
request at all is an error here.
"""

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from flask import current_app
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal.core.errors import BadRequest
from portal.core.key_shape import masked, masked_value
from portal.explorer.catalogue import DRY_RUN, Described
from portal.explorer.schema_fields import Field
from portal.records.schemas import HIDDEN, quoted
from portal.rest import strict_json, validate_only
from portal.rest.openapi import PREFIX

ABSENT: Any = object()  # there is no body
RAW = "raw"
NOT_SHOWN = "NOT SHOWN AGAIN"
LONGEST_QUERY = 4000  # characters
INTEGER, NUMBER = re.compile(r"-?[0-9]{1,18}"), re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
JSON_OPTIONS = orjson.OPT_INDENT_2


@dataclass(frozen=True)
class Draft:
    """Hold the texts that a person typed, by field, and the body as JSON if they write that."""

    values: Mapping[str, str] = field(default_factory=dict)
    raw: str | None = None
    dry_run: bool = False

    @property
    def is_raw(self) -> bool:
        """Tell whether the body is written as JSON."""
        return self.raw is not None


@dataclass(frozen=True)
class Call:
    """The request that a draft makes. `errors` are field → sentence; with one it cannot be sent."""

    ids: tuple[str, ...]
    path: str
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    body: Any
    errors: Mapping[str, str]

    @property
    def address(self) -> str:
        """Return path and query, below the portal's address."""
        query = urlencode({name: _in_query(value) for name, value in self.query.items()})
        return f"{PREFIX}{self.path}?{query}" if query else PREFIX + self.path

    @property
    def content(self) -> bytes:
        """Return the body's bytes."""
        return b"" if self.body is ABSENT else orjson.dumps(self.body)


def of_form(described: Described, form: Mapping[str, str]) -> Draft:
    """Return the draft in a form that was sent."""
    values = {one.key: form[one.key] for one in described.fields if form.get(one.key)}
    raw = form.get(RAW) if described.takes_body else None
    return Draft(values, None if raw is None else unix(raw), form.get("dry_run") == "1")


def of_address(described: Described, arguments: Mapping[str, str]) -> Draft:
    """Return the draft in the address of the page. A body is in no address: it may be secret.

    With `body=json`, the body is written as JSON.
    """
    fields = described.of("path", "query")
    values = {one.key: arguments[one.key][:LONGEST_QUERY] for one in fields if one.key in arguments}
    is_raw = described.takes_body and arguments.get("body") == "json"
    return Draft(values, "{}" if is_raw else None)


def unix(text: str) -> str:
    """Return a text with line breaks of one character. A browser sends two."""
    return text.replace("\r\n", "\n")


def call_of(described: Described, draft: Draft) -> Call:
    """Return the request that the draft makes, with what is wrong with it."""
    errors: dict[str, str] = {}
    ids = _ids(described, draft, errors)
    return Call(
        ids=tuple(ids.values()),
        path=_path(described, ids, errors),
        query=_query(described, draft),
        headers=_headers(described, draft, errors),
        body=_body(described, draft, errors),
        errors=errors,
    )


# ---------------------------------------------------------------- the parts of a request


def _ids(described: Described, draft: Draft, errors: MutableMapping[str, str]) -> dict[str, str]:
    found = {}
    for one in described.of("path"):
        found[one.name] = draft.values.get(one.key, "").strip()
        if not found[one.name]:
            errors[one.key] = "Give the id."
    return found


def _path(described: Described, ids: Mapping[str, str], errors: MutableMapping[str, str]) -> str:
    path = described.operation.path
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", quote(value, safe="") if value else f"{{{name}}}")
    plain = described.operation.path.format_map(ids)
    if all(ids.values()) and not _leads_there(described, plain):
        # An id such as “…/revoke” would reach another operation, past its confirmation.
        errors[described.of("path")[-1].key] = "This cannot be an id."
    return path


def _leads_there(described: Described, path: str) -> bool:
    operation = described.operation
    try:
        matched = current_app.url_map.bind("").match(PREFIX + path, method=operation.method)
    except (HTTPException, RequestRedirect):
        return False
    return bool(matched[0] == f"api.{operation.id.replace('.', '_')}")


def _query(described: Described, draft: Draft) -> dict[str, Any]:
    return {
        one.name: _scalar(one, draft.values[one.key])
        for one in described.of("query")
        if one.key in draft.values
    }


def _in_query(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _headers(
    described: Described, draft: Draft, errors: MutableMapping[str, str]
) -> dict[str, str]:
    found = {}
    for one in described.of("header"):
        value = draft.values.get(one.key, "").strip()
        if value and not (value.isascii() and value.isprintable()):
            errors[one.key] = "A header has only plain letters, digits and signs."
        elif value:
            found[one.name] = value
    if draft.dry_run and described.has_dry_run:
        found[DRY_RUN] = validate_only.NAME
    return found


def _body(described: Described, draft: Draft, errors: MutableMapping[str, str]) -> Any:
    if not described.takes_body:
        return ABSENT
    if draft.raw is not None:
        return _parsed(RAW, draft.raw, errors) if draft.raw.strip() else ABSENT
    body = {}
    for one in described.of("body"):
        text = unix(draft.values.get(one.key, ""))
        if text.strip() and (value := _value(one, text, errors)) is not ABSENT:
            body[one.name] = value
    return body


def _value(one: Field, text: str, errors: MutableMapping[str, str]) -> Any:
    if one.control == "lines":
        return [line.strip() for line in text.split("\n") if line.strip()]
    if one.control == "json":
        return _parsed(one.key, text, errors)
    return _scalar(one, text)


def _scalar(one: Field, text: str) -> Any:
    """Return the value that a text means for a field, or the text, which the API then refuses."""
    plain = text.strip()
    if one.kind == "boolean" and plain in ("true", "false"):
        return plain == "true"
    if one.kind == "integer" and INTEGER.fullmatch(plain):
        return int(plain)
    if one.kind == "number" and NUMBER.fullmatch(plain):
        return float(plain) if "." in plain else int(plain)
    return text


def _parsed(key: str, text: str, errors: MutableMapping[str, str]) -> Any:
    try:
        return strict_json.parse(text.encode("utf-8", "surrogatepass"))
    except BadRequest as error:
        errors[key] = error.detail.replace("The body", "This")
        return ABSENT


# ---------------------------------------------------------------- the other way to write it


def as_json(described: Described, draft: Draft) -> tuple[Draft, Mapping[str, str]]:
    """Return the draft with its body as JSON, or with the errors that prevent it."""
    call = call_of(described, draft)
    wrong = {key: text for key, text in call.errors.items() if key.startswith("body.")}
    if wrong or draft.is_raw:
        return draft, wrong
    return Draft(draft.values, pretty(call.body), draft.dry_run), {}


def as_fields(described: Described, draft: Draft) -> tuple[Draft, Mapping[str, str]]:
    """Return the draft with its body in fields, or with the error that prevents it."""
    call = call_of(described, draft)
    if RAW in call.errors:
        return draft, {RAW: call.errors[RAW]}
    body = {} if call.body is ABSENT else call.body
    if not isinstance(body, dict):
        return draft, {RAW: "Only a JSON object fits into fields."}
    fields = {one.name: one for one in described.of("body")}
    if unknown := [name for name in body if name not in fields]:
        return draft, {RAW: f"There is no field for {quoted(unknown[0])}."}
    others = {key: text for key, text in draft.values.items() if not key.startswith("body.")}
    typed = {fields[name].key: _as_typed(fields[name], value) for name, value in body.items()}
    found = Draft({**others, **typed}, None, draft.dry_run)
    rebuilt = call_of(described, found).body
    if lost := [name for name in body if rebuilt.get(name, ABSENT) != body[name]]:
        return draft, {RAW: f"The value of {quoted(lost[0])} can only be written as JSON."}
    return found, {}


def _as_typed(one: Field, value: Any) -> str:
    if one.control == "lines" and _is_lines(value):
        return "\n".join(value)
    if one.control == "json" or isinstance(value, bool | list | dict):
        return pretty(value)
    return str(value)


def _is_lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def pretty(value: Any) -> str:
    """Return JSON for people. Characters that turn or hide text are written as escapes."""
    if value is ABSENT:
        return "{}"
    return visible(orjson.dumps(value, option=JSON_OPTIONS).decode())


def visible(text: str) -> str:
    """Return JSON or source text with characters that turn or hide text as `\\u202e`."""
    return HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


# ---------------------------------------------------------------- without secrets


def without_secrets(described: Described, draft: Draft) -> Draft:
    """Return the draft as a response may repeat it: without secrets and without API keys."""
    secret = {one.key for one in described.fields if one.secret}
    kept = {key: masked(text) for key, text in draft.values.items() if key not in secret}
    raw = draft.raw
    if raw is not None:
        call = call_of(described, draft)
        hidden = hide(described, call.body)
        raw = masked(raw) if hidden == call.body else pretty(hidden)
    return Draft(kept, raw, draft.dry_run)


def hide(described: Described, body: Any) -> Any:
    """Return a body in which each secret is replaced by a word, also below `items`."""
    return _replaced(described, body, lambda path: NOT_SHOWN)


def in_environment(described: Described, body: Any) -> Any:
    """Return a body in which each secret is replaced by a `Variable` of its own."""
    names: list[str] = []

    def variable(path: tuple[str, ...]) -> Variable:
        name = _variable_name(path)
        names.append(name)
        many = names.count(name)
        return Variable(name if many == 1 else f"{name}_{many}")

    return _replaced(described, body, variable)


class Variable(str):
    """The name of an environment variable that holds a secret of the body."""

    __slots__ = ()


def _variable_name(path: tuple[str, ...]) -> str:
    """Return `CREDENTIALS_CLIENT_SECRET` for credentials.clientSecret."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", "_".join(path))
    name = re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")
    return name if name and not name[0].isdigit() and name != "TOKEN" else f"SECRET_{name}"


Replace = Callable[[tuple[str, ...]], str]  # a secret's path → what is shown instead


def _replaced(described: Described, body: Any, replace: Replace) -> Any:
    if body is ABSENT:
        return body
    return _without(masked_value(body), described.secret_names, replace)


def _without(value: Any, secret: frozenset[str], replace: Replace) -> Any:
    if isinstance(value, list):
        return [_without(one, secret, replace) for one in value]
    if isinstance(value, dict):
        return {
            name: _hidden(one, (name,), replace)
            if name in secret
            else _without(one, secret, replace)
            for name, one in value.items()
        }
    return value


def _hidden(value: Any, path: tuple[str, ...], replace: Replace) -> Any:
    if isinstance(value, dict):
        return {name: _hidden(one, (*path, name), replace) for name, one in value.items()}
    return replace(path) if value else value


def first_of(errors: Mapping[str, str], fields: Iterable[Field]) -> str | None:
    """Return the key of the first wrong field in the order of the page."""
    order = [*(field.key for field in fields), RAW, "confirm"]
    return next((key for key in order if key in errors), None)
