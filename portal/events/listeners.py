"""The interface for features that react to events. The events feature does not know them by name.

A listener's rows are written in the publisher's transaction, so an event and its deliveries are
stored together or not at all.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

from flask import Flask, current_app
from sqlalchemy import ColumnElement, func, select

from portal.core.errors import RateLimited
from portal.database.actor import Actor
from portal.database.session import session
from portal.fast.statements import Bound


@dataclass(frozen=True, slots=True)
class Published:
    """A published event as its listeners receive it."""

    id: str
    type: str
    subject: str | None
    data: Mapping[str, Any]
    only_for: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """The result of matching an event with one of a listener's records, with the reason."""

    id: str
    name: str
    matched: bool
    reason: str


Rows = Sequence[tuple[Any, ...]]

FEW_BYTES = 32 * 1024  # of the filters in a few rows, which the event loop reads


class Owed(NamedTuple):
    """The statements that create the deliveries, and the number of deliveries by event id.

    A statement is made when it is taken, because the deliveries may be many.
    """

    writes: Iterable[Bound]
    deliveries: Mapping[str, int]


@dataclass(slots=True)
class Work:
    """The deliveries so far, and the steps of matching, of one publication or of the portal's own
    events in one transaction."""

    deliveries: int = 0
    steps: int = 0


class Listener(Protocol):
    """A feature that reacts to events."""

    def who_wants(
        self, tenant_id: str, types: Collection[str], at_most: int | None = None
    ) -> Bound:
        """Return the statement that finds its records that subscribe to events of these types.

        The rows consist of texts. No rows mean no subscribers. With `at_most`, there are at most so
        many, and None is in the place of texts beyond FEW_BYTES: such rows only tell how many.
        """
        ...

    def owes(self, tenant_id: str, events: Sequence[Published], wanting: Rows, work: Work) -> Owed:
        """Return its deliveries of new events to the records that `who_wants` found.

        Adds to `work`. Raises Invalid if that is then too much for one publication.
        """
        ...

    def kept(self, tenant_id: str, event_ids: Sequence[str]) -> int:
        """Return the number of deliveries of these events."""
        ...

    def forget(self, tenant_id: str, event_ids: Sequence[str]) -> None:
        """Delete everything that is stored about these events, in the current transaction."""
        ...

    def outlive(self, tenant_id: str, event_ids: Sequence[str]) -> None:
        """Release the deliveries of these events, which are being deleted.

        Unfinished deliveries may stay until their owner has been notified.
        """
        ...

    def explain(self, actor: Actor, event: Published, limit: int) -> Sequence[Match]:
        """Return, for each of its records, whether this event matches it and why."""
        ...


def hold_events(tenant_id: str) -> None:
    """Keep the events of a tenant from being erased until this transaction ends, because it sends
    some of them again. Raises RateLimited while an erasure runs."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock_shared(_sending(tenant_id)))):
        raise RateLimited("Events are being erased. Try again soon.", retry_after=5)


def wait_for_senders(tenant_id: str) -> None:
    """Wait until nobody sends events of a tenant again, and keep it so until this transaction
    ends."""
    session.execute(select(func.pg_advisory_xact_lock(_sending(tenant_id))))


def _sending(tenant_id: str) -> ColumnElement[int]:
    return func.hashtextextended(f"sending again {tenant_id}", 0)


def listen(app: Flask, listener: Listener) -> None:
    """Register a listener with an application."""
    app.extensions.setdefault("event_listeners", []).append(listener)


def listeners() -> Sequence[Listener]:
    """Return the listeners of the current application."""
    return listeners_of(current_app)


def listeners_of(app: Flask) -> Sequence[Listener]:
    """Return the listeners of an application."""
    return cast(list[Listener], app.extensions.get("event_listeners", []))
