"""The jobs that delete events after the tenant's retention period, and deleted event types."""

from datetime import timedelta

from portal.core.jobs import Job, asking
from portal.events import settings

HOUSEKEEPING = [
    Job(
        "forget old events",
        settings.forget_old,
        timedelta(minutes=10),
        asking("due_old_events", settings.DAYS),
        repeats=True,
    ),
]
