"""Who wants to know of events. Events know nobody by name: a feature registers itself.

What a listener writes is written in the publisher's transaction, so an event and its deliveries
are kept together or not at all.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

from flask import Flask, current_app

from portal.database.actor import Actor
from portal.fast.statements import Bound


@dataclass(frozen=True, slots=True)
class Published:
    """One event on its way to its listeners."""

    id: str
    type: str
    subject: str | None
    data: Mapping[str, Any]
    only_for: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Whether one listener's record got an event, and why or why not, as a sentence."""

    id: str
    name: str
    matched: bool
    reason: str


Rows = Sequence[tuple[Any, ...]]


class Owed(NamedTuple):
    """Hold the statements that write what is owed, and how many deliveries each event has, by
    id."""

    writes: Sequence[Bound]
    deliveries: Mapping[str, int]


class Listener(Protocol):
    """A feature that does something with events."""

    def who_wants(
        self, tenant_id: str, types: Collection[str], at_most: int | None = None
    ) -> Bound:
        """Return the statement that finds its records which want events of these types: rows of
        texts, no more than `at_most`. No row means that there are none."""
        ...

    def owes(self, tenant_id: str, events: Sequence[Published], wanting: Rows) -> Owed:
        """Return what it owes the records that `who_wants` found, for new events."""
        ...

    def kept(self, tenant_id: str, event_ids: Sequence[str]) -> int:
        """Return how many deliveries of these events there are."""
        ...

    def forget(self, tenant_id: str, event_ids: Sequence[str]) -> None:
        """Erase what was kept of these events, in the running transaction."""
        ...

    def outlive(self, tenant_id: str, event_ids: Sequence[str]) -> None:
        """Let go of what was done with these events, which are kept no longer. What is still owed
        of them may stay until its owner has been told."""
        ...

    def explain(self, actor: Actor, event: Published, limit: int) -> Sequence[Match]:
        """For each of its records, whether this event matches it and why."""
        ...


def listen(app: Flask, listener: Listener) -> None:
    """Register a listener with an application."""
    app.extensions.setdefault("event_listeners", []).append(listener)


def listeners() -> Sequence[Listener]:
    """Return those of the running application."""
    return listeners_of(current_app)


def listeners_of(app: Flask) -> Sequence[Listener]:
    """Return those of an application."""
    return cast(list[Listener], app.extensions.get("event_listeners", []))
