"""List every resource, with a minimal body for each."""

from typing import Any

from portal.applications.resource import resource as applications
from portal.connectors.resource import resource as connectors
from portal.events.catalogue.resource import resource as event_types
from portal.keys.resource import resource as keys
from portal.rest.resources import Resource
from portal.webhooks.resource import resource as webhooks

RESOURCES: list[Resource[Any, Any]] = [applications, connectors, keys, webhooks, event_types]

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
    return MINIMAL[resource.name]
