"""The records of the demo tenants. Their webhooks point at the demo receiver.

The names in capitals are those that the rest of the demo looks for.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from portal_devtools.identity_provider.people import ACME, GLOBEX, ProviderPerson
from portal_devtools.receiver import SERVICE_USER

ADMIN, EDITOR = "ada@acme.example", "ed@acme.example"
LEFT = ProviderPerson("otto@acme.example", "Otto Brandt", ACME, "Acme", ("admin",))
"""Was an admin of Acme, and has left: the identity provider does not know him any more."""

BROKEN = "Invoice archive"  # its password is mistyped after its first check
LEASED, RUNTIME = "Order archive", "Order sync"
BACKEND, DRAFTS, ALERTS, BLOCKED = "CRM backend", "RFP drafts", "Alert router", "Nightly export"
ROTATING, LEAKED, ORPHAN = "Invoice import", "Partner feed", "Board report"
ENDING, LIFETIME = "Autumn campaign", timedelta(days=9)
FAILING, FLAKY = "On-call pager", "Audit archive"
BUDGET = 250  # US dollars of the key DRAFTS


@dataclass(frozen=True)
class Demo:
    """One demo tenant. A record names its application by slug in `app`, its person in `of`."""

    id: str
    name: str
    slug: str
    key_code: str
    applications: tuple[dict[str, Any], ...]
    connectors: tuple[dict[str, Any], ...]
    keys: tuple[dict[str, Any], ...]
    webhooks: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]


def _service(receiver_port: int) -> dict[str, Any]:
    """Return how to sign in to the service of the demo receiver, which really answers."""
    return {
        "auth_type": "basic",
        "config": {"baseUrl": f"http://127.0.0.1:{receiver_port}", "testPath": "/service"},
        "credentials": {"username": SERVICE_USER, "password": _secret()},
    }


def _secret() -> str:
    return f"demo-{secrets.token_urlsafe(24)}"


def demos(receiver_port: int) -> tuple[Demo, ...]:
    """Return the records of the demo tenants; their webhooks point at the demo receiver."""
    return _acme(receiver_port), _globex(receiver_port)


def _acme(receiver_port: int) -> Demo:
    hooks = f"http://127.0.0.1:{receiver_port}/acme"
    service = _service(receiver_port)
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
            {"name": LEASED, "provider": "http", "app": "rfp-desk", **service,
             "tags": ["production"]},
            {"name": BROKEN, "provider": "http", "app": "invoice-match", **service},
            {"name": "Defender for Endpoint", "provider": "defender_for_endpoint",
             "app": "alert-router", "auth_type": "oauth2_client_credentials",
             "config": {"tenantId": "6f1f3a52-93c4-4a55-8d53-0d0b6f1f7a11"},
             "event_types": ["alert.created", "alert.updated"], "tags": ["edr", "production"]},
            {"name": "Notes of Ada", "provider": "http", "scope": "user",
             "of": ADMIN, **service},
            {"name": "Snowflake", "provider": "snowflake", "app": "crm-360", "enabled": False,
             "tags": ["warehouse"]},
        ),
        keys=(
            {"name": BACKEND, "app": "crm-360", "tags": ["production"], "rpm_limit": 600,
             "scopes": ["applications:read", "connectors:read", "webhooks:read"]},
            {"name": RUNTIME, "app": "rfp-desk", "scopes": ["connectors:use"],
             "issued_to_service": "order-sync"},
            {"name": DRAFTS, "app": "rfp-desk", "kind": "virtual_llm", "tpm_limit": 90_000,
             "allowed_models": ["claude-sonnet", "gpt-4o-mini"], "max_budget_usd": BUDGET},
            {"name": ALERTS, "app": "alert-router", "tags": ["production"],
             "scopes": ["connectors:read", "connectors:write"], "issued_to_service": "alerts"},
            {"name": BLOCKED, "app": "invoice-match", "scopes": ["applications:read"],
             "blocked": True, "blocked_reason": "Export is paused during the audit."},
            {"name": ROTATING, "app": "invoice-match", "tags": ["production"],
             "scopes": ["applications:read", "connectors:read"], "issued_to_service": "importer"},
            {"name": LEAKED, "app": "crm-360", "scopes": ["applications:read"],
             "tags": ["partner"]},
            {"name": ENDING, "app": "crm-360", "scopes": ["webhooks:read"],
             "expires_at": (datetime.now(UTC) + LIFETIME).isoformat()},
            {"name": ORPHAN, "app": "crm-360", "kind": "user", "of": LEFT.email,
             "scopes": ["applications:read", "webhooks:read"]},
        ),
        webhooks=(
            {"name": "RFP events", "app": "rfp-desk", "url": f"{hooks}/rfp?delay=0.02-0.2",
             "event_types": ["rfp.created", "rfp.status_changed"], "tags": ["production"]},
            {"name": "Deals to data lake", "app": "crm-360",
             "url": f"{hooks}/deals?delay=0.05-0.6", "event_types": ["deal.*"],
             "headers": {"X-Environment": "demo"}},
            {"name": "Invoices to ledger", "app": "invoice-match", "tags": ["production"],
             "url": f"{hooks}/ledger?delay=0.03-0.3&fail_every=11", "event_types": ["invoice.*"]},
            {"name": FLAKY, "url": f"{hooks}/archive?delay=0.01-0.1&fail_every=25",
             "event_types": ["rfp.*", "deal.*", "invoice.*"], "retry_policy": {"maxAttempts": 1}},
            {"name": FAILING, "app": "alert-router", "url": f"{hooks}/pager?status=500",
             "event_types": ["alert.*"], "retry_policy": {"maxAttempts": 5, "backoff": "linear"}},
        ),
        events=(),
    )  # fmt: skip


def _globex(receiver_port: int) -> Demo:
    return Demo(
        GLOBEX,
        "Globex",
        "globex",
        "glbx",
        applications=(
            {"display_name": "Fleet Console", "slug": "fleet-console", "primary_domain": "fleet",
             "description": "Position of every truck."},
            {"display_name": "Dispatch", "slug": "dispatch", "kind": "platform-service"},
        ),
        connectors=(
            {"name": "GitLab", "provider": "gitlab", "auth_type": "api_key",
             "config": {"host": "gitlab.globex.example"}},
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
