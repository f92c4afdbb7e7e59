"""From a verified request to an event: its name, and its data.

Whatever a sender puts into a body, the request is kept raw, so an event can always refer to it.
"""

import re
from typing import Any

from portal.core.errors import BadRequest, Invalid
from portal.core.key_shape import masked
from portal.database.actor import Actor
from portal.events import service, type_names
from portal.events.schemas import EventInput
from portal.events.type_names import matches
from portal.inbound.models import InboundRequest
from portal.rest.strict_json import parse
from portal.webhooks.models import Webhook
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import Scheme

OURS = ("cpod-attempt", "cpod-test")
"""Headers of what a cPod portal sends: it is not published again, else it could go in circles."""

_SEPARATORS = re.compile(r"[/:.\s]+")
_OTHERS = re.compile(r"[^A-Za-z0-9_.-]")


def event_type(scheme: Scheme, message: Message) -> str:
    """Return the event's name, `github.push` or `shopify.orders.create`."""
    said = masked(_said(scheme, message))
    cleaned = _OTHERS.sub("_", _SEPARATORS.sub(".", said)).strip(".") or "received"
    return f"{scheme.event_prefix}.{cleaned}"[: type_names.LENGTH].rstrip(".")


def _said(scheme: Scheme, message: Message) -> str:
    """Return the type as the sender says it; of several events at once the one that they share."""
    found = next((types for place in scheme.type if (types := message.values(place))), ["received"])
    return found[0] if len(set(found)) == 1 else "batch"


def data_of(scheme: Scheme, message: Message) -> dict[str, Any]:
    """Return the event's data: the JSON object or the form that was sent, anything else as a
    text."""
    if message.form:
        return dict(message.form)
    try:
        value = parse(message.body)
    except BadRequest:
        return {"text": message.body.decode("utf-8", "replace").replace("\x00", "\ufffd")}
    if not isinstance(value, dict):
        return {"items": value} if isinstance(value, list) else {"value": value}
    return _without_state(value) if scheme.challenge == "microsoft-graph" else value


def _without_state(value: dict[str, Any]) -> dict[str, Any]:
    items = value.get("value")
    if not isinstance(items, list):
        return value
    kept = [
        {k: v for k, v in item.items() if k != "clientState"} if isinstance(item, dict) else item
        for item in items
    ]
    return {**value, "value": kept}


def publish(
    webhook: Webhook,
    scheme: Scheme,
    message: Message,
    request: InboundRequest,
    *,
    is_counted: bool = False,
) -> None:
    """Publish what a request says, in the running transaction; the request notes its event.

    Raises Invalid when it does not fit the schema that the event's type asks for.
    """
    request.event_type = event_type(scheme, message)
    if not _is_wanted(webhook, scheme, message, request.event_type):
        return
    known = {"id": request.id, "type": request.event_type, "occurred_at": request.received_at}
    try:
        event = EventInput.read({**known, "data": data_of(scheme, message)})
    except Invalid:  # too large to be an event's data: whoever wants it reads the request
        about = {"inbound_request_id": request.id, "bytes": request.body_bytes}
        event = EventInput.read({**known, "data": about})
    request.event_id = service.publish(sender(webhook), [event], are_counted=is_counted)[0].id


def _is_wanted(webhook: Webhook, scheme: Scheme, message: Message, name: str) -> bool:
    if scheme.name == "inbox" or any(header in message.named for header in OURS):
        return False
    patterns = webhook.event_types
    return not patterns or any(matches(pattern, name) for pattern in patterns)


def sender(webhook: Webhook) -> Actor:
    """Return who publishes what comes in: the webhook itself."""
    return Actor(
        tenant_id=webhook.tenant_id,
        kind="system",
        id=webhook.id,
        name=webhook.name,
        scopes=frozenset({"events:publish"}),
        app_id=webhook.app_id,
        application_id=webhook.application_id,
        source_type="system",
    )
