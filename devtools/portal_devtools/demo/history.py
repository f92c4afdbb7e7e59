"""Fill the weeks before the demo began, day by day, the newest first.

The events of a day are published now, together and with ids of their own, so never twice. The
worker delivers them to the demo receiver, and then they are moved to when they happened. A process
that is killed leaves a day half done, and the next one goes on with it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Event as Flag

from flask import Flask
from sqlalchemy import delete, or_, select

from portal.database.session import database_now, session, transaction
from portal.events import service as events
from portal.events.models import Event, EventKey
from portal.identity.models import Tenant
from portal.webhooks.models import Delivery, Webhook
from portal_devtools.demo import calls, happenings, past
from portal_devtools.demo.cast import program
from portal_devtools.identity_provider.people import ACME

OLDEST = timedelta(days=25)
"""Nothing older is made: a tenant forgets events after 30 days, and they must not come again."""

LOOK_SECONDS, LOOKS = 0.3, 200
"""So long a day waits for its deliveries. Somebody may have stopped their application."""


def fill(app: Flask, stopping: Flag, days: int = happenings.DAYS) -> Iterator[int]:
    """Fill one day after the other, and yield its number once it is there. Ends early if told."""
    with app.app_context(), transaction(ACME):
        begun_at = beginning()
    for number in range(1, days + 1):
        with app.app_context(), transaction(ACME):
            if database_now() - begun_at + number * happenings.DAY > OLDEST:
                return
            if not _is_published(number):
                _publish(begun_at, number)
            calls.of_day(begun_at, number)
        for _ in range(LOOKS):
            if _settled(app):
                break
            if stopping.wait(LOOK_SECONDS):
                return
        past.move_events(app.extensions["portal"], ACME)
        yield number


def beginning() -> datetime:
    """Return the full hour in which the demo was made; the history ends there."""
    made_at = session.scalars(select(Tenant.created_at).where(Tenant.id == ACME)).one()
    return made_at.replace(minute=0, second=0, microsecond=0)


def _is_published(number: int) -> bool:
    """Tell whether the events of a day are there: they are published together."""
    query = select(EventKey.event_id).where(
        EventKey.tenant_id == ACME, EventKey.client_id == happenings.name_of(number, 1)
    )
    return session.scalar(query) is not None


def _publish(begun_at: datetime, number: int) -> None:
    """Publish the events of a day; a webhook that somebody added since the beginning gets none."""
    for slug, some in sorted(happenings.of_day(begun_at, number).items()):
        made = [event.id for event in events.publish(program(slug), some)]
        younger = select(Webhook.id).where(Webhook.tenant_id == ACME, Webhook.created_at > begun_at)
        session.execute(
            delete(Delivery)
            .where(Delivery.tenant_id == ACME, Delivery.event_id.in_(made))
            .where(Delivery.webhook_id.in_(younger))
        )


def _settled(app: Flask) -> bool:
    """Tell whether no event of the demo's past is about to be sent."""
    with app.app_context(), transaction(ACME):
        soon = database_now() + timedelta(minutes=1)
        about = or_(
            Delivery.state.in_(("pending", "in_flight")),
            (Delivery.state == "retrying") & (Delivery.due_at < soon),
        )
        held = select(Webhook.id).where(
            Webhook.tenant_id == ACME, ~Webhook.enabled | Webhook.paused_at.is_not(None)
        )
        query = (
            select(Delivery.id)
            .join(Event, (Event.tenant_id == Delivery.tenant_id) & (Event.id == Delivery.event_id))
            .join(
                EventKey, (EventKey.tenant_id == Event.tenant_id) & (EventKey.event_id == Event.id)
            )
            .where(Delivery.tenant_id == ACME, about, EventKey.client_id.startswith("demo-"))
            .where(Event.received_at > Event.occurred_at + timedelta(minutes=1))
            .where(Delivery.webhook_id.not_in(held))
        )
        return session.scalar(query.limit(1)) is None
