"""The jobs that the worker runs for connectors."""

from portal.connectors.models import Connector
from portal.records.purge import purging, sweeping

HOUSEKEEPING = [purging(Connector, "connectors"), sweeping(Connector, "connectors")]
