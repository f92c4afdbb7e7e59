"""The jobs that delete events after the tenant's retention period, and deleted event types."""

from datetime import timedelta

from portal.core.jobs import Job, due_by
from portal.events import settings

HOUSEKEEPING = [
    Job(
        "forget old events",
        settings.forget_old,
        timedelta(minutes=10),
        due_by("due_old_events", settings.DAYS),
        repeats=True,
    ),
]
