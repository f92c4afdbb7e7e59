"""Webhooks and deliveries on the overview: what fails, the figures of the last day, the steps."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import url_for
from sqlalchemy import and_, case, func, select, text, true

from portal.database.actor import Actor
from portal.delivery.queue import hours
from portal.overview import questions
from portal.overview.parts import Change, Columns, Figure, Graph, Harm, OverviewPart, Source, Step
from portal.records.health import clock, up_to
from portal.webhooks import health
from portal.webhooks.models import (
    LAST_DELIVERY,
    WAITING_SQL,
    Delivery,
    DeliveryHour,
    Endpoint,
    Webhook,
)

READ = "webhooks:read"
MOST = 1000  # waiting deliveries that are looked at
RECOVERED = 3  # webhooks of the last day that are shown
OF_TENANT = "Counted for the whole tenant only."
HARMS = {
    "failing": (Harm.FAILING, "webhook fails", "webhooks fail"),
    "caring": (Harm.ATTENTION, "webhook needs a look", "webhooks need a look"),
    "held": (Harm.HELD, "webhook is paused by hand", "webhooks are paused by hand"),
}
CLEAR = "no webhook fails or is paused"


def ask(actor: Actor) -> Columns:
    """Ask whether there are webhooks, which are in trouble, and for the counts of deliveries."""
    if not actor.can(READ):
        return {}
    own = Webhook.seen_by(actor)
    live = own.where(Webhook.is_deleted.is_(False))
    newest = live.with_only_columns(Webhook.last_delivery_at.is_not(None)).order_by(
        text(LAST_DELIVERY + " DESC")
    )
    asked: dict[str, Any] = {
        "some": live.with_only_columns(Webhook.id).limit(1).scalar_subquery(),
        "sent": newest.limit(1).scalar_subquery(),
        "recovered": _recovered(actor),
    }
    groups = {
        name: (own.where(condition, ~Webhook.is_stopped), -Webhook.consecutive_failures)
        for name, condition in health.IN_TROUBLE.items()
    }
    asked |= questions.troubled(actor, Webhook, groups)
    if actor.app_id is None:
        asked |= {"waiting": _waiting(actor), "hours": _hours(actor)}
    return asked


def _waiting(actor: Actor) -> Any:
    """Return the deliveries that wait, by the hour in which they were published: [hour, all, held,
    retrying, the oldest]. At most MOST + 1 are looked at."""
    some = (
        select(Delivery.webhook_id, Delivery.state, Delivery.created_at)
        .where(Delivery.tenant_id == actor.tenant_id, text(WAITING_SQL))
        .order_by(Delivery.webhook_id, Delivery.due_at)  # as their index has them
        .limit(MOST + 1)
        .cte()
    )
    receives = func.coalesce(Webhook.receives, true())
    is_held = and_(~receives, some.c.state != "in_flight")
    is_retried = and_(receives, some.c.state == "retrying")
    hour = func.date_trunc("hour", some.c.created_at, "UTC")
    count = func.count()
    found = (
        select(
            func.json_build_array(
                hour,
                count,
                count.filter(is_held),
                count.filter(is_retried),
                func.min(case((is_held | is_retried, some.c.created_at))),
            ).label("row")
        )
        .select_from(some)
        .outerjoin(
            Webhook, and_(Webhook.tenant_id == actor.tenant_id, Webhook.id == some.c.webhook_id)
        )
        .group_by(hour)
        .subquery()
    )
    return select(func.json_agg(found.c.row)).scalar_subquery()


def _hours(actor: Actor) -> Any:
    """Return the counts of the last day: [hour, delivered, failed, waits]."""
    row = func.json_build_array(
        DeliveryHour.hour, DeliveryHour.delivered, DeliveryHour.failed, DeliveryHour.waits
    )
    return (
        select(func.json_agg(row))
        .where(DeliveryHour.tenant_id == actor.tenant_id)
        .where(DeliveryHour.hour >= questions.this_hour())
        .scalar_subquery()
    )


def _recovered(actor: Actor) -> Any:
    """Return the webhooks that were resumed automatically in the last day, and work: [id, name,
    when]."""
    newest = (
        Webhook.seen_by(actor)
        .join(Endpoint)
        .where(Webhook.is_active, Endpoint.recovered_at > func.now() - health.DAY)
        .where(Webhook.last_delivery_status == "delivered")
        .with_only_columns(
            func.json_build_array(Webhook.id, Webhook.name, Endpoint.recovered_at).label("row")
        )
        .order_by(Endpoint.recovered_at.desc())
        .limit(RECOVERED)
        .subquery()
    )
    return select(func.json_agg(newest.c.row)).scalar_subquery()


# ---------------------------------------------------------------- what is told


def overview_part(actor: Actor, found: Mapping[str, Any], now: datetime) -> OverviewPart:
    """Return the webhooks that need a person, the figures of deliveries, and two steps."""
    if not found:
        return OverviewPart()
    url = url_for("webhooks.index")
    return OverviewPart(
        steps=_steps(bool(found["some"]), bool(found["sent"])),
        figures=_figures(found, now),
        needs=questions.needs(actor, Webhook, "webhooks.show", found, HARMS),
        tallies=[
            questions.tally(harm, found[name], one, many, url)
            for name, (harm, one, many) in HARMS.items()
        ],
        changes=_changes(found["recovered"] or ()),
        clear=[CLEAR],
        is_used=bool(found["some"]),
    )


def _figures(found: Mapping[str, Any], now: datetime) -> list[Figure]:
    since = questions.first_hour(now)
    url = url_for("deliveries.index", created_after=since.isoformat())
    arrived = url_for("deliveries.index", state="delivered", created_after=since.isoformat())
    if "hours" not in found:
        held = url_for("deliveries.index", state="held")
        return [
            Figure(1, "held", "Held", None, OF_TENANT, held),
            Figure(2, "delivered", "Delivered", None, OF_TENANT, arrived),
            Figure(3, "p95", "Answer time, p95", None, OF_TENANT, url, "ms"),
        ]
    return [
        _held(found["waiting"] or (), now),
        _delivered(found["hours"] or (), now, arrived),
        _slowest(found["hours"] or (), now, url),
    ]


def _held(rows: Sequence[Sequence[Any]], now: datetime) -> Figure:
    """Return how many deliveries are held; if none is, how many are retried."""
    every, held, retried = (sum(row[place] for row in rows) for place in (1, 2, 3))
    state, label, place = ("held", "Held", 2) if held else ("retrying", "Being retried", 3)
    number = held or retried
    is_more = every > MOST
    if not rows or not (number or is_more):
        url = url_for("deliveries.index", state="held")
        return Figure(1, "held", "Held or retried", 0, "nothing waits for a receiver", url)
    hours = questions.by_hour(rows, now)
    graph = Graph([sum(row[place] for row in hour) for hour in hours], questions.first_hour(now))
    url = url_for("deliveries.index", state=state)
    if not number:
        note = f"More than {MOST:,} deliveries wait. How many are held is not known."
        return Figure(1, "held", "Held", None, note, url, status="attention")
    oldest = min(row[4] for row in rows if row[4])
    note = f"the oldest since {clock(datetime.fromisoformat(oldest), now)}"
    if is_more:
        note = "more than were counted"
    if held and retried:
        note = f"and {up_to(MOST, retried)} retried; {note}"
    return Figure(
        1, "held", label, number, note, url,
        status="failing" if held else "attention", is_more=is_more, graph=graph,
    )  # fmt: skip


def _delivered(rows: Sequence[Sequence[Any]], now: datetime, url: str) -> Figure:
    hours = questions.by_hour(rows, now)
    delivered, failed = (sum(row[place] for row in rows) for place in (1, 2))
    note = f"in 24 hours; {f'{failed:,}' if failed else 'none'} given up"
    if not delivered and not failed:
        note = "nothing was due in 24 hours"
    return Figure(
        2, "delivered", "Delivered", delivered, note, url,
        status="failing" if failed and not delivered else "attention" if failed else "works",
        graph=Graph([sum(row[1] for row in hour) for hour in hours], questions.first_hour(now)),
    )  # fmt: skip


def _slowest(rows: Sequence[Sequence[Any]], now: datetime, url: str) -> Figure:
    label = "Answer time, p95"
    waits = _summed(rows)
    p95, p50 = hours.within(waits, 0.95), hours.within(waits, 0.5)
    if p95 is None or p50 is None:
        return Figure(3, "p95", label, None, "no request in 24 hours", url, "ms")
    values = [hours.within(_summed(hour), 0.95) for hour in questions.by_hour(rows, now)]
    note = f"in 24 hours; half within {rounded(p50):,.0f} ms"
    return Figure(
        3, "p95", label, rounded(p95), note, url, "ms",
        graph=Graph(values, questions.first_hour(now)),
    )  # fmt: skip


def _summed(rows: Sequence[Sequence[Any]]) -> list[int]:
    return [sum(numbers) for numbers in zip(*(row[3] for row in rows if row[3]), strict=False)]


def rounded(milliseconds: float) -> float:
    """Return a time to two digits: the histogram is no more precise."""
    return float(f"{milliseconds:.2g}")


def _steps(has_some: bool, has_sent: bool) -> list[Step]:
    return [
        Step(
            order=4,
            title="Make a webhook",
            text="Events of the platform go to an address of yours, signed.",
            url=url_for("webhooks.create"),
            action="Make a webhook",
            needs="webhooks:write",
            done=has_some,
        ),
        Step(
            order=5,
            title="Send a first delivery",
            text="On the webhook's page: one real signed request, and what came of it.",
            url=url_for("webhooks.index"),
            action="Choose a webhook",
            needs="webhooks:write",
            done=has_sent,
        ),
    ]


def _changes(recovered: Sequence[Sequence[str]]) -> list[Change]:
    return [
        Change(
            at=datetime.fromisoformat(at).astimezone(UTC),
            who="",
            who_url="",
            text="works again; what was held has been sent or is on its way",
            name=name,
            url=url_for("endpoints.health", record_id=id_),
            status="works",
        )
        for id_, name, at in recovered
    ]


SOURCE = Source(overview_part, ask)
