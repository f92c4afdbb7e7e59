"""What the worker does for webhooks again and again."""

from datetime import timedelta

from portal.core.jobs import Job, asking
from portal.delivery import partitions
from portal.delivery.engine import Engine
from portal.events import settings
from portal.inbound import review
from portal.inbound.models import KEEP_ACCEPTED, KEEP_QUARANTINED
from portal.lab import test_deliveries
from portal.records.purge import purging, sweeping
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
        test_deliveries.forget_old,
        timedelta(hours=1),
        asking("due_attempts", test_deliveries.KEEP),
        repeats=True,
    ),
    Job("make room for events and deliveries", partitions.make_room, timedelta(hours=6)),
    Job(
        "forget old deliveries",
        partitions.forget_old,
        timedelta(minutes=10),
        asking("due_old_deliveries", settings.DAYS),
        repeats=True,
    ),
    purging(Webhook, "webhooks"),
    sweeping(Webhook, "webhooks"),
]
ENGINES = [Engine]
