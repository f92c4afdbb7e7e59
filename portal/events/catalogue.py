"""The catalogue of event types: what may be published and subscribed to, and what it looks like."""

from collections.abc import Sequence

from portal.db import Actor
from portal.events.schemas import EventInput


def check(actor: Actor, events: Sequence[EventInput]) -> None:
    """Raises Invalid for data that does not fit the schema of a type that asks for it."""
