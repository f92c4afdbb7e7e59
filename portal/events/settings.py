"""A tenant's event settings: retention, fields hidden from readers, and API keys in events."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

import orjson
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from portal.core.errors import BadRequest
from portal.core.threads.precedence import give_way
from portal.database.actor import Actor
from portal.database.session import session
from portal.events.listeners import listeners
from portal.events.models import Event, EventKey, EventSettings
from portal.events.schemas import SettingsInput
from portal.records.audit import trail as audit
from portal.records.quotas import stored_bytes
from portal.rest import strict_json

DAYS = 30
HIDDEN = "•••"
UNREAD = frozenset({"text"})
"""The fields of an event from a received body that could not be read as fields."""

SEPARATOR = re.compile("([&;])")
BRACKETS = re.compile(r"[\[\].]+")
"""Characters between the parts of a form's names, as in `person[ssn]` and `person.ssn`."""

BEFORE_JSON = " \t\r\n\ufeff"
ESCAPE = "\\"  # a name of a field may be written with such ones
NO_NAME = re.compile(r"""[\s{}<>"'=:;,]""")
"""Characters of a text that was taken for the name of a field, and may hold fields itself."""

MOST_LOOKED_INTO = 100  # texts of one event that are read as JSON, to hide fields in them
TOO_DEEP = (RecursionError, orjson.JSONEncodeError)
FORGOTTEN_AT_ONCE = 10_000


def of(tenant_id: str, *, is_locked: bool = False) -> EventSettings:
    """Return the tenant's settings, or the defaults. Locked, nobody else changes them meanwhile."""
    if is_locked:  # there may be no row to lock
        one = func.hashtextextended(f"event settings {tenant_id}", 0)
        session.execute(select(func.pg_advisory_xact_lock(one)))
    query = select(EventSettings).filter_by(tenant_id=tenant_id)
    found = session.scalar(query.execution_options(populate_existing=is_locked))
    return found or EventSettings(
        tenant_id=tenant_id, retention_days=DAYS, redacted_fields=[], key_material="mask"
    )


def change(actor: Actor, command: SettingsInput) -> EventSettings:
    """Change the tenant's settings. What did not change is not written.

    Raises Forbidden for an application's credential.
    """
    actor.require("webhooks:write")
    actor.decide_for_tenant()
    before = of(actor.tenant_id, is_locked=True)
    values = command.values()
    changes = {k: (getattr(before, k), v) for k, v in values.items() if getattr(before, k) != v}
    if changes:
        changed = {name: values[name] for name in changes}
        session.execute(
            insert(EventSettings)
            .values(tenant_id=actor.tenant_id, **values)
            .on_conflict_do_update(index_elements=[EventSettings.tenant_id], set_=changed)
        )
        audit.note(
            actor,
            "event_settings.updated",
            record_kind="event_settings",
            record_id=actor.tenant_id,
            changes=changes,
        )
    session.expire_all()
    return of(actor.tenant_id)


def hidden_from(actor: Actor) -> frozenset[str]:
    """Return the fields that this reader may not see, in small letters: none for readers who may
    change webhooks."""
    if actor.can("webhooks:write"):
        return frozenset()
    names = {name.lower() for name in of(actor.tenant_id).redacted_fields}
    # Of a path, the last field is hidden wherever it is: that hides too much rather than nothing.
    return frozenset(names | {last for name in names if (last := _last_of(name))})


def _last_of(path: str) -> str:
    return next((part for part in reversed(BRACKETS.split(path)) if part), "")


def is_hidden(name: str, hidden: Collection[str]) -> bool:
    """Tell whether a field is one of the hidden ones, in small or capital letters, or is inside
    one or is one itself in the way that forms write it: `ssn`, `person[ssn]`, `person.ssn`."""
    small = name.lower()
    return small in hidden or any(part in hidden for part in BRACKETS.split(small))


def redact_data(data: Mapping[str, Any], hidden: Collection[str]) -> Any:
    """Return an event's data with every field of these names masked.

    A text that is all there is came from a body that could not be read as fields: it may hold any
    of them, so it is masked completely.
    """
    give_way()
    if hidden and data.keys() == UNREAD:
        return dict.fromkeys(UNREAD, HIDDEN)
    return redact(data, hidden, Looks())


def redact_values(data: Mapping[str, Any], names: Collection[str], hidden: Collection[str]) -> Any:
    """Return those of these fields of an event's data that are neither lists nor objects, masked as
    `redact_data` does it."""
    some = {
        name: data[name]
        for name in names
        if name in data and not isinstance(data[name], dict | list)
    }
    if hidden and data.keys() == UNREAD:
        return dict.fromkeys(some, HIDDEN)
    if hidden and any(map(NO_NAME.search, data)):
        return _redacted_form(some, hidden, Looks())
    return redact(some, hidden, Looks())


class Looks:
    """Count the texts of one event that are looked into. Beyond MOST_LOOKED_INTO they are masked
    completely: a page with thousands in each event would take seconds of processor time."""

    def __init__(self) -> None:
        self._left = MOST_LOOKED_INTO

    def has_more(self) -> bool:
        """Use up one look, and tell whether it is there."""
        self._left -= 1
        return self._left >= 0


def redact(value: Any, hidden: Collection[str], looks: Looks) -> Any:
    """Return the value with every field of these names masked, however deep."""
    if not hidden:
        return value
    give_way()
    if isinstance(value, dict):
        if any(map(NO_NAME.search, value)):
            return _redacted_form(value, hidden, looks)
        return {
            name: HIDDEN if is_hidden(name, hidden) else redact(inside, hidden, looks)
            for name, inside in value.items()
        }
    if isinstance(value, list):
        return [redact(item, hidden, looks) for item in value]
    if isinstance(value, str) and value.lstrip(BEFORE_JSON).startswith(("{", "[", '"')):
        return _redacted_inside(value, hidden, looks)
    return value


def _redacted_form(
    data: Mapping[str, Any], hidden: Collection[str], looks: Looks
) -> dict[str, Any]:
    """Return data with the same fields masked that may be a text which was taken for a form: its
    names and values are pieces of that text, so a pair that names such a field is masked, also
    where its name goes on in its value."""
    found: dict[str, Any] = {}
    for name, inside in data.items():
        if name.lower() not in hidden and _may_hold(name, hidden):
            found[HIDDEN] = HIDDEN
        elif is_hidden(name, hidden):
            found[name] = HIDDEN
        elif isinstance(inside, list):  # of a name that is there several times
            found[name] = [_redacted_piece(one, hidden, looks) for one in inside]
        else:
            found[name] = _redacted_piece(inside, hidden, looks)
    return found


def _redacted_piece(value: Any, hidden: Collection[str], looks: Looks) -> Any:
    is_named = isinstance(value, str) and _may_hold(value, hidden)
    return HIDDEN if is_named else redact(value, hidden, looks)


def _may_hold(text: str, hidden: Collection[str]) -> bool:
    small = text.lower()
    return ESCAPE in small or any(name in small for name in hidden)


def _redacted_inside(text: str, hidden: Collection[str], looks: Looks) -> str:
    """Return a text with the same fields masked if it is JSON, as in the forms of GitHub and the
    notifications of Amazon SNS. If it only looks like that and may name one, it is masked
    completely."""
    if not _may_hold(text, hidden):
        return text
    if not looks.has_more():
        return HIDDEN
    body = text.lstrip(BEFORE_JSON).encode("utf-8", "surrogatepass")
    try:
        orjson.loads(body)  # refuses in a tenth of the time of the strict parser
        inside = strict_json.parse(body)
        masked = redact(inside, hidden, looks)
        return text if masked == inside else orjson.dumps(masked).decode()
    except (BadRequest, orjson.JSONDecodeError, *TOO_DEEP):
        return HIDDEN


def redact_text(text: str, hidden: Collection[str]) -> str:
    """Return a body with the same fields masked, also in the data of an event that it delivers. A
    body that is not JSON, or is nested too deeply, is masked completely."""
    give_way()
    if not hidden or not text:
        return text
    try:
        body = redact(orjson.loads(text), hidden, Looks())
        if isinstance(body, dict) and isinstance(body.get("data"), dict):
            body["data"] = redact_data(body["data"], hidden)
        return orjson.dumps(body).decode()
    except (orjson.JSONDecodeError, *TOO_DEEP):
        return HIDDEN


def redact_headers(headers: Iterable[Sequence[str]], hidden: Collection[str]) -> list[list[str]]:
    """Return headers with those of these names masked."""
    return [[name, HIDDEN if is_hidden(name, hidden) else value] for name, value in headers]


def redact_address(address: str, hidden: Collection[str]) -> str:
    """Return an address with the parameters of these names masked."""
    place, mark, query = address.partition("?")
    if not hidden or not mark:
        return address
    parts = (_redacted_parameter(part, hidden) for part in SEPARATOR.split(query))
    return place + mark + "".join(parts)


def _redacted_parameter(parameter: str, hidden: Collection[str]) -> str:
    name, mark, _ = parameter.partition("=")
    return f"{name}={HIDDEN}" if mark and is_hidden(unquote_plus(name), hidden) else parameter


def forget_old(tenant_id: str) -> bool:
    """Delete a batch of events older than the tenant's retention; tell whether there are more."""
    moment = func.now() - func.make_interval(0, 0, 0, of_days(tenant_id))
    # Compare the database's time as well: the time in an id comes from the machine that made it.
    old = select(Event.id).where(
        Event.tenant_id == tenant_id,
        Event.id < func.ulid_floor("evt", moment),
        Event.received_at < moment,
    )
    ids = list(session.scalars(old.order_by(Event.id).limit(FORGOTTEN_AT_ONCE)))
    for listener in listeners():
        listener.outlive(tenant_id, ids)
    for model, column in ((EventKey, EventKey.event_id), (Event, Event.id)):
        session.execute(
            delete(model)
            .where(model.tenant_id == tenant_id, column.in_(ids))
            .execution_options(synchronize_session=False)
        )
    if ids:
        stored_bytes.measure_soon(tenant_id)
    return len(ids) == FORGOTTEN_AT_ONCE


def of_days(tenant_id: str) -> int:
    """Return for how many days the tenant keeps events and deliveries."""
    return of(tenant_id).retention_days
