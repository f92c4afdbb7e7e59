"""Deduplicate deliveries, by the sender's id and by the signed text.

Most ids are in headers that are not signed. So somebody who has seen a genuine request could send
it again with another id, or write its signature in another way. The signed text stays the same: its
digest is the mark of a delivery. A mark is stored for as long as the request could be accepted
again. If a time is signed, that is while it may wait in quarantine; otherwise it is as long as
accepted requests are stored.

Nor are two requests one delivery because of an equal id that is not signed, or only guessed, or may
come again: with another body (or another topic, where each topic is a delivery of its own) it is
another one. The first is stored with its id as the key, each other one with a digest of id, topic
and body. A time of sending and the number of an attempt are not compared, because they differ at
each attempt.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import Delete, Row, Update, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from portal.core.key_shape import holds_key
from portal.database.session import delete_some, session
from portal.inbound.models import KEEP_ACCEPTED, KEEP_QUARANTINED, InboundMark, InboundRequest
from portal.inbound.reception.clean_message import cleaned, presented
from portal.webhooks.models import Webhook
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import Scheme
from portal.webhooks.verification.signature_check import signed_text

S = TypeVar("S", Update, Delete)


@dataclass(frozen=True)
class Arrival:
    """A request, read by the scheme of its webhook. `known` are the webhook's secrets."""

    scheme: Scheme
    message: Message
    known: Sequence[str] = field(default=(), repr=False)

    @cached_property
    def clean(self) -> Message:
        """Return the message without the webhook's secrets and its sender's own credential, to be
        stored and published."""
        own = presented(self.scheme, self.message) if self.scheme.hides_credential else None
        if own is None or own in self.known:
            return self._without_known
        return cleaned(self.scheme, [own], self._without_known)

    @cached_property
    def _without_known(self) -> Message:
        return cleaned(self.scheme, self.known, self.message)

    @cached_property
    def key(self) -> str | None:
        """Return the key that identifies the delivery: its id, or else its mark; None if it has
        neither."""
        if found := self._id[1]:
            is_plain = len(found) <= 150 and found.isprintable() and not holds_key(found)
            return found if is_plain else _short(found)
        return f"sha256:{self.mark}" if self.mark else None

    @cached_property
    def whole_key(self) -> str | None:
        """Return the key of the delivery's id together with its body and topic; None if the id, or
        the mark, is enough."""
        place, found = self._id
        if not found or self.scheme.has_sure_id(place):
            return None
        named = f"{found}\n{self.topic}\n".encode("utf-8", "surrogatepass")
        compared = _comparable(self.scheme, self.clean.body)
        return "sha256:" + hashlib.sha256(named + compared).hexdigest()

    @cached_property
    def topic(self) -> str:
        """Return the topic, if each topic is a delivery of its own; otherwise an empty text."""
        is_apart = self.scheme.equal_bodies == "one_a_type"
        return (self.clean.first(self.scheme.type) or "") if is_apart else ""

    @cached_property
    def mark(self) -> str | None:
        """Return the digest of the signed text; None if nothing is signed, or if equal bodies are
        usual.

        Shopify and WooCommerce send one document under several topics and sign only the document,
        so each topic is a delivery of its own. Secrets are hidden in it, so that it is the same
        when a request is verified again, of which nothing else is stored.
        """
        scheme, message = self.scheme, self._without_known
        if scheme.equal_bodies == "each" or (signed := signed_text(scheme, message)) is None:
            return None
        topic = f"{self.topic}\n".encode("utf-8", "surrogatepass")
        return hashlib.sha256(topic + signed).hexdigest()

    @cached_property
    def _id(self) -> tuple[str, str | None]:
        """Return the first place that has an id, and the id."""
        found = ((place, self.clean.first((place,))) for place in self.scheme.id)
        return next((one for one in found if one[1]), ("", None))


def claim(webhook: Webhook, arrival: Arrival, request_id: str) -> str | None:
    """Store the delivery's mark for a request. Return the earlier request that has it, if any.

    Wait while another transaction receives the same delivery.
    """
    if arrival.mark is None:
        return None
    keep = KEEP_QUARANTINED if arrival.scheme.timestamp else KEEP_ACCEPTED
    row = {
        "tenant_id": webhook.tenant_id,
        "webhook_id": webhook.id,
        "digest": arrival.mark,
        "request_id": request_id,
        "expires_at": func.now() + keep,
    }
    offered = insert(InboundMark).values(row)
    taken = session.scalar(
        offered.on_conflict_do_update(
            index_elements=["tenant_id", "webhook_id", "digest"],
            set_={name: offered.excluded[name] for name in ("request_id", "expires_at")},
            where=InboundMark.expires_at < func.now(),
        ).returning(InboundMark.request_id)
    )
    if taken is not None:
        return None
    query = select(InboundMark.request_id).filter_by(
        tenant_id=webhook.tenant_id, webhook_id=webhook.id, digest=arrival.mark
    )
    return session.scalar(query)


def hand_over(webhook: Webhook, arrival: Arrival, earlier_id: str) -> None:
    """Assign the mark to the earlier request that has the same sender's id."""
    if arrival.mark:
        of_one = _row(update(InboundMark), webhook, arrival.mark)
        session.execute(of_one.values(request_id=earlier_id))


def release(webhook: Webhook, arrival: Arrival) -> None:
    """Remove the mark of a request that is not accepted after all."""
    if arrival.mark:
        session.execute(_row(delete(InboundMark), webhook, arrival.mark))


def earlier_and_key(
    webhook: Webhook, arrival: Arrival, body: bytes
) -> tuple[str | None, str | None]:
    """Return the accepted request that is the same delivery, if any, and the key to store this one
    with. `body` is this one's as it would be stored once it is accepted."""
    if arrival.key is None:
        return None, None
    compared = (InboundRequest.headers, InboundRequest.body) if arrival.whole_key else ()
    earlier = _of_key(webhook, arrival.key, *compared)
    if earlier is None:
        return None, arrival.key
    if arrival.whole_key is None or _is_same(arrival, body, earlier):
        return earlier.id, arrival.key
    again = _of_key(webhook, arrival.whole_key)
    return again.id if again else None, arrival.whole_key


def _is_same(arrival: Arrival, body: bytes, earlier: Row[Any]) -> bool:
    """Tell whether an accepted request has the body, and the topic, of this one."""
    scheme, headers = arrival.scheme, tuple((name, value) for name, value in earlier.headers)
    then = Arrival(scheme, Message(headers=headers))
    return then.topic == arrival.topic and (
        _comparable(scheme, bytes(earlier.body)) == _comparable(scheme, body)
    )


def _comparable(scheme: Scheme, body: bytes) -> bytes:
    """Return the body without the fields that differ at each attempt to send it, if the scheme has
    any: the time of sending, and the number of the attempt."""
    kind, _, field = scheme.timestamp.partition(":")
    differing = {field if kind == "body" else "", scheme.attempts} - {""}
    document = Message(body=body).json if differing else None
    events = document if isinstance(document, list) else [document]
    found = [event for event in events if isinstance(event, dict)]
    if not found:
        return body
    for event in found:
        for name in differing:
            event.pop(name, None)
    return json.dumps(document, sort_keys=True).encode()


def _of_key(webhook: Webhook, key: str, *columns: Any) -> Row[Any] | None:
    """Return the id of the accepted request with this key, and these columns of it."""
    query = select(InboundRequest.id, *columns).filter_by(
        tenant_id=webhook.tenant_id, webhook_id=webhook.id, delivery_key=key, state="accepted"
    )
    return session.execute(query).first()


def forget_old(tenant_id: str) -> int:
    """Delete some marks that have expired, and return how many."""
    return delete_some(
        InboundMark, InboundMark.tenant_id == tenant_id, InboundMark.expires_at < func.now()
    )


def _row(statement: S, webhook: Webhook, mark: str) -> S:
    return statement.where(
        InboundMark.tenant_id == webhook.tenant_id,
        InboundMark.webhook_id == webhook.id,
        InboundMark.digest == mark,
    )


def _short(value: str) -> str:
    return "sha256:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
