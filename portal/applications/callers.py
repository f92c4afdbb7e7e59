"""Who a verified access token speaks for: a person, an application, or one through the other.

A token whose `client_id` is an application's `oauth_client_id` acts as that application, so what
it writes carries the application's slug as `app_id` (specification, `oauth_client_id`).
"""

from collections.abc import Mapping

from sqlalchemy import and_, select

from portal.api import Authenticator
from portal.applications.models import STOPPED, Application
from portal.db import Actor, Origin, enter_tenant, session
from portal.errors import Forbidden
from portal.identity.claims import ALL_SCOPES, ROLE_SCOPES, role_of
from portal.identity.models import Tenant
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
    if not isinstance(token.tenant, str) or not 0 < len(token.tenant) <= 40:
        return None
    enter_tenant(token.tenant)
    found = session.execute(
        select(Tenant.id, Application.id, Application.slug, Application.status)
        .outerjoin(
            Application,
            and_(
                Application.tenant_id == Tenant.id, Application.oauth_client_id == token.client_id
            ),
        )
        .where(Tenant.id == token.tenant)
    ).first()
    if found is None:
        return None
    tenant_id, application_id, slug, status = found
    if status in STOPPED or (token.is_of_a_program and application_id is None):
        return None
    program = token.is_of_a_program
    return Actor(
        tenant_id=tenant_id,
        kind="application" if program else "person",
        id=application_id if program else token.subject,
        name=slug if program else token.name or token.email or token.subject,
        scopes=_rights(token, role_map),
        app_id=slug,
        application_id=application_id,
        person_id=None if program else token.subject,
        origin=origin,
    )


def _rights(token: AccessToken, role_map: Mapping[str, str]) -> frozenset[str]:
    """A program has what its token says; a person what the role gives, narrowed by the token."""
    named = token.scopes & ALL_SCOPES
    if token.is_of_a_program:
        return named
    role = role_of(token.roles, role_map)
    if role is None:
        raise Forbidden("You have no role in this tenant. Ask one of its admins for one.")
    return ROLE_SCOPES[role] & named if named else ROLE_SCOPES[role]
