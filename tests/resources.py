"""List every resource, with a minimal body for each."""

from typing import Any

from portal.features import RESOURCES
from portal.rest.resources import Resource

__all__ = ["RESOURCES", "minimal"]

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
