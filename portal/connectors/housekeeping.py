"""What the worker does for connectors again and again."""

from portal.connectors.models import Connector
from portal.records.purge import purging, sweeping

HOUSEKEEPING = [purging(Connector, "connectors"), sweeping(Connector, "connectors")]
