"""Read what a connector's page shows of its connection, and put it into the form that is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import BigInteger, Date, and_, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from portal.connections.check_results import OWN_FAULTS
from portal.connections.checks.report import Report
from portal.connections.health import consequences, judgement, sentences, timeline, users
from portal.connections.health.sentences import Known, Sentence
from portal.connections.health.timeline import Timeline
from portal.connections.models import (
    ConnectorCheck,
    ConnectorCheckDay,
    ConnectorCredentials,
    ConnectorStanding,
)
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.database.session import session
from portal.database.together import read_together
from portal.providers.steps import NEED_A_PERSON
from portal.records.health import Health, listed
from portal.secretstore import last_forgotten
from portal.web.drawing.charts import Column, Series
from portal.web.drawing.consequences import Consequences
from portal.web.drawing.ranges import HOUR, RANGES, Range, Span, columns
from portal.web.drawing.template_functions import ago, iso

DAYS = 30
MONTH = RANGES[-1]
MOST_CHECKS = 1_000  # of a day
FEW_DAYS = 3  # are named
VERSIONS = 50  # of credentials whose entered fields are named in the timeline
LATEST = 8  # entries of the timeline on the connector's page
SERIES = (Series("passed", "norm"), Series("with a warning", "warn"), Series("failed", "bad"))
WORDS = {"passed": "passed", "warned": "passed with a warning", "not_tried": "not tried"}
REFUSED = frozenset({"auth_invalid", "auth_expired"})


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of a check: its words, and its bar from `left`, `width` wide, in per cent."""

    title: str
    state: str
    word: str
    left: float
    width: float
    took_ms: float | None
    said: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the credentials: the labels of what was entered, by whom and when."""

    version: int
    fields: tuple[str, ...]
    set_by_name: str | None
    set_at: datetime
    restored_from: int | None


@dataclass(frozen=True, slots=True)
class Stands:
    """The rows of one connector in the tables of checks, and the database's time. `found` is the
    check that the standing is from."""

    standing: ConnectorStanding | None
    open_check: ConnectorCheck | None
    found: ConnectorCheck | None
    days: Sequence[Column]
    versions: Sequence[Version]
    now: datetime

    @property
    def entered(self) -> Mapping[int, tuple[str, ...]]:
        """Return the labels of the fields that were entered in each version."""
        return {one.version: one.fields for one in self.versions}


@dataclass(frozen=True, slots=True)
class Panel:
    """Hold what is known of a connection. `check` is the one whose steps are shown."""

    record: Connector
    sentence: Sentence
    health: Health
    check: ConnectorCheck | None
    bars: Sequence[Bar]
    open_check: ConnectorCheck | None
    next_check_at: datetime | None
    change: sentences.Change | None
    users: Sequence[users.User]
    days: Sequence[Column]
    versions: Sequence[Version]
    timeline: Timeline
    consequences: Consequences | None

    @property
    def is_checking(self) -> bool:
        """Tell whether a check waits or runs, so that the page looks again."""
        return self.open_check is not None

    @property
    def stopped_at(self) -> str:
        """Return where the check stopped, as “stopped at step 4 of 6”; empty if it did not."""
        failed = [number for number, bar in enumerate(self.bars, 1) if bar.state == "failed"]
        return f"stopped at step {failed[0]} of {len(self.bars)}" if failed else ""

    @property
    def about_check(self) -> str:
        """Return when the check ran, how long it took, where it stopped, and when the next is."""
        check = self.check
        if check is None or check.finished_at is None:
            return "It is under way."
        took = f"{check.took_ms:,.0f} ms" if check.took_ms is not None else ""
        following = f"next {ago(self.next_check_at)}" if self.next_check_at else ""
        parts = (ago(check.finished_at), took, self.stopped_at, following)
        return ", ".join(part for part in parts if part)

    @property
    def about_days(self) -> str:
        """Return how many checks of the chart failed, and on which days."""
        made = sum(sum(day.values) for day in self.days)
        failed = sum(day.values[-1] for day in self.days)
        failing = [day.label for day in self.days if day.values[-1]]
        days = listed(failing) if len(failing) <= FEW_DAYS else f"{len(failing)} days"
        when = f", on {days}" if failing else ""
        return f"{failed:,} of {made:,} checks failed{when}. Times are in UTC."

    @property
    def may_check(self) -> bool:
        """Tell whether a check can be asked for."""
        record = self.record
        is_used = record.enabled and not record.is_deleted and not record.is_stopped
        usable = is_used and record.provider is not None
        return usable and not self.is_checking and not connectors.missing(record)


def read(actor: Actor, record: Connector, asked: Range = MONTH) -> Panel:
    """Return what is known of one connector that is open to the actor. Its chart has the range."""
    latest = timeline.page_request(None, LATEST)
    in_timeline = timeline.queries(actor, record, latest)
    rows = read_together([*in_timeline, *users.queries(actor, record)])
    entries, events = timeline.changes_and_page(record, latest, rows[: len(in_timeline)])
    found = users.users_of(rows[len(in_timeline) :])
    stands = stands_of(record, asked)
    if _ended_meanwhile(record, stands.found):
        session.refresh(record)
    known = Known(
        record,
        stands.standing,
        stands.now,
        open_check=stands.open_check,
        last_check=stands.found,
        missing=connectors.missing(record),
    )
    change = timeline.change_before_failure(record, stands.standing, entries, stands.entered)
    known = replace(known, change=change, for_whom=users.words(found))
    open_check = stands.open_check
    shown = open_check if open_check is not None and open_check.steps else stands.found
    said = sentences.say(known)
    forgotten = last_forgotten(record.credential_version)
    return Panel(
        record=record,
        sentence=said,
        health=judgement.of_sentence(known, said),
        check=shown,
        bars=bars(shown.steps) if shown else (),
        open_check=open_check,
        next_check_at=stands.standing.next_check_at if stands.standing else None,
        change=change,
        users=found.all,
        days=stands.days,
        versions=[one for one in stands.versions if one.version > forgotten],
        timeline=events,
        consequences=consequences.of(record, stands.standing),
    )


def _ended_meanwhile(record: Connector, found: ConnectorCheck | None) -> bool:
    """Tell whether a check moved the connector after the record was read, so that the two differ.

    Otherwise the page could say for half a minute that a connector was never checked, although a
    check has just passed.
    """
    if found is None or found.finished_at is None or found.is_outdated:
        return False
    return record.last_check_at is None or record.last_check_at < found.finished_at


def stands_of(record: Connector, asked: Range = MONTH) -> Stands:
    """Return all that the tables of checks know of a connector, in one statement."""
    standing, open_check, found = (
        ConnectorStanding,
        aliased(ConnectorCheck),
        aliased(ConnectorCheck),
    )
    one = select(literal(1).label("one")).subquery()
    query = (
        select(standing, open_check, found, _counted(record, asked), _versions(record), func.now())
        .select_from(one)
        .outerjoin(standing, and_(*_of(standing, record)))
        .outerjoin(
            open_check,
            and_(*_of(open_check, record), open_check.state.in_(("queued", "running"))),
        )
        .outerjoin(
            found,
            and_(found.tenant_id == standing.tenant_id, found.id == standing.check_id),
        )
    )
    row = session.execute(query).one()
    versions = [_version(record, given) for given in row[4] or ()]
    return Stands(
        row[0], row[1], row[2], _columns(record, asked, row[3] or (), row[5]), versions, row[5]
    )


def _of(table: Any, record: Connector) -> tuple[Any, Any]:
    return table.tenant_id == record.tenant_id, table.connector_id == record.id


def _counted(record: Connector, asked: Range) -> Any:
    return _hours(record) if asked.step == HOUR else _days(record)


def _hours(record: Connector) -> Any:
    """Select the checks of the last day, counted by the hour as `_days` counts them."""
    check = ConnectorCheck
    newest = (
        select(check.outcome, check.steps, check.finished_at)
        .where(*_of(check, record), check.state == "done")
        .where(check.id >= func.ulid_floor(check.id_prefix, func.now() - timedelta(days=1)))
        .where(check.outcome.not_in(("unproven", *OWN_FAULTS)))
        .order_by(check.id.desc())
        .limit(MOST_CHECKS)
        .subquery()
    )
    hour = func.date_trunc("hour", newest.c.finished_at, "UTC")
    passed = newest.c.outcome == "passed"
    warned = newest.c.steps.contains([{"state": "warned"}])
    counts = (passed & ~warned, passed & warned, ~passed)
    by_hour = (
        select(
            func.extract("epoch", hour).cast(BigInteger).label("begins"),
            *(func.count().filter(one).label(f"n{place}") for place, one in enumerate(counts)),
        )
        .group_by(hour)
        .subquery()
    )
    return select(func.jsonb_agg(func.jsonb_build_array(*by_hour.c))).scalar_subquery()


def _days(record: Connector) -> Any:
    day = ConnectorCheckDay
    numbers = func.jsonb_build_array(day.day, day.passed, day.troubled, day.failed)
    first = func.timezone("UTC", func.now()).cast(Date) - (DAYS - 1)
    return (
        select(func.jsonb_agg(numbers)).where(*_of(day, record), day.day >= first).scalar_subquery()
    )


def _versions(record: Connector) -> Any:
    table = ConnectorCredentials
    newest = (
        select(table.version, table.changed, table.set_by_name, table.set_at, table.restored_from)
        .where(*_of(table, record))
        .order_by(table.version.desc())
        .limit(VERSIONS)
        .subquery()
    )
    row = func.jsonb_build_array(*newest.c)
    return select(
        func.jsonb_agg(aggregate_order_by(row, newest.c.version.desc()))
    ).scalar_subquery()


def _version(record: Connector, given: Sequence[Any]) -> Version:
    number, entered, by, at, restored_from = given
    fields = tuple(timeline.credential_label(record, name) for name in entered)
    return Version(number, fields, by, datetime.fromisoformat(at), restored_from)


def _columns(
    record: Connector, asked: Range, counted: Sequence[Sequence[Any]], now: datetime
) -> list[Column]:
    """Return the checks of a range, a column an hour or a day, with a link to its timeline."""
    found = {_begins(begins): tuple(numbers) for begins, *numbers in counted}

    def url(span: Span) -> str:
        since, until = iso(span.begins), iso(span.ends)
        return url_for("connections.events", record_id=record.id, since=since, until=until)

    return columns(asked.spans(now), lambda span: found.get(span.begins, (0, 0, 0)), url)


def _begins(given: int | str) -> datetime:
    """Return when an hour (its seconds since 1970) or a day (its date) began."""
    if isinstance(given, int):
        return datetime.fromtimestamp(given, UTC)
    return datetime.fromisoformat(given).replace(tzinfo=UTC)


def headline(report: Report) -> tuple[str, str]:
    """Return the tone and the title of what a check of a draft found."""
    if report.outcome == "unproven":
        return "info", "Reached, and its sign-in is not proven"
    if report.outcome != "passed":
        is_bad = report.outcome in NEED_A_PERSON
        return "bad" if is_bad else "warn", "The check did not pass"
    named = f": signed in as {report.account}" if report.account else ""
    return "ok", f"The check passed{named}"


def bars(steps: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """Return the steps of a check for its table."""
    whole = max((_end(step) for step in steps), default=0.0) or 1.0
    return [
        Bar(
            title=step["title"],
            state=step["state"],
            word=_word(step),
            left=round((step["began_ms"] or 0.0) / whole * 100, 2),
            width=round((step["took_ms"] or 0.0) / whole * 100, 2),
            took_ms=step["took_ms"],
            said=step["said"],
            remedy=step["remedy"],
        )
        for step in steps
    ]


def _end(step: Mapping[str, Any]) -> float:
    return float(step["began_ms"] or 0.0) + float(step["took_ms"] or 0.0)


def _word(step: Mapping[str, Any]) -> str:
    if step["state"] != "failed":
        return WORDS[step["state"]]
    return "refused" if step["verdict"] in REFUSED else "failed"
