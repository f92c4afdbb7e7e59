"""Make the health of a connector of the sentence that is said of it: see `sentences`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, literal_column

from portal.applications.health import Source
from portal.applications.models import STOPPED
from portal.connections.health import sentences
from portal.connections.health.sentences import Known, Sentence
from portal.connections.models import ConnectorStanding
from portal.connectors import service as connectors
from portal.providers import PROVIDERS, Provider, Variant
from portal.records.health import Health, Judge, Word, sql

FIELDS = (
    "is_deleted", "deleted_at", "enabled", "provider", "auth_type", "config", "credential_fields",
    "application_status", "sync_status", "updated_at",
)  # fmt: skip
TIMES = ("checked_at", "next_check_at", "since", "expires_at", "passed_at")
WORDS: Mapping[str, Word] = {"ok": "works", "warn": "attention", "bad": "failing"}
OF_STATUS: Mapping[str, Word] = {
    "disabled": "off",
    "action_required": "failing",
    "failing": "failing",
    "degraded": "attention",
    "rate_limited": "attention",
    "stale": "attention",
    "healthy": "works",
}
POSTS = {"check": "connections.check"}
PAGES = {"edit": "connectors.edit"}  # any other step is done on the connector's own page
FACTS = sql("portal.connections.health", "health.sql")


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of a connector that its health needs, read as a plain row."""

    is_deleted: bool
    deleted_at: datetime | None
    enabled: bool
    provider: str | None
    auth_type: str | None
    config: dict[str, Any]
    credential_fields: list[Any]
    application_status: str | None
    sync_status: str
    updated_at: datetime
    credential_version: int

    @property
    def is_stopped(self) -> bool:
        """Tell whether its application is suspended or retired."""
        return self.application_status in STOPPED

    @property
    def state(self) -> str:
        """Return one word as `Connector.state` does."""
        return self.sync_status

    @property
    def entry(self) -> Provider | None:
        """Return what the catalogue says of its provider."""
        return PROVIDERS.get(self.provider or "")

    @property
    def variant(self) -> Variant | None:
        """Return the way to sign in that it names, or None."""
        return self.entry.variant(self.auth_type) if self.entry else None


def health(connector: Mapping[str, Any], facts: Sequence[Any]) -> Health:
    """Return the health of a connector. `facts` are those of `health.sql`."""
    now, version, found = facts
    row = Row(**{name: connector[name] for name in FIELDS}, credential_version=version)
    standing = _standing(found) if found else None
    missing = connectors.missing(row)
    known = Known(row, standing, datetime.fromisoformat(now), missing=missing)
    return of_sentence(known, sentences.say(known))


def _standing(found: dict[str, Any]) -> ConnectorStanding:
    times = {name: datetime.fromisoformat(found[name]) for name in TIMES if found[name] is not None}
    return ConnectorStanding(**{**found, **times})


def of_sentence(known: Known, said: Sentence) -> Health:
    """Return the health for a sentence, with its times as they stay true."""
    standing, action = known.standing, said.action
    word = word_of(known, said)
    is_since_checks = standing is not None and word in ("works", "attention", "failing")
    return Health(
        word,
        "".join(part if isinstance(part, str) else known.clock(part.at).text for part in said.parts)
        + ".",
        standing.since if standing is not None and is_since_checks else None,
        f"{action.label}." if action else None,
        PAGES.get(action.doing, "connectors.show") if action else "",
        action.label if action else "",
        short="" if known.record.sync_status == "healthy" else known.record.state.replace("_", " "),
        needs="connectors:write",
        posts=POSTS.get(action.doing, "") if action else "",
    )


def word_of(known: Known, said: Sentence) -> Word:
    """Return the word for a sentence, which is never better than the connector's own status."""
    record = known.record
    of_status = OF_STATUS.get(record.sync_status, "not_tried")
    if not known.is_open:
        return "off" if record.is_deleted else of_status
    if record.is_deleted or not record.enabled:
        return "off"
    if record.provider is not None and known.missing:
        return "attention"
    if record.provider is not None and record.is_stopped:
        return "held"
    word = WORDS.get(said.tone, "not_tried")
    if of_status == "failing" and word in ("works", "attention"):
        return "failing"
    return "attention" if of_status == "attention" and word == "works" else word


def _facts() -> ColumnElement[Any]:
    return literal_column(FACTS)


JUDGE = Judge(fields=FIELDS, facts=_facts, health=health)
SOURCE = Source(
    "connector",
    "connectors.index",
    sql("portal.connections.health", "application_health.sql"),
    "need attention",
    "needs attention",
)
