"""Tell what became of the deliveries of today."""

from typing import Any

from sqlalchemy import Label, case, func, not_, select

from portal.database.actor import Actor
from portal.database.session import session
from portal.records.health import Health, Word
from portal.webhooks.models import UNSENT, Delivery, Webhook

LOOKED_AT = 20_000
"""The most deliveries that are counted: the newest."""


def counts(tenant_id: str) -> Label[Any]:
    """Return a column with the counts of the tenant's deliveries since midnight (UTC): [all,
    delivered, retrying, waiting, held, failed or expired, cancelled]. Only the newest LOOKED_AT are
    counted."""
    midnight = func.date_trunc("day", func.now(), "UTC")
    lately = (
        select(Delivery.state, Delivery.webhook_id)
        .where(Delivery.tenant_id == tenant_id, Delivery.id >= func.ulid_floor("dlv", midnight))
        .order_by(Delivery.id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    number = func.count().label("number")
    # Whether a webhook sends is asked once for all its deliveries.
    each = select(lately, number).group_by(lately.c.state, lately.c.webhook_id).subquery()
    waits = each.c.state.in_(UNSENT)
    idle = select(Webhook.id).where(
        Webhook.tenant_id == tenant_id,
        Webhook.id == each.c.webhook_id,
        not_(Webhook.receives),
    )
    is_held = waits & idle.exists()

    def of(*states: str) -> Any:
        return func.coalesce(func.sum(shown.c.number).filter(shown.c.state.in_(states)), 0)

    shown = select(
        case((is_held, "held"), else_=each.c.state).label("state"), each.c.number
    ).subquery()
    counted = func.jsonb_build_array(
        func.coalesce(func.sum(shown.c.number), 0),
        of("delivered"),
        of("retrying"),
        of("pending", "in_flight"),
        of("held"),
        of("failed", "expired"),
        of("cancelled"),
    )
    return select(counted).select_from(shown).scalar_subquery().label("today")


def summary(actor: Actor) -> Health:
    """Return the sentence that begins the log of deliveries: what became of today's deliveries."""
    actor.require("webhooks:read")
    [[count, *each]] = session.execute(select(counts(actor.tenant_id))).one()
    good, retrying, waiting, held, bad, cancelled = each
    if not count:
        return Health("not_tried", "No delivery so far today (UTC).")
    parts = [f"{good:,} delivered", f"{retrying:,} retrying", f"{bad:,} given up"]
    others = ((held, "held"), (waiting, "waiting"), (cancelled, "cancelled"))
    parts += [f"{number:,} {word}" for number, word in others if number]
    word: Word = "failing" if bad else "attention" if retrying or held else "works"
    cut = f"Of the newest {LOOKED_AT:,} today" if count >= LOOKED_AT else "Today"
    return Health(word, f"{cut}: {', '.join(parts)}.")
