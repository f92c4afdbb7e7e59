"""Describe the events that the portal itself publishes, as the receiver of a webhook sees them."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol


class OwnEvent(Protocol):
    """One type of event that the portal itself publishes."""

    @property
    def name(self) -> str:
        """The type's name."""

    @property
    def description(self) -> str:
        """A sentence on what happened."""

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """The schema of the event's data."""

    @property
    def example(self) -> Mapping[str, Any]:
        """An example of the event's data."""


def _header(name: str, description: str, example: Any, *, required: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


HEADERS = [
    _header("webhook-id", "Id of the event: the same in every attempt. Handle each id once.",
            "evt_01K1EXAMPLE"),
    _header("webhook-timestamp", "Time of this attempt, in seconds since 1970. Refuse old ones.",
            "1767258000"),
    _header("webhook-signature", "`v1,` and the base64 of HMAC-SHA256 over id, timestamp and body,"
            " joined by full stops (standardwebhooks.com). Several are separated by spaces.",
            "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
    _header("cpod-sequence", "Place in the order of first attempts, without gaps.", "42",
            required=False),
    _header("cpod-attempt", "Number of this attempt, from 1.", "1", required=False),
]  # fmt: skip


def webhooks(events: Iterable[OwnEvent]) -> dict[str, Any]:
    """Return the `webhooks` of the document."""
    return {event.name: {"post": _operation(event)} for event in events}


def _operation(event: OwnEvent) -> dict[str, Any]:
    words = event.name.replace(".", " ").replace("_", " ").replace("api key", "API key")
    return {
        "operationId": f"events.{event.name}",
        "summary": words[0].upper() + words[1:],
        "description": f"{event.description} Answer with 2xx within the webhook's timeout;"
        " anything else is tried again.",
        "tags": ["portal-events"],
        "security": [],
        "parameters": HEADERS,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _body(event), "example": _example(event)}},
        },
        "responses": {
            "2XX": {"description": "The event was taken."},
            "4XX": {"description": "The event was not taken: it is tried again."},
        },
    }


def _body(event: OwnEvent) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": event.name, "description": "Name of the event type."},
            "timestamp": {
                "type": "string",
                "format": "date-time",
                "description": "Time when it happened.",
            },
            "data": {**event.json_schema, "description": "The event's data."},
        },
    }


def _example(event: OwnEvent) -> dict[str, Any]:
    return {
        "type": event.name,
        "timestamp": "2026-01-01T09:00:00Z",
        "data": dict(event.example),
    }
