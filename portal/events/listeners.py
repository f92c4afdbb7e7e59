"""Who wants to know of events. Events know nobody by name: a feature registers itself.

What a listener writes is written in the publisher's transaction, so an event and its deliveries
are kept together or not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from flask import Flask, current_app

from portal.db import Actor


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


class Listener(Protocol):
    """A feature that does something with events."""

    def take(self, tenant_id: str, events: Sequence[Published]) -> Mapping[str, int]:
        """Do what there is to do, in the running transaction; event id → how many deliveries."""
        ...

    def wants(self, tenant_id: str, name: str) -> bool:
        """Whether an event of this type would go anywhere at all: one indexed look."""
        ...

    def kept(self, tenant_id: str, event_ids: Sequence[str]) -> int:
        """How many deliveries of these events there are."""
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


def listeners() -> Iterable[Listener]:
    """Those of the running application."""
    return cast(list[Listener], current_app.extensions.get("event_listeners", []))
