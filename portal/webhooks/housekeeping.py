"""What the worker does for webhooks again and again."""

from datetime import timedelta

from portal.housekeeping import Job
from portal.webhooks import delivery

HOUSEKEEPING = [
    Job("forget old attempts", delivery.forget_old, timedelta(hours=1), per_tenant=True),
]
