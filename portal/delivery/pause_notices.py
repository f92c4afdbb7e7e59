"""Notices about webhooks for the people of a tenant: one is about to be paused, is paused, or has
recovered by itself."""

from collections.abc import Sequence
from datetime import datetime

from flask import url_for
from sqlalchemy import or_

from portal.database.actor import Actor
from portal.database.session import session
from portal.delivery.log import attempt_view
from portal.web.notices import Notice
from portal.webhooks.models import Endpoint, Webhook

MOST = 50


def notices_since(actor: Actor, since: datetime) -> Sequence[Notice]:
    """Return the notices, read with one statement; none if the actor cannot change webhooks."""
    if not actor.can("webhooks:write"):
        return []
    by_itself = Webhook.paused_at.is_not(None) & (Webhook.pause_reason != "by_hand")
    warned = Webhook.is_active & Endpoint.warned_at.is_not(None)
    recovered = Webhook.is_active & (Endpoint.recovered_at > since)
    query = (
        Webhook.seen_by(actor)
        .join(Endpoint)
        .where(Webhook.is_deleted.is_(False), or_(by_itself, warned, recovered))
        .with_only_columns(Webhook, Endpoint.warned_at, Endpoint.recovered_at)
        .order_by(Webhook.id)
        .limit(MOST)
    )
    return [_notice(*row) for row in session.execute(query)]


def _notice(webhook: Webhook, warned_at: datetime | None, recovered_at: datetime | None) -> Notice:
    url = url_for("endpoints.health", record_id=webhook.id)
    if webhook.paused_at is not None:
        text = f"{attempt_view.pause_title(webhook)}. What is published is held."
        return Notice(webhook.paused_at, webhook.name, text, url, "paused")
    if warned_at is not None:
        times = webhook.consecutive_failures
        text = f"It failed {times} times in a row and is paused if this goes on."
        return Notice(warned_at, webhook.name, text, url, "failing")
    assert recovered_at is not None  # noqa: S101  the query demands one of the three
    text = "It works again and is no longer paused. What was held is sent."
    return Notice(recovered_at, webhook.name, text, url, "recovered", lasts=False)
