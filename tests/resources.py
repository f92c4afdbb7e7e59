"""List every resource, with a body for each: from it, all tests over every resource begin."""

from typing import Any

from portal.bulk.kinds import KINDS
from portal.features import RESOURCES
from portal.rest.openapi import camel
from portal.rest.resources import Resource

__all__ = ["EXPORTS", "RESOURCES", "called", "list_of", "minimal", "pages_of"]

EXPORTS = [f"{camel(name)}.export" for name in KINDS]

MINIMAL: dict[str, dict[str, Any]] = {
    "applications": {"display_name": "CRM 360", "repository": "https://git.example/crm"},
    "connectors": {
        "provider": "splunk",
        "name": "Security log",
        "config": {"host": "splunk.acme.example:8089", "index": "main"},
        "credentials": {"token": "a-token-that-nobody-may-see"},
        "event_types": ["notable.created"],
        "tags": ["soc"],
    },
    "webhooks": {
        "name": "CRM events",
        "url": "https://hooks.example.com/cpod",
        "event_types": ["rfp.created"],
    },
    "event-types": {
        "name": "rfp.created",
        "display_name": "RFP created",
        "json_schema": {"type": "object", "required": ["id"]},
        "example": {"id": "rfp_1"},
        "validation": "reject",
        "tags": ["sales"],
    },
    "api-keys": {"name": "Nightly export", "scopes": ["connectors:read"], "rpm_limit": 600},
}


def minimal(resource: Resource[Any, Any]) -> dict[str, Any]:
    """Return a body such as a real caller might send."""
    assert resource.name in MINIMAL, f"add a body for {resource.name} to MINIMAL in {__file__}"
    return MINIMAL[resource.name]


def called(resource: Resource[Any, Any]) -> str:
    """Return the field by which people know a record: the one that its `label` shows.

    If that is fixed once it is set, like an event type's name, there is a `display_name` beside it.
    """
    fields = resource.command.model_fields
    if "display_name" in fields:
        return "display_name"
    label = resource.model(**{name: name for name in resource.command.columns()}).label
    assert label in fields, f"the label of {resource.a_noun} is no field that a caller gives"
    return str(label)


def list_of(resource: Resource[Any, Any]) -> str:
    """Return the address of the page that lists its records."""
    return f"/{resource.scope}"


def pages_of(resource: Resource[Any, Any]) -> str:
    """Return the name of the blueprint with its pages."""
    return resource.scope.replace("-", "_")
