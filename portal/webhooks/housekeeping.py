"""What the worker does for webhooks again and again."""

from datetime import timedelta

from portal.events import settings
from portal.housekeeping import Job, asking
from portal.purge import purging, sweeping
from portal.webhooks import delivery, upkeep
from portal.webhooks.engine import Engine
from portal.webhooks.inbound import review
from portal.webhooks.inbound.models import KEEP_ACCEPTED, KEEP_QUARANTINED
from portal.webhooks.models import Webhook

HOUSEKEEPING = [
    Job(
        "forget old inbound requests",
        review.forget_old,
        timedelta(hours=1),
        asking("due_inbound", min(KEEP_ACCEPTED, KEEP_QUARANTINED)),
    ),
    Job(
        "forget old attempts",
        delivery.forget_old,
        timedelta(hours=1),
        asking("due_attempts", delivery.KEEP),
        repeats=True,
    ),
    Job("make room for events and deliveries", upkeep.make_room, timedelta(hours=6)),
    Job(
        "forget old deliveries",
        upkeep.forget_old,
        timedelta(minutes=10),
        asking("due_old_deliveries", settings.DAYS),
        repeats=True,
    ),
    purging(Webhook, "webhooks"),
    sweeping(Webhook, "webhooks"),
]
ENGINES = [Engine]
