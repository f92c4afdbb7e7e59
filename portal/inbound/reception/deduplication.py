"""Deduplicate deliveries, by the sender's id and by the signed text.

Most ids are in headers that are not signed. So somebody who has seen a genuine request could send
it again with another id, or write its signature in another way. The signed text stays the same: its
digest is the mark of a delivery. A mark is stored for as long as the request could be accepted
again. If a time is signed, that is while it may wait in quarantine; otherwise it is as long as
accepted requests are stored.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from sqlalchemy import Delete, Update, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from portal.core.key_shape import holds_key
from portal.database.session import session
from portal.inbound.models import KEEP_ACCEPTED, KEEP_QUARANTINED, InboundMark, InboundRequest
from portal.webhooks.models import Webhook
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import Scheme
from portal.webhooks.verification.signature_check import signed_text

S = TypeVar("S", Update, Delete)


@dataclass(frozen=True)
class Arrival:
    """A request, read by the scheme of its webhook."""

    scheme: Scheme
    message: Message

    @cached_property
    def key(self) -> str | None:
        """Return the key that identifies the delivery: its id, or else its mark; None if it has
        neither."""
        if found := self.message.first(self.scheme.id):
            is_plain = len(found) <= 150 and found.isprintable() and not holds_key(found)
            return found if is_plain else _short(found)
        return f"sha256:{self.mark}" if self.mark else None

    @cached_property
    def mark(self) -> str | None:
        """Return the digest of the signed text; None if nothing is signed, or if equal bodies are
        usual.

        Shopify and WooCommerce send one document under several topics and sign only the document,
        so each topic is a delivery of its own.
        """
        scheme, message = self.scheme, self.message
        if scheme.equal_bodies == "each" or (signed := signed_text(scheme, message)) is None:
            return None
        topic = message.first(scheme.type) or "" if scheme.equal_bodies == "one_a_type" else ""
        return hashlib.sha256(f"{topic}\n".encode("utf-8", "surrogatepass") + signed).hexdigest()


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


def of_key(webhook: Webhook, key: str | None) -> str | None:
    """Return the id of the accepted request that has this sender's id; None if there is none."""
    if key is None:
        return None
    query = select(InboundRequest.id).filter_by(
        tenant_id=webhook.tenant_id, webhook_id=webhook.id, delivery_key=key, state="accepted"
    )
    return session.scalar(query)


def forget_old(tenant_id: str) -> int:
    """Delete the marks that have expired and return how many."""
    old = delete(InboundMark).where(
        InboundMark.tenant_id == tenant_id, InboundMark.expires_at < func.now()
    )
    return len(session.execute(old.returning(InboundMark.digest)).all())


def _row(statement: S, webhook: Webhook, mark: str) -> S:
    return statement.where(
        InboundMark.tenant_id == webhook.tenant_id,
        InboundMark.webhook_id == webhook.id,
        InboundMark.digest == mark,
    )


def _short(value: str) -> str:
    return "sha256:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
