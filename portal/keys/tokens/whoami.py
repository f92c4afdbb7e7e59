"""REST of the caller: `GET /me` says who a credential belongs to, and what it may do."""

from datetime import datetime
from typing import Any, Literal

from flask import Response, g
from pydantic import BaseModel, ConfigDict

from portal.database.actor import Actor
from portal.database.session import session
from portal.identity.models import Tenant
from portal.keys.decision.snapshot import Snapshot
from portal.rest.api import actor, answer, fields_of, no_parameters
from portal.rest.openapi import Operation


class TenantDocument(BaseModel):
    """The tenant that a credential belongs to."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Id of the tenant."""
    slug: str
    """Short name of the tenant in addresses."""
    name: str
    """Name of the tenant."""


class OwnApplication(BaseModel):
    """The application that a credential belongs to."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Id of the application."""
    slug: str | None
    """Slug of the application, which is the `app_id` of everything that it writes."""


class KeyLimits(BaseModel):
    """The limits of the API key that was sent; null where the key has none."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rpm_limit: int | None
    """Requests per minute."""
    tpm_limit: int | None
    """Tokens per minute."""
    max_uses: int | None
    """Number of uses in total."""
    max_budget_usd: float | None
    """Budget in US dollars."""


class CallerDocument(BaseModel):
    """The caller of this request: who it is, for which tenant, and what it may do."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: Literal["person", "application"]
    """A person, or a program."""
    credential: Literal["api_key", "access_token"]
    """The kind of the credential: an API key or a token made from one, or an access token of the
    identity provider."""
    id: str
    """Id of the person, the API key, or the application that the token was issued to."""
    name: str
    """Name of the person, the API key, or the application."""
    tenant: TenantDocument
    """The tenant in which the caller acts."""
    application: OwnApplication | None
    """The application of the credential; null for a person, and for a key of no application."""
    roles: list[str]
    """Roles of a person: viewer, editor or admin. Empty for a program."""
    groups: list[str]
    """Groups of a person at the identity provider. Empty for a program."""
    scopes: list[str]
    """Permissions of the credential, in alphabetical order."""
    expires_at: datetime | None
    """Time when the credential ends, also by a planned revocation of its key; null if it does not
    end by itself."""
    limits: KeyLimits | None
    """Limits of the API key; null for an access token of the identity provider."""


def _me() -> Response:
    no_parameters()
    return answer(represent(actor(), g.get("key_called_with")))


def represent(caller: Actor, key: Snapshot | None) -> dict[str, Any]:
    """Return the caller as a document, with the limits of its key."""
    tenant = session.get_one(Tenant, caller.tenant_id)
    own = None
    if caller.application_id is not None:
        own = {"id": caller.application_id, "slug": caller.app_id}
    return {
        "kind": caller.kind,
        "credential": "access_token" if key is None else "api_key",
        "id": caller.id,
        "name": caller.name,
        "tenant": {"id": tenant.id, "slug": tenant.slug, "name": tenant.name},
        "application": own,
        "roles": [caller.role] if caller.role else [],
        "groups": sorted(caller.groups),
        "scopes": sorted(caller.scopes),
        "expires_at": caller.expires_at,
        "limits": key and fields_of(KeyLimits, key),
    }


OPERATIONS = (
    Operation(
        resource="me",
        name="get",
        method="GET",
        path="/me",
        summary="Get the caller: who this credential belongs to, and what it may do",
        description="Return the caller: its kind, its tenant, its scopes, and the"
        " application that it acts as. Every valid credential may call it.",
        scope="",
        view=_me,
        answer=CallerDocument,
    ),
)
