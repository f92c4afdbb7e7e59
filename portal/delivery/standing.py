"""Webhooks on the overview: setup steps, the figures of today, and what needs attention."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import url_for
from sqlalchemy import DateTime, Select, exists, func, null, outerjoin, select, true, union_all
from sqlalchemy.orm import aliased

from portal.database.actor import Actor
from portal.database.session import session
from portal.delivery.log import attempt_view
from portal.delivery.log import today as log_of_today
from portal.web.overview import Concern, Figure, Step, Told
from portal.webhooks.models import FAILING, PAUSED, DeliveryAttempt, Endpoint, Webhook

SHOWN = 5  # webhooks of each kind of trouble
TOLD_FOR = timedelta(days=1)  # how long a recovery is shown


def tell(actor: Actor) -> Told:
    """Return two setup steps, today's deliveries, and the webhooks that fail, are paused, or have
    recovered in the last day."""
    known = select(
        exists().where(Webhook.tenant_id == actor.tenant_id).label("some"),
        exists().where(DeliveryAttempt.tenant_id == actor.tenant_id).label("tested"),
        log_of_today.counts(actor.tenant_id),
    ).subquery()
    newest_first = Webhook.seen_by(actor).order_by(Webhook.last_delivery_at.desc()).limit(SHOWN)
    bad = [newest_first.where(state) for state in (FAILING, PAUSED)]
    never = null().cast(DateTime(timezone=True)).label("recovered_at")
    concerning = union_all(
        *(query.add_columns(never) for query in bad), _recovered(newest_first)
    ).subquery()
    # One statement: each row has the known values and one webhook of concern, or none.
    one = aliased(Webhook, concerning)
    rows = session.execute(
        select(known.c.some, known.c.tested, known.c.today, one, concerning.c.recovered_at)
        .select_from(outerjoin(known, one, true()))
        .order_by(one.last_delivery_at.desc())
    ).all()
    some, tested, today, *_ = rows[0]
    concerns = [_concern(record, again) for *_, record, again in rows if record is not None]
    return Told(steps=_steps(some, tested), figures=_figures(today), concerns=concerns)


def _recovered(webhooks: Select[Webhook]) -> Select[Webhook, datetime | None]:
    """Return a query for the webhooks that were resumed automatically in the last day, and work."""
    return (
        webhooks.join(Endpoint)
        .where(Webhook.is_active, Endpoint.recovered_at > func.now() - TOLD_FOR)
        .where(Webhook.last_delivery_status == "delivered")
        .add_columns(Endpoint.recovered_at)
    )


def _figures(today: Sequence[int]) -> list[Figure]:
    """Return the figures of today; none if there was no delivery."""
    count, good, retrying, waiting, bad = today
    if not count:
        return []
    note = f"{good:,} delivered · {retrying:,} retrying · {bad:,} given up"
    if waiting:
        note += f" · {waiting:,} waiting"
    return [Figure("Deliveries today", count, url_for("deliveries.index", since="24h"), note)]


def _steps(some: bool, tested: bool) -> list[Step]:
    return [
        Step(
            order=4,
            title="Add a webhook",
            text="Events of the platform go to an address of yours, signed.",
            url=url_for("webhooks.create"),
            action="Add a webhook",
            done=some,
        ),
        Step(
            order=5,
            title="Send a test event",
            text="On the webhook's page: one real signed request, and what came of it.",
            url=url_for("webhooks.index"),
            action="Choose a webhook",
            done=tested,
        ),
    ]


def _concern(record: Webhook, recovered_at: datetime | None) -> Concern:
    outcome = record.last_delivery_status or ""
    if recovered_at is not None:
        return Concern(
            status="recovered",
            title=record.name,
            text="It was paused because it failed, and works again. What was held has been sent"
            " or is on its way.",
            url=url_for("endpoints.health", record_id=record.id),
            since=recovered_at,
        )
    if record.paused_at is not None:
        return Concern(
            status="paused",
            title=record.name,
            text=f"{attempt_view.pause_title(record)}. What is published is held.",
            url=url_for("endpoints.health", record_id=record.id),
            since=record.paused_at,
        )
    return Concern(
        status="failing",
        title=record.name,
        text=f"Its last delivery failed: {attempt_view.outcome_text(outcome)}.",
        url=url_for("endpoints.health", record_id=record.id),
        since=record.last_delivery_at,
    )
