"""Hide a secret that becomes known after requests arrived, in the webhook's quarantine.

It is done in the transaction of the change, so that nobody sees the secret once it is known. What
was accepted before stays as it is: its event is published, and its receivers have it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import undefer

from portal.core.threads.precedence import give_way
from portal.database.actor import Actor
from portal.database.record import Record
from portal.database.session import flush, session
from portal.inbound.models import InboundRequest
from portal.inbound.reception import stored_request
from portal.inbound.reception.deduplication import Arrival
from portal.records.verbs import Changes
from portal.webhooks.models import Webhook
from portal.webhooks.verification import inbound_secrets
from portal.webhooks.verification.signature_check import is_shared, verify

TELLING = {"secret_rotated_at", "inbound_scheme", "inbound_options"}
"""The fields that say what is a secret in a request."""

AT_ONCE = 50  # requests in memory; the quarantine itself is limited


def follow(actor: Actor, record: Record, action: str, changes: Changes) -> None:
    """Hide the secrets of an inbound webhook that changed. Raises Unavailable if the secret store
    does not answer."""
    if not isinstance(record, Webhook) or record.direction != "inbound":
        return
    if action != "created" and not TELLING.isdisjoint(changes):
        _hide_in_quarantine(record)


def _hide_in_quarantine(webhook: Webhook) -> None:
    scheme, known = inbound_secrets.scheme_of(webhook), inbound_secrets.known(webhook)
    after = ""
    while requests := _quarantined(webhook, after):
        for request in requests:
            give_way()
            arrival = Arrival(scheme, stored_request.message_of(request), known)
            for name, value in _changes(webhook, arrival, request).items():
                setattr(request, name, value)
        flush()
        after = requests[-1].id


def _quarantined(webhook: Webhook, after: str) -> Sequence[InboundRequest]:
    query = (
        select(InboundRequest)
        .where(
            InboundRequest.tenant_id == webhook.tenant_id,
            InboundRequest.webhook_id == webhook.id,
            InboundRequest.state == "quarantined",
            InboundRequest.id > after,
        )
        .order_by(InboundRequest.id)
        .limit(AT_ONCE)
    )
    return session.scalars(query.options(undefer(InboundRequest.body)).with_for_update()).all()


def _changes(webhook: Webhook, arrival: Arrival, request: InboundRequest) -> dict[str, Any]:
    """Return the columns that differ once the secrets are hidden.

    A signature over the body does not match any more then. So it is verified before, and a digest
    of the secret is kept in its place.
    """
    kept = stored_request.content(webhook, arrival)
    if kept["credential_digest"] is None:  # it was hidden earlier
        del kept["credential_digest"]
    changes = {name: value for name, value in kept.items() if value != getattr(request, name)}
    if changes and not arrival.scheme.hides_credential and (secret := _signer(arrival, request)):
        changes["credential_digest"] = stored_request.proofs(webhook, secret)[0]
    return changes


def _signer(arrival: Arrival, request: InboundRequest) -> str | None:
    """Return the shared secret that signed a request, if any. A public key signs nothing that has
    the key in it and must be hidden."""
    shared = [secret for secret in arrival.known if is_shared(arrival.scheme, secret)]
    moment = request.received_at.timestamp()
    return verify(arrival.scheme, shared, arrival.message, now=moment).secret
