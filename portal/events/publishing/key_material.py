"""Mask or refuse API keys in published events before they are stored, as the tenant chooses.

Most events contain none and cost one scan of their bytes.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any, Protocol, Self, TypeVar

import orjson

from portal.core.errors import FieldError, Invalid
from portal.core.key_shape import masked_value, may_hold_key, places
from portal.events import settings
from portal.records.schemas import HOLDS_KEY, NAMED_PLACES, readable


class HasData(Protocol):
    """Any form of an event that has data."""

    @property
    def data(self) -> dict[str, Any]:
        """Return the event's data."""

    def model_copy(self, *, update: dict[str, Any]) -> Self:
        """Return a copy with other data."""


E = TypeVar("E", bound=HasData)


def is_free_of_keys(event: HasData) -> bool:
    """Tell whether an event certainly contains no API key."""
    return not may_hold_key(orjson.dumps(event.data))


def screened(tenant_id: str, events: Sequence[E], *, is_batch: bool = False) -> Sequence[E]:
    """Return the events with API keys masked. Raises Invalid if the tenant refuses keys; in a batch
    it names the event's place."""
    suspects = [number for number, event in enumerate(events) if not is_free_of_keys(event)]
    if not suspects:
        return events
    found = {number: list(places(events[number].data, "data")) for number in suspects}
    if any(found.values()) and settings.of(tenant_id).key_material == "refuse":
        raise Invalid(_refusals(found, is_batch=is_batch))
    return [masked(event) if found.get(number) else event for number, event in enumerate(events)]


def masked(event: E) -> E:
    """Return the event with each key in its data masked."""
    return event.model_copy(update={"data": masked_value(event.data)})


def _refusals(found: dict[int, list[str]], *, is_batch: bool) -> list[FieldError]:
    named = (
        f"events.{number}.{place}" if is_batch else place
        for number, holding in found.items()
        for place in holding
    )
    return [FieldError(readable(place), HOLDS_KEY) for place in islice(named, NAMED_PLACES)]
