"""Demo data for development: two tenants, whose records are created by the usual services.

The keys' secrets are discarded and the connectors' credentials are random, so nothing here grants
access to anything but the service of the demo receiver, whose answers the checks really get.
"""

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from portal.applications import service as applications
from portal.applications.schemas import ApplicationInput
from portal.connections.engine import Engine
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.connectors.schemas import ConnectorInput
from portal.core.config import Config
from portal.database.actor import FOR_KEYS, Actor
from portal.database.session import database_now, session, transaction
from portal.events import service as events
from portal.events.schemas import EventInput
from portal.identity import people
from portal.identity.models import Person, Tenant
from portal.identity.openid.claims import ALL_SCOPES
from portal.identity.openid.relying_party import Identity
from portal.keys import service as keys
from portal.keys.models import ApiKey
from portal.keys.schemas import IssueKey
from portal.keys.verification.use_counts import usage
from portal.leases import service as leases
from portal.leases.engine import Engine as Leases
from portal.ops import tenants
from portal.webhooks import service as webhooks
from portal.webhooks.schemas import WebhookInput
from portal_devtools import ports
from portal_devtools.identity_provider import PEOPLE
from portal_devtools.identity_provider.people import ACME, GLOBEX, ProviderPerson
from portal_devtools.receiver import SERVICE_USER, create_receiver

ADMIN, EDITOR = "ada@acme.example", "ed@acme.example"
BROKEN = "Invoice archive"  # its password is mistyped after its first check


LEASED, RUNTIME = "Order archive", "Order sync"


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
                    cast = _cast(config, demo.id)
                    _fill(demo, cast)
                if demo.id == ACME and not config.vault_addr:
                    _check_twice(app, config, cast.get(EDITOR))
                    _lease(app)
            session.remove()


def _cast(config: Config, tenant_id: str) -> dict[str, Person]:
    """Return the people of a tenant by their e-mail; none if another provider knows them."""
    if not config.uses_dev_provider:
        return {}
    rules = people.Rules(
        config.oidc_tenant_claim,
        config.oidc_roles_claim,
        config.oidc_role_map,
        config.oidc_groups_claim,
    )
    return {
        one.email: people.admit(_identity(config, one), rules)[1]
        for one in PEOPLE
        if one.tenant_id == tenant_id
    }


def _identity(config: Config, person: ProviderPerson) -> Identity:
    return Identity(config.oidc_issuer, person.subject, None, None, None, person.claims(), "")


def _fill(demo: Demo, cast: Mapping[str, Person]) -> None:
    actor = _system(demo.id)
    ids = {}
    for body in demo.applications:
        made = applications.create(actor, ApplicationInput.read(body))
        ids[made.slug] = made.id
    for body in _owned(demo.connectors, ids):
        if "user_id" not in body:
            connectors.create(actor, ConnectorInput.read(body))
        elif whose := cast.get(body["user_id"]):
            personal = {**body, "user_id": whose.id, "owner_id": whose.id}
            connectors.create(actor, ConnectorInput.read(personal))
    for body in _owned(demo.keys, ids):
        keys.issue(actor, IssueKey.read(body))
    for body in _owned(demo.webhooks, ids):
        webhooks.create(actor, WebhookInput.read(body))
    events.publish(actor, [EventInput.read(body) for body in demo.events])


def _system(tenant_id: str) -> Actor:
    return Actor(tenant_id, "system", "system", "Demo data", ALL_SCOPES, source_type="system")


def _check_twice(app: Flask, config: Config, editor: Person | None) -> None:
    """Check the connectors, save a wrong password in one of them, and check again.

    With a Vault only a worker may read credentials: it checks them when it starts.
    """
    actor = _system(ACME)
    if editor is not None:
        actor = Actor(ACME, "person", editor.id, editor.name, ALL_SCOPES, person_id=editor.id)
    with _receiver(config.receiver_port):
        asyncio.run(Engine(app).run_due())
        with transaction(ACME):
            query = Connector.seen_by(actor).where(Connector.name == BROKEN)
            record = session.scalars(query.with_for_update(of=Connector)).one()
            wrong = {"credentials": {"password": f"mistyped-{secrets.token_urlsafe(12)}"}}
            connectors.update(actor, record, ConnectorInput.patched(record, wrong))
        asyncio.run(Engine(app).run_due())


def _lease(app: Flask) -> None:
    """Take a lease of a connector, as its runtime does with its key."""
    asyncio.run(Leases(app).run_due())
    with transaction(ACME):
        system = _system(ACME)
        leased = session.scalars(Connector.seen_by(system).where(Connector.name == LEASED)).one()
        key = session.scalars(ApiKey.seen_by(system).where(ApiKey.name == RUNTIME)).one()
        owner = leased.owning_application
        if owner is not None:
            runtime = Actor(
                ACME, "application", key.id, key.name, FOR_KEYS, owner.slug, leased.application_id
            )
            leases.take(runtime, leased.id)
            usage.note(ACME, key.id, database_now(), scope=leases.USE)
    usage.flush()


@contextmanager
def _receiver(port: int) -> Iterator[None]:
    """Serve the demo receiver inside the context, unless it runs already."""
    if not ports.is_free(port):
        yield
        return
    server = make_server("127.0.0.1", port, create_receiver(), threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def _owned(bodies: tuple[dict[str, Any], ...], ids: dict[str, str]) -> Iterator[dict[str, Any]]:
    for body in bodies:
        slug = body.get("app")
        owner = {"application_id": ids[slug]} if slug else {}
        yield {name: value for name, value in body.items() if name != "app"} | owner


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
    hooks = f"http://127.0.0.1:{receiver_port}/hooks"
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
            {"name": "Order archive", "provider": "http", "app": "rfp-desk", **service,
             "tags": ["production"]},
            {"name": BROKEN, "provider": "http", "app": "invoice-match", **service},
            {"name": "Defender for Endpoint", "provider": "defender_for_endpoint",
             "app": "alert-router", "auth_type": "oauth2_client_credentials",
             "config": {"tenantId": "6f1f3a52-93c4-4a55-8d53-0d0b6f1f7a11"},
             "event_types": ["alert.created", "alert.updated"], "tags": ["edr", "production"]},
            {"name": "Notes of Ada", "provider": "http", "scope": "user",
             "user_id": ADMIN, **service},
            {"name": "Snowflake", "provider": "snowflake", "app": "crm-360", "enabled": False,
             "tags": ["warehouse"]},
        ),
        keys=(
            {"name": "CRM backend", "app": "crm-360", "tags": ["production"], "rpm_limit": 600,
             "scopes": ["applications:read", "connectors:read", "webhooks:read"]},
            {"name": RUNTIME, "app": "rfp-desk", "scopes": ["connectors:use"],
             "issued_to_service": "order-sync"},
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
