"""The periodic jobs of the worker for inbound webhooks."""

from datetime import timedelta

from portal.core.jobs import Job, due_by
from portal.inbound import review
from portal.inbound.models import KEEP_ACCEPTED, KEEP_QUARANTINED

HOUSEKEEPING = [
    Job(
        "forget old inbound requests",
        review.forget_old,
        timedelta(hours=1),
        due_by("due_inbound", min(KEEP_ACCEPTED, KEEP_QUARANTINED)),
        repeats=True,
    ),
]
