"""Declare what can be done to many connectors."""

from typing import Any

from pydantic import ConfigDict

from portal.bulk.acts import Act, Kind, Tagged, deleting, editing, switching
from portal.connections import requests
from portal.connectors import service
from portal.connectors.models import Connector
from portal.connectors.resource import resource
from portal.database.actor import Actor
from portal.records.schemas import Moment


class EditConnectors(Tagged):
    """The settings to give to connectors. A field that is left out stays as each of them has it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    next_rotation_due: Moment | None = None
    """Time when their credentials are next due for rotation; null for none."""


def _not_to_check(row: Any, command: Any) -> str:
    if row.provider is None:
        return "It is a draft. Choose its provider first."
    return "Its application is stopped." if row.is_stopped else ""


def _check(actor: Actor, connector: Connector, command: Any) -> object:
    return requests.ask(actor, connector.id, per_minute=requests.PER_MINUTE_OF_JOBS)


KIND = Kind(
    resource,
    listing=resource.listing,
    label="name",
    page="connectors",
    acts=(
        Act(
            "check",
            "Check",
            "queued for a check",
            "connectors:write",
            _check,
            f"Each is signed in to, {requests.PER_MINUTE_OF_JOBS} a minute at most.",
            reads=("provider", "is_stopped"),
            cannot=_not_to_check,
        ),
        editing(resource, "What uses them sees the new settings at once.", EditConnectors),
        *switching(
            resource,
            service.set_enabled,
            "They are used again.",
            "They are not used until somebody enables them.",
        ),
        deleting(resource, "They and their credentials can be restored for 30 days.", at_once=1),
    ),
)
