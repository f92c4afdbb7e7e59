"""Find the person or application that a verified access token identifies.

A program's token acts as the application whose `oauth_client_id` is the token's `client_id`, so
what the program writes carries the application's slug as `app_id`. A person's token acts as the
person, no matter which application they signed in with.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from sqlalchemy import and_, select

from portal.applications.models import Application
from portal.core.errors import Forbidden
from portal.database.actor import FOR_KEYS, Actor, Origin
from portal.database.session import enter_tenant, session
from portal.identity import people
from portal.identity.models import Person, Tenant
from portal.identity.openid.access_tokens import AccessToken, TokenVerifier
from portal.identity.openid.claims import ALL_SCOPES, ROLE_SCOPES, groups_of, role_of, tenant_of
from portal.rest.api import Authenticator

log = structlog.get_logger()


def authenticator(verifier: TokenVerifier, role_map: Mapping[str, str]) -> Authenticator:
    """Return the authenticator for access tokens (JWT) of the configured identity provider."""

    def recognise(token: str, origin: Origin) -> Actor | None:
        if token.count(".") != 2:
            return None
        return caller(verifier.verify(token), role_map, origin)

    return recognise


def caller(token: AccessToken, role_map: Mapping[str, str], origin: Origin) -> Actor | None:
    """Return the actor that a valid token identifies.

    Returns None, and logs the reason, if the tenant or application is unknown, and if the
    application is stopped or a library, which has no identity at run time. Raises Forbidden for a
    person who has no role here.
    """
    tenant = tenant_of(token.tenant)
    if tenant is None:
        _log_refusal(token, "it names no tenant")
        return None
    enter_tenant(tenant)
    answer = _program if token.is_of_a_program else _person
    return answer(tenant, token, role_map, origin)


def _log_refusal(token: AccessToken, reason: str) -> None:
    """Log the reason for operators; the caller only learns that the token is not valid."""
    log.info("bearer token refused", reason=reason, client_id=token.client_id)


def _program(
    tenant: str, token: AccessToken, role_map: Mapping[str, str], origin: Origin
) -> Actor | None:
    application = session.scalar(
        select(Application).where(
            Application.tenant_id == tenant, Application.oauth_client_id == token.client_id
        )
    )
    if application is None:
        _log_refusal(token, f"no application of {tenant} has this oauth_client_id")
        return None
    if application.unfit_to_act:
        _log_refusal(token, f"its application {application.slug} is {application.unfit_to_act}")
        return None
    return Actor(
        tenant_id=tenant,
        kind="application",
        id=application.id,
        name=application.slug,
        scopes=(token.scopes & ALL_SCOPES) - FOR_KEYS,
        app_id=application.slug,
        application_id=application.id,
        expires_at=_end_of(token),
        origin=origin,
    )


def _person(
    tenant: str, token: AccessToken, role_map: Mapping[str, str], origin: Origin
) -> Actor | None:
    """Return the person, stored at the first request so that audit entries have one id."""
    found = session.execute(
        select(Tenant.id, Person.id, people.was_seen_long_ago(), Person.sessions_ended_at)
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
        _log_refusal(token, f"there is no tenant {tenant}")
        return None
    ended_at = found[3]
    if ended_at is not None and token.issued_at < ended_at.timestamp():
        _log_refusal(token, "the person's sessions were ended after it was issued")
        return None
    role = role_of(token.roles, role_map)
    if role is None:
        raise Forbidden("You have no role in this tenant. Ask one of its admins for one.")
    groups = groups_of(token.groups)
    person_id = found[1] or people.write_down(tenant, token, role, groups).id
    if found[2]:
        people.note_seen(tenant, person_id)
    # A token may narrow what the role gives. Then it acts by its scopes alone, without the role.
    named = token.scopes & ALL_SCOPES
    return Actor(
        tenant_id=tenant,
        kind="person",
        id=person_id,
        person_id=person_id,
        name=token.name or token.email or token.subject,
        scopes=ROLE_SCOPES[role] & named if named else ROLE_SCOPES[role],
        groups=groups,
        role="" if named else role,
        is_admin=role == "admin" and not named,
        expires_at=_end_of(token),
        origin=origin,
    )


def _end_of(token: AccessToken) -> datetime:
    return datetime.fromtimestamp(token.expires_at, UTC)
