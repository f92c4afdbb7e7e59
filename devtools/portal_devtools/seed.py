"""Demo data for development: two tenants, whose records are created by the usual services.

The keys' secrets are discarded and the connectors' credentials are random, so nothing here grants
access to anything.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.applications import service as applications
from portal.applications.schemas import ApplicationInput
from portal.connectors import service as connectors
from portal.connectors.schemas import ConnectorInput
from portal.core.config import Config
from portal.database.actor import Actor
from portal.database.session import session, transaction
from portal.events import service as events
from portal.events.schemas import EventInput
from portal.identity.models import Tenant
from portal.identity.openid.claims import ALL_SCOPES
from portal.keys import service as keys
from portal.keys.schemas import IssueKey
from portal.ops import tenants
from portal.webhooks import service as webhooks
from portal.webhooks.schemas import WebhookInput
from portal_devtools.identity_provider.people import ACME, GLOBEX


@dataclass(frozen=True)
class Demo:
    """One demo tenant. A record names its application by slug in `app`."""

    id: str
    name: str
    slug: str
    key_code: str
    applications: tuple[dict[str, Any], ...]
    connectors: tuple[dict[str, Any], ...]
    keys: tuple[dict[str, Any], ...]
    webhooks: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]


def seed(app: Flask) -> None:
    """Create the missing demo tenants with all of their records."""
    config: Config = app.extensions["portal"]
    with app.app_context():
        for demo in demos(config.receiver_port):
            if session.scalar(select(Tenant.id).where(Tenant.id == demo.id)) is None:
                session.rollback()
                tenants.add(config, demo.id, demo.name, demo.slug, demo.key_code)
                with transaction(demo.id):
                    _fill(demo)
            session.remove()


def _fill(demo: Demo) -> None:
    actor = Actor(demo.id, "system", "system", "Demo data", ALL_SCOPES, source_type="system")
    ids = {}
    for body in demo.applications:
        made = applications.create(actor, ApplicationInput.read(body))
        ids[made.slug] = made.id
    for body in _owned(demo.connectors, ids):
        connectors.create(actor, ConnectorInput.read(body))
    for body in _owned(demo.keys, ids):
        keys.issue(actor, IssueKey.read(body))
    for body in _owned(demo.webhooks, ids):
        webhooks.create(actor, WebhookInput.read(body))
    events.publish(actor, [EventInput.read(body) for body in demo.events])


def _owned(bodies: tuple[dict[str, Any], ...], ids: dict[str, str]) -> Iterator[dict[str, Any]]:
    for body in bodies:
        slug = body.get("app")
        owner = {"application_id": ids[slug]} if slug else {}
        yield {name: value for name, value in body.items() if name != "app"} | owner


def _secret() -> str:
    return f"demo-{secrets.token_urlsafe(24)}"


def demos(receiver_port: int) -> tuple[Demo, ...]:
    """Return the records of the demo tenants; their webhooks point at the demo receiver."""
    return _acme(receiver_port), _globex(receiver_port)


def _acme(receiver_port: int) -> Demo:
    hooks = f"http://127.0.0.1:{receiver_port}/hooks"
    return Demo(
        ACME,
        "Acme Corp",
        "acme",
        "acme",
        applications=(
            {"display_name": "CRM 360", "slug": "crm-360", "oauth_client_id": "crm-360",
             "primary_domain": "sales",
             "description": "Customers, deals and forecasts in one place.",
             "canonical_owner_of": ["Account", "Deal"], "api_base_path": "/v1/deals",
             "repository": "https://git.acme.example/sales/crm-360"},
            {"display_name": "RFP Desk", "slug": "rfp-desk", "primary_domain": "procurement",
             "description": "Answers requests for proposal, with drafts from the model.",
             "canonical_owner_of": ["Rfp"], "api_base_path": "/v1/rfps"},
            {"display_name": "Alert Router", "slug": "alert-router", "kind": "platform-service",
             "primary_domain": "security", "description": "Sends alerts to who is on duty."},
            {"display_name": "Invoice Match", "slug": "invoice-match", "primary_domain": "finance",
             "description": "Matches invoices to orders."},
            {"display_name": "core-sdk", "slug": "core-sdk", "kind": "library",
             "description": "The platform's client library."},
            {"display_name": "Legacy Portal", "slug": "legacy-portal", "status": "deprecated",
             "description": "Replaced by CRM 360."},
        ),
        connectors=(
            {"name": "Defender for Endpoint", "provider": "defender_for_endpoint",
             "app": "alert-router", "auth_type": "oauth2_client_credentials",
             "config": {"tenantId": "6f1f3a52-93c4-4a55-8d53-0d0b6f1f7a11"},
             "credentials": {"client_id": "0b7c2c1e-1c1d-4f0e-9a3e-2f6d6b8a9c10",
                             "client_secret": _secret()},
             "event_types": ["alert.created", "alert.updated"], "tags": ["edr", "production"]},
            {"name": "Splunk Cloud", "provider": "splunk", "app": "alert-router",
             "auth_type": "bearer", "config": {"host": "splunk.acme.example:8089"},
             "credentials": {"token": _secret()}, "tags": ["siem", "production"]},
            {"name": "Jira Platform", "provider": "jira", "app": "rfp-desk", "auth_type": "basic",
             "config": {"baseUrl": "https://acme.atlassian.example"},
             "credentials": {"username": "bot@acme.example", "password": _secret()}},
            {"name": "Okta Workforce", "provider": "okta", "auth_type": "api_key",
             "config": {"domain": "acme.okta.example"}},
            {"name": "Snowflake", "provider": "snowflake", "app": "crm-360", "enabled": False,
             "tags": ["warehouse"]},
        ),
        keys=(
            {"name": "CRM backend", "app": "crm-360", "tags": ["production"], "rpm_limit": 600,
             "scopes": ["applications:read", "connectors:read", "webhooks:read"]},
            {"name": "RFP drafts", "app": "rfp-desk", "kind": "virtual_llm", "tpm_limit": 90_000,
             "allowed_models": ["claude-sonnet", "gpt-4o-mini"], "max_budget_usd": 250},
            {"name": "Alert router", "app": "alert-router", "tags": ["production"],
             "scopes": ["connectors:read", "connectors:write"], "issued_to_service": "alerts"},
            {"name": "Nightly export", "app": "invoice-match", "scopes": ["applications:read"],
             "blocked": True, "blocked_reason": "Export is paused during the audit."},
        ),
        webhooks=(
            {"name": "RFP events", "app": "rfp-desk", "url": f"{hooks}/rfp",
             "event_types": ["rfp.created", "rfp.status_changed"], "tags": ["production"]},
            {"name": "Deals to data lake", "app": "crm-360", "url": f"{hooks}/deals",
             "event_types": ["deal.*"], "headers": {"X-Environment": "demo"}},
            {"name": "A receiver that is broken", "url": f"{hooks}/broken?status=500",
             "event_types": ["*"], "retry_policy": {"maxAttempts": 5, "backoff": "linear"}},
        ),
        events=(
            {"type": "rfp.created", "subject": "rfp-2041",
             "data": {"id": "rfp-2041", "title": "Warehouse automation", "due": "2026-12-18"}},
            {"type": "deal.stage_changed", "subject": "deal-118",
             "data": {"id": "deal-118", "from": "proposal", "to": "negotiation"}},
            {"type": "rfp.status_changed", "subject": "rfp-2041",
             "data": {"id": "rfp-2041", "from": "draft", "to": "in_review"}},
            {"type": "deal.won", "subject": "deal-97",
             "data": {"id": "deal-97", "amount": "48200.00", "currency": "EUR"}},
            {"type": "rfp.created", "subject": "rfp-2042",
             "data": {"id": "rfp-2042", "title": "Cold chain sensors", "due": "2027-01-15"}},
        ),
    )  # fmt: skip


def _globex(receiver_port: int) -> Demo:
    return Demo(
        GLOBEX,
        "Globex",
        "globex",
        "glbx",
        applications=(
            {"display_name": "Fleet Console", "slug": "fleet-console", "primary_domain": "fleet",
             "description": "Where every truck is."},
            {"display_name": "Dispatch", "slug": "dispatch", "kind": "platform-service"},
        ),
        connectors=(
            {"name": "GitLab", "provider": "gitlab", "auth_type": "api_key",
             "config": {"host": "gitlab.globex.example"},
             "credentials": {"apiKey": f"glpat-{_secret()}"}},
        ),
        keys=(
            {"name": "Dispatch service", "app": "dispatch", "scopes": ["webhooks:read"]},
        ),
        webhooks=(
            {"name": "Fleet positions", "app": "fleet-console", "event_types": ["fleet.*"],
             "url": f"http://127.0.0.1:{receiver_port}/hooks/fleet"},
        ),
        events=(
            {"type": "fleet.truck_delayed", "subject": "truck-7",
             "data": {"id": "truck-7", "minutes": 25}},
        ),
    )  # fmt: skip
