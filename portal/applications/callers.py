"""Who a verified access token speaks for: a person, an application, or one through the other.

A token whose `client_id` is an application's `oauth_client_id` acts as that application, so what
it writes carries the application's slug as `app_id` (specification, `oauth_client_id`).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, select

from portal.api import Authenticator
from portal.applications.models import STOPPED, Application
from portal.db import Actor, ActorKind, Origin, enter_tenant, session
from portal.errors import Forbidden
from portal.identity import people
from portal.identity.claims import ALL_SCOPES, ROLE_SCOPES, role_of, tenant_of
from portal.identity.models import Person, Tenant
from portal.identity.tokens import AccessToken, TokenVerifier


def authenticator(verifier: TokenVerifier, role_map: Mapping[str, str]) -> Authenticator:
    """The authenticator for access tokens (JWT) of the configured identity provider."""

    def recognise(token: str, origin: Origin) -> Actor | None:
        if token.count(".") != 2:
            return None
        return caller(verifier.verify(token), role_map, origin)

    return recognise


def caller(token: AccessToken, role_map: Mapping[str, str], origin: Origin) -> Actor | None:
    """The actor that a valid token speaks for; None when its tenant or client is unknown.

    Raises Forbidden for a person without a role here: known, but without access.
    """
    tenant = tenant_of(token.tenant)
    if tenant is None:
        return None
    enter_tenant(tenant)
    found = session.execute(
        select(Tenant.id, Application.id, Application.slug, Application.status, Person.id)
        .outerjoin(
            Application,
            and_(
                Application.tenant_id == Tenant.id, Application.oauth_client_id == token.client_id
            ),
        )
        .outerjoin(
            Person,
            and_(
                Person.tenant_id == Tenant.id,
                Person.issuer == token.issuer,
                Person.subject == token.subject,
            ),
        )
        .where(Tenant.id == tenant)
    ).first()
    if found is None:
        return None
    tenant_id, application_id, slug, status, person_id = found
    if status in STOPPED or (token.is_of_a_program and application_id is None):
        return None
    if token.is_of_a_program:
        own: dict[str, Any] = {"id": application_id, "name": slug}
        own["scopes"] = token.scopes & ALL_SCOPES
        kind: ActorKind = "application"
    else:
        own, kind = _person(tenant_id, person_id, token, role_map), "person"
    return Actor(
        tenant_id=tenant_id,
        kind=kind,
        app_id=slug,
        application_id=application_id,
        origin=origin,
        **own,
    )


def _person(
    tenant_id: str, person_id: str | None, token: AccessToken, role_map: Mapping[str, str]
) -> dict[str, Any]:
    """Known from the pages or met here first: the audit names a person by the same id."""
    role = role_of(token.roles, role_map)
    if role is None:
        raise Forbidden("You have no role in this tenant. Ask one of its admins for one.")
    person_id = person_id or people.write_down(tenant_id, token, role).id
    named = token.scopes & ALL_SCOPES  # a token may narrow what the role gives
    return {
        "id": person_id,
        "person_id": person_id,
        "name": token.name or token.email or token.subject,
        "scopes": ROLE_SCOPES[role] & named if named else ROLE_SCOPES[role],
    }
