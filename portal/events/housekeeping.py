"""Events are kept for as long as their tenant says."""

from datetime import timedelta

from portal.events import settings
from portal.events.models import EventType
from portal.housekeeping import Job
from portal.purge import purging

HOUSEKEEPING = [
    Job(
        "forget old events",
        settings.forget_old,
        timedelta(minutes=10),
        per_tenant=True,
        repeats=True,
    ),
    purging(EventType),
]
