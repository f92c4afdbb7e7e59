"""The periodic jobs of the worker for deliveries, and the engine that it runs."""

from datetime import timedelta

from portal.core.jobs import Job, due_by
from portal.delivery import partitions
from portal.delivery.engine import Engine
from portal.events import settings

HOUSEKEEPING = [
    Job(
        "forget old attempts",
        partitions.forget_old_attempts,
        timedelta(hours=1),
        due_by("due_attempts", partitions.KEEP_ATTEMPTS),
        repeats=True,
    ),
    Job("make room for events and deliveries", partitions.make_room, timedelta(hours=6)),
    Job(
        "forget old deliveries",
        partitions.forget_old,
        timedelta(minutes=10),
        due_by("due_old_deliveries", settings.DAYS),
        repeats=True,
    ),
]
ENGINES = [Engine]
