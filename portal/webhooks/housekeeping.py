"""The periodic jobs of the worker for webhooks."""

from portal.records.purge import purging, sweeping
from portal.webhooks.models import Webhook

HOUSEKEEPING = [purging(Webhook, "webhooks"), sweeping(Webhook, "webhooks")]
