"""Tell what became of the deliveries of today."""

from typing import Any

from sqlalchemy import Label, func, select

from portal.database.actor import Actor
from portal.database.session import session
from portal.records.health import Health, Word
from portal.webhooks.models import Delivery

LOOKED_AT = 20_000
"""The most deliveries that are counted: the newest."""


def counts(tenant_id: str) -> Label[Any]:
    """Return a column with the counts of the tenant's deliveries since midnight (UTC): [all,
    delivered, retrying, waiting, failed or expired]. Only the newest LOOKED_AT are counted."""
    midnight = func.date_trunc("day", func.now(), "UTC")
    lately = (
        select(Delivery.state)
        .where(Delivery.tenant_id == tenant_id, Delivery.id >= func.ulid_floor("dlv", midnight))
        .order_by(Delivery.id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    counted = func.jsonb_build_array(
        func.count(),
        func.count().filter(lately.c.state == "delivered"),
        func.count().filter(lately.c.state == "retrying"),
        func.count().filter(lately.c.state.in_(("pending", "in_flight"))),
        func.count().filter(lately.c.state.in_(("failed", "expired"))),
    )
    return select(counted).select_from(lately).scalar_subquery().label("today")


def summary(actor: Actor) -> Health:
    """Return the sentence that begins the log of deliveries: what became of those of today."""
    actor.require("webhooks:read")
    [[count, good, retrying, waiting, bad]] = session.execute(select(counts(actor.tenant_id))).one()
    if not count:
        return Health("not_tried", "No delivery so far today (UTC).")
    parts = [f"{good:,} delivered", f"{retrying:,} retrying", f"{bad:,} given up"]
    if waiting:
        parts.append(f"{waiting:,} waiting")
    word: Word = "failing" if bad else "attention" if retrying else "works"
    cut = f"Of the newest {LOOKED_AT:,} today" if count >= LOOKED_AT else "Today"
    return Health(word, f"{cut}: {', '.join(parts)}.")
