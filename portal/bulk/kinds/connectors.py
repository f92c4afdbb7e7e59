"""Declare what can be done to many connectors."""

from typing import Any

from pydantic import ConfigDict

from portal.bulk.acts import Act, Changes, Kind, Tagged, deleting, edited, editing, is_same
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


def _not_to_enable(row: Any, command: Any) -> str:
    return "It is enabled already." if row.enabled else ""


def _not_to_disable(row: Any, command: Any) -> str:
    return "" if row.enabled else "It is disabled already."


def _switched(row: Any, command: Any) -> Changes:
    return {"enabled": (row.enabled, not row.enabled)}


def _check(actor: Actor, connector_id: str, command: Any) -> object:
    return requests.ask(actor, connector_id, per_minute=requests.PER_MINUTE_OF_JOBS)


def _enable(actor: Actor, connector_id: str, command: Any) -> Connector:
    return service.set_enabled(actor, connector_id, True)


def _disable(actor: Actor, connector_id: str, command: Any) -> Connector:
    return service.set_enabled(actor, connector_id, False)


WRITE = "connectors:write"
KIND = Kind(
    resource,
    listing=resource.listing,
    label="name",
    page="connectors",
    acts=(
        Act("check", "Check", "queued for a check", WRITE, _check,
            f"Each is signed in to, {requests.PER_MINUTE_OF_JOBS} a minute at most.",
            reads=("provider", "is_stopped"), cannot=_not_to_check),
        Act("edit", "Edit", "changed", WRITE, editing(resource),
            "What uses them sees the new settings at once.", EditConnectors,
            ("tags", "next_rotation_due"), is_same, edited),
        Act("enable", "Enable", "enabled", WRITE, _enable,
            "They are used again.",
            reads=("enabled",), cannot=_not_to_enable, changes=_switched),
        Act("disable", "Disable", "disabled", WRITE, _disable,
            "They are not used until somebody enables them.",
            reads=("enabled",), cannot=_not_to_disable, changes=_switched),
        Act("delete", "Delete", "deleted", WRITE, deleting(resource),
            "They and their credentials can be restored for 30 days.",
            at_once=1, needs_recent_sign_in=True, is_grave=True),
    ),
)  # fmt: skip
