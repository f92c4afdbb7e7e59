"""The timeline of a connector: what was changed, what checks found, and what other sources tell.

Every source pages by an order of its own that an index serves, so a page costs as much at the end
of a long timeline as at its beginning. The cursor has the place in each source.
"""

import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from flask import Flask, current_app
from sqlalchemy import Select
from ulid import ULID

from portal.audit import pages as audit_pages
from portal.connections.health.sentences import LEADS, Change
from portal.connections.models import ConnectorCheck, ConnectorStanding
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.database.json_values import same
from portal.providers.settings import label_of
from portal.records.audit import trail
from portal.records.audit.models import AuditEntry
from portal.records.listing import NOT_OURS, packed, refused, unpacked

PAGE = 30
LOOKED = 50  # of the newest changes, for the one before a failure
CONNECTION = ("provider", "auth_type", "config")
VERSION = "credential_version"
HEALTH = "connector.health_changed"  # what the checks beside it say already
BOOKKEEPING = frozenset(
    {
        "credential_last_rotated_at",
        "credential_set_by",
        "credential_set_by_name",
        "sync_status",
        "deleted_at",
        "deleted_by",
        "updated_by",
    }
)
Line = tuple[str, str | None, str | None]
FOUND = {
    **{outcome: lead.lower() for outcome, lead in LEADS.items()},
    "passed": "passed",
    "unproven": "sign-in not proven",
    "rate_limited": "rate limited",
    "transient": "no good answer",
    "secret_store": "not run, the secret store gives no credentials",
    "internal": "not run, the portal failed",
}
TONES = {"passed": "ok", "unproven": ""} | dict.fromkeys(
    ("rate_limited", "secret_store", "internal"), "warn"
)


EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # of ids, which begin with their time


@dataclass(frozen=True, slots=True)
class Event:
    """One entry. `place` is where its source goes on after it; `kind` groups what is alike."""

    at: datetime
    place: str
    title: str
    tone: str = ""
    text: str = ""
    who: str | None = None
    changes: Sequence[Line] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Entries of one kind in a row, drawn as one: the newest, how many, and when they began."""

    newest: Event
    count: int
    began: datetime


@dataclass(frozen=True, slots=True)
class Timeline:
    """One page, the newest entry first, and the cursor of the next."""

    runs: Sequence[Run]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Something that happens to connectors.

    `query` selects a number of rows after a place, newest first; None if the actor may see none.
    `tell` makes events of them. `place_at` returns the place that everything before a moment comes
    after.
    """

    name: str
    query: Callable[[Actor, Connector, str | None, int], Select[Any] | None] = field(repr=False)
    tell: Callable[[Connector, Sequence[Any]], Iterable[Event]] = field(repr=False)
    place_at: Callable[[datetime], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Period:
    """The time that a timeline is narrowed to: from a moment on, up to another one."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page of a timeline that was asked for: where each source goes on, and how many events."""

    places: Mapping[str, str]
    limit: int
    period: Period | None = None


def init_app(app: Flask) -> None:
    """Register the changes and the checks."""
    add_source(
        app, Source("changes", _changes, _change_events, lambda at: packed([at.isoformat(), ""]))
    )
    add_source(app, Source("checks", _checks, _found, place_of_id(ConnectorCheck.id_prefix)))


def place_of_id(prefix: str) -> Callable[[datetime], str]:
    """Return the `place_at` of a source whose places are ids."""
    return lambda at: f"{prefix}_{str(ULID.from_datetime(at))[:10]}"


def add_source(app: Flask, source: Source) -> None:
    """Register another feature's entries in the timeline of connectors."""
    app.extensions.setdefault("portal.connector_timeline", []).append(source)


def page_request(
    cursor: str | None, limit: int = PAGE, period: Period | None = None
) -> PageRequest:
    """Return what is asked for, of a `period` only its events. Raises BadRequest for a cursor that
    is not ours."""
    places = _decoded(cursor)
    if period and not cursor:
        places = {source.name: source.place_at(period.until) for source in _sources()}
    return PageRequest(places, limit, period)


def queries(actor: Actor, record: Connector, asked: PageRequest) -> list[Select[Any] | None]:
    """Return the queries whose rows `changes_and_page` needs: the newest changes, then one of each
    source."""
    newest = trail.history_query(actor, record.id, limit=LOOKED, without=(HEALTH,))
    return [
        newest,
        *(
            None
            if _has_newest(source, asked)
            else source.query(actor, record, asked.places.get(source.name), asked.limit + 1)
            for source in _sources()
        ),
    ]


def changes_and_page(
    record: Connector, asked: PageRequest, rows: Sequence[Sequence[Any]]
) -> tuple[Sequence[AuditEntry], Timeline]:
    """Return the newest changes, and the page that was asked for, from the rows of `queries`."""
    newest, *found = rows
    known = newest[: asked.limit + 1]
    read = [
        [
            (source.name, event)
            for event in source.tell(record, known if _has_newest(source, asked) else some)
        ]
        for source, some in zip(_sources(), found, strict=True)
    ]
    merged = list(heapq.merge(*read, key=lambda named: named[1].at, reverse=True))
    shown = merged[: asked.limit]
    if period := asked.period:
        is_over = bool(shown) and shown[-1][1].at < period.since
        shown = [one for one in shown if period.since <= one[1].at < period.until]
        merged = [] if is_over else merged
    after = {**asked.places, **{name: event.place for name, event in shown}}
    runs = [_run([event for _, event in some]) for _, some in groupby(shown, _alike)]
    page = Timeline(runs, packed(after) if len(merged) > asked.limit else None)
    return trail.read(newest), page


def _sources() -> Sequence[Source]:
    return list(current_app.extensions["portal.connector_timeline"])


def _has_newest(source: Source, asked: PageRequest) -> bool:
    """Tell whether the newest changes, which are read anyway, are those of the page."""
    return source.query is _changes and not asked.places and asked.limit < LOOKED


def _alike(named: tuple[str, Event]) -> tuple[str, str]:
    name, event = named
    return name, event.kind or event.place


def _run(events: Sequence[Event]) -> Run:
    return Run(events[0], len(events), events[-1].at)


def _decoded(cursor: str | None) -> dict[str, str]:
    if not cursor:
        return {}
    try:
        places = unpacked(cursor)
    except ValueError:
        raise refused("cursor", NOT_OURS) from None
    if not isinstance(places, dict):
        raise refused("cursor", NOT_OURS)
    if not all(isinstance(place, str) and place.isprintable() for place in places.values()):
        raise refused("cursor", NOT_OURS)
    return places


# ---------------------------------------------------------------- what was changed


def _changes(actor: Actor, record: Connector, place: str | None, limit: int) -> Select[Any] | None:
    return trail.history_query(actor, record.id, limit=limit, before=place, without=(HEALTH,))


def _change_events(record: Connector, rows: Sequence[Any]) -> Iterator[Event]:
    found = trail.read(rows)
    for entry, line in zip(found, audit_pages.lines(found), strict=True):
        yield Event(
            at=entry.occurred_at,
            place=trail.place(entry),
            title=line["action"],
            who=line["who"],
            changes=_shown(record, entry, line["changes"]),
        )


def _shown(record: Connector, entry: AuditEntry, changes: Sequence[Line]) -> list[Line]:
    """Return the changes that tell people something: settings one by one, no bookkeeping."""
    if entry.action == "connector.created":
        return []
    plain = [line for line in changes if line[0] not in (*BOOKKEEPING, "config")]
    shown = [_version_line(line) if line[0] == VERSION else line for line in plain]
    for name, (old, new) in _changed_settings(entry).items():
        shown.append((setting_label(record, name), _text(old), _text(new)))
    return shown


def _changed_settings(entry: AuditEntry) -> dict[str, tuple[Any, Any]]:
    """Return the settings that an entry changed, by name, each with its old and new value."""
    old, new = ((value or {}) for value in entry.changes.get("config", ({}, {})))
    pairs = {name: (old.get(name), new.get(name)) for name in sorted({*old, *new})}
    return {name: pair for name, pair in pairs.items() if not same(*pair)}


def _version_line(line: Line) -> Line:
    _, old, new = line
    before = f"version {old}" if old not in (None, "0") else None
    return "credentials", before, f"version {new}"


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


# ---------------------------------------------------------------- what checks found


def _checks(actor: Actor, record: Connector, place: str | None, limit: int) -> Select[Any] | None:
    if not record.is_open_to(actor):
        return None
    query = ConnectorCheck.seen_by(actor).where(
        ConnectorCheck.connector_id == record.id, ConnectorCheck.state == "done"
    )
    if place is not None:
        query = query.where(ConnectorCheck.id < place)
    return query.order_by(ConnectorCheck.id.desc()).limit(limit)


def _found(_record: Connector, rows: Sequence[Any]) -> Iterator[Event]:
    for (check,) in rows:
        yield _checked(check)


def _checked(check: ConnectorCheck) -> Event:
    outcome = check.outcome or ""
    passed = sum(step["state"] in ("passed", "warned") for step in check.steps)
    text = f"{passed} of {len(check.steps)} steps passed"
    if check.took_ms is not None and check.steps:
        text += f", {check.took_ms:,.0f} ms"
    text = text if check.steps else ""
    if outcome != "passed":
        text = check.said
    if check.is_outdated:
        text += " This says nothing about the connector as it is now."
    return Event(
        at=check.finished_at or check.created_at,
        place=check.id,
        title=f"Check {FOUND.get(outcome, outcome)}",
        tone=TONES.get(outcome, "bad"),
        text=text,
        who=check.asked_by_name,
        kind=f"{outcome} {check.is_outdated} {check.said} {check.asked_by_name}",
    )


# ---------------------------------------------------------------- the change before the failure


def change_before_failure(
    record: Connector,
    standing: ConnectorStanding | None,
    newest: Sequence[AuditEntry],
    entered: Mapping[int, tuple[str, ...]],
) -> Change | None:
    """Return the last change between the last check that passed and the first that failed.

    None if the connector works, if no check has passed yet, if nothing was changed, or if the
    change is older than the `newest` entries. `entered` are the fields of each version of the
    credentials.
    """
    if standing is None or standing.since is None or standing.passed_at is None:
        return None
    if standing.outcome == "passed":
        return None
    for entry in newest:
        is_between = standing.passed_at < entry.occurred_at <= standing.since
        if is_between and (change := _change(record, entry, entered)) is not None:
            return change
    return None


def _change(
    record: Connector, entry: AuditEntry, entered: Mapping[int, tuple[str, ...]]
) -> Change | None:
    """Return what an entry changed of the connection, or None if nothing."""
    settings = _settings(record, entry)
    version = entry.changes.get(VERSION, (None, None))[1]
    if not settings and not version:
        return None
    return Change(
        at=entry.occurred_at,
        by=entry.actor_name,
        settings=settings,
        version=version,
        fields=entered.get(version, ()),
        place=trail.place(entry),
    )


def _settings(record: Connector, entry: AuditEntry) -> tuple[str, ...]:
    """Return the labels of the settings that an entry changed."""
    if entry.action == "connector.created":
        return ()
    words = {"provider": "the system", "auth_type": "the way to sign in"}
    fields = [words[name] for name in words if name in entry.changes]
    return (*fields, *(setting_label(record, name) for name in _changed_settings(entry)))


def setting_label(record: Connector, name: str) -> str:
    """Return a setting's name as its form shows it."""
    settings = record.entry.config if record.entry else ()
    known = {setting.key: setting.label for setting in settings}
    return known.get(name) or label_of(name)


def credential_label(record: Connector, name: str) -> str:
    """Return the name of a credential's field as its form shows it."""
    fields = record.variant.credentials if record.variant else ()
    known = {field.key: field.label for field in fields}
    return known.get(name) or label_of(name)
