"""Turn a verified request into an event: its type, and its data.

The request is stored raw, whatever its body is, so an event can always refer to it.
"""

import re
from collections.abc import Sequence
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
"""Headers of a cPod portal's own requests. They are not published again, to prevent loops."""

_SEPARATORS = re.compile(r"[/:.\s]+")
_OTHERS = re.compile(r"[^A-Za-z0-9_.-]")


def event_type(scheme: Scheme, message: Message) -> str:
    """Return the type of the event, such as `github.push` or `shopify.orders.create`."""
    said = masked(_type_named_in(scheme, message))
    cleaned = _OTHERS.sub("_", _SEPARATORS.sub(".", said)).strip(".") or "received"
    return f"{scheme.event_prefix}.{cleaned}"[: type_names.LENGTH].rstrip(".")


def _type_named_in(scheme: Scheme, message: Message) -> str:
    """Return the type that the sender names; if it sends several events at once, the type that they
    share, else `batch`."""
    found = next((types for place in scheme.type if (types := message.values(place))), ["received"])
    return found[0] if len(set(found)) == 1 else "batch"


BEFORE = b" \t\r\n\xef\xbb\xbf"  # spaces, and the mark of the byte order
NO_FORM = (b"{", b"[", b"<", b'"')
"""The beginnings of JSON and XML. In a form these are written with a percent sign."""


def data_of(scheme: Scheme, message: Message) -> dict[str, Any]:
    """Return the data of the event: the JSON object or the form that was sent, anything else as a
    text. A field that a form has several times is a list; no text has a NUL, which the database
    does not take. JSON and XML are sometimes sent as forms, by curl for example."""
    if message.form and not message.body.lstrip(BEFORE).startswith(NO_FORM):
        return _fields(message.form)
    try:
        value = parse(message.body)
    except BadRequest:
        return {"text": _without_nul(message.body.decode("utf-8", "replace"))}
    if not isinstance(value, dict):
        return {"items": value} if isinstance(value, list) else {"value": value}
    return _without_state(value) if scheme.challenge == "microsoft-graph" else value


def _fields(form: Sequence[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for name, value in form:
        found.setdefault(_without_nul(name), []).append(_without_nul(value))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _without_nul(text: str) -> str:
    return text.replace("\x00", "\ufffd")


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
    """Publish a request as an event, in the running transaction, and store the event's id in it.

    Publish nothing if the webhook does not want this type. Raises Invalid if the data does not fit
    the schema of the event's type.
    """
    request.event_type = event_type(scheme, message)
    if not _is_wanted(webhook, scheme, message, request.event_type):
        return
    known = {"id": request.id, "type": request.event_type, "occurred_at": request.received_at}
    try:
        event = EventInput.read({**known, "data": data_of(scheme, message)})
    except Invalid:  # too large for an event: consumers can read the request
        about = {"inbound_request_id": request.id, "bytes": request.body_bytes}
        event = EventInput.read({**known, "data": about})
    request.event_id = service.publish(sender(webhook), [event], are_counted=is_counted)[0].id


def _is_wanted(webhook: Webhook, scheme: Scheme, message: Message, name: str) -> bool:
    if scheme.name == "inbox" or any(header in message.named for header in OURS):
        return False
    patterns = webhook.event_types
    return not patterns or any(matches(pattern, name) for pattern in patterns)


def sender(webhook: Webhook) -> Actor:
    """Return the webhook itself as an actor: it is the publisher of the requests that it
    receives."""
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
