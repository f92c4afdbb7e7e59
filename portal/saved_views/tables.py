"""The lists that have saved views, and the check of what a view asks of one."""

from collections.abc import Mapping

from portal.applications.table import TABLE as APPLICATIONS
from portal.audit.table import TABLE as AUDIT
from portal.connectors.table import TABLE as CONNECTORS
from portal.core.errors import BadRequest, Invalid
from portal.database.actor import Actor
from portal.delivery.log.table import TABLE as DELIVERIES
from portal.events.catalogue.table import TABLE as EVENT_TYPES
from portal.events.table import TABLE as EVENTS
from portal.keys.listing.table import TABLE as KEYS
from portal.web.lists import PLACES, Table, check
from portal.webhooks.table import TABLE as WEBHOOKS

RECORDS = (APPLICATIONS, CONNECTORS, KEYS, WEBHOOKS, EVENT_TYPES)
LOGS = (DELIVERIES, EVENTS, AUDIT)
TABLES: Mapping[str, Table] = {table.name: table for table in (*RECORDS, *LOGS)}


def may_read(actor: Actor, name: str) -> bool:
    """Tell whether the actor may read a list."""
    return actor.can(reading(name))


def reading(name: str) -> str:
    """Return the permission that reads a list."""
    return f"{TABLES[name].scope}:read"


def may_share(actor: Actor, name: str) -> bool:
    """Tell whether the actor may show views of a list to others."""
    return TABLES[name].may_share(actor)


def check_parameters(name: str, parameters: Mapping[str, str]) -> None:
    """Raise Invalid that names a parameter which the list does not understand."""
    for place in (*PLACES, "view"):
        if place in parameters:
            raise Invalid.field(f"parameters.{place}", "A view does not keep this parameter.")
    try:
        check(TABLES[name], parameters)
    except BadRequest as error:
        wrong = error.errors[0]
        raise Invalid.field(f"parameters.{wrong.field}", wrong.message) from None
