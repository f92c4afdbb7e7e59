"""What a connector's page shows of its connection, read and put into the form that is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from portal.connections import requests
from portal.connections.health import sentences, timeline, users
from portal.connections.health.sentences import Known, Sentence
from portal.connections.models import ConnectorCheck, ConnectorCheckDay, ConnectorCredentials
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.database.session import session
from portal.web.drawing.charts import Column, Series
from portal.web.drawing.template_functions import ago

DAYS = 30
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
class Panel:
    """What is known of a connection. `check` is the one whose steps are shown."""

    record: Connector
    sentence: Sentence
    check: ConnectorCheck | None
    bars: Sequence[Bar]
    open_check: ConnectorCheck | None
    next_check_at: datetime | None
    change: sentences.Change | None
    users: Sequence[users.User]

    @property
    def moves(self) -> bool:
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
    def may_check(self) -> bool:
        """Tell whether a check can be asked for."""
        record = self.record
        usable = record.enabled and not record.is_deleted and record.provider is not None
        return usable and not self.moves and not connectors.missing(record)


def read(actor: Actor, record: Connector) -> Panel:
    """Return what is known of one connector that is open to the actor."""
    standing = requests.standings(actor, [record.id]).get(record.id)
    open_check = requests.open_check(actor, record.id)
    found = None
    if standing is not None and standing.check_id is not None:
        found = session.get(ConnectorCheck, (record.tenant_id, standing.check_id))
    change = timeline.change_before_failure(actor, record, standing)
    named = users.of(actor, record)
    known = Known(
        record,
        standing,
        datetime.now(UTC),
        open_check=open_check,
        last_check=found,
        change=change,
        for_whom=users.words(named),
        missing=connectors.missing(record),
    )
    shown = open_check if open_check is not None and open_check.steps else found
    return Panel(
        record=record,
        sentence=sentences.say(known),
        check=shown,
        bars=bars(shown.steps) if shown else (),
        open_check=open_check,
        next_check_at=standing.next_check_at if standing else None,
        change=change,
        users=named,
    )


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


def days(record: Connector) -> list[Column]:
    """Return the checks of the last 30 days, a column a day, today last."""
    today = datetime.now(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    query = select(ConnectorCheckDay).where(
        ConnectorCheckDay.tenant_id == record.tenant_id,
        ConnectorCheckDay.connector_id == record.id,
        ConnectorCheckDay.day >= first,
    )
    found = {one.day: (one.passed, one.troubled, one.failed) for one in session.scalars(query)}
    return [
        Column(f"{day:%-d %b}", found.get(day, (0, 0, 0)))
        for day in (first + timedelta(days=number) for number in range(DAYS))
    ]


def versions(actor: Actor, record: Connector) -> list[tuple[ConnectorCredentials, list[str]]]:
    """Return the versions of the credentials, each with the names of the fields entered."""
    return [
        (one, [timeline.credential_label(record, name) for name in one.changed])
        for one in requests.versions(actor, record)
    ]
