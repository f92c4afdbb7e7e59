"""What the worker does for webhooks again and again."""

from portal.records.purge import purging, sweeping
from portal.webhooks.models import Webhook

HOUSEKEEPING = [purging(Webhook, "webhooks"), sweeping(Webhook, "webhooks")]
