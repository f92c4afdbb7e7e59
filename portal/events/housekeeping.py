"""Events are kept for as long as their tenant says."""

from datetime import timedelta

from portal.events import settings
from portal.housekeeping import Job

HOUSEKEEPING = [
    Job("forget old events", settings.forget_old, timedelta(minutes=10), per_tenant=True),
]
