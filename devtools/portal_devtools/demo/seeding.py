"""Make the demo tenants, whose records are created by the usual services.

The keys' secrets are discarded and the connectors' credentials are random, so nothing here grants
access to anything but the service of the demo receiver.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.applications import service as applications
from portal.applications.models import Application
from portal.applications.schemas import ApplicationInput
from portal.connectors import service as connectors
from portal.connectors.schemas import ConnectorInput
from portal.core.config import Config
from portal.database.session import session, transaction
from portal.events import service as events
from portal.events.schemas import EventInput
from portal.identity import people
from portal.identity.models import Person, Tenant
from portal.identity.openid.relying_party import Identity
from portal.keys import service as keys
from portal.keys.schemas import IssueKey
from portal.ops import tenants
from portal.webhooks import service as webhooks
from portal.webhooks.schemas import WebhookInput
from portal_devtools.demo import past, situations
from portal_devtools.demo.cast import person, system
from portal_devtools.demo.tenants import LEFT, Demo, demos
from portal_devtools.identity_provider import PEOPLE
from portal_devtools.identity_provider.people import ACME, ProviderPerson


def seed(app: Flask) -> None:
    """Create the missing demo tenants with all of their records.

    A call that was killed is continued by the next one; a further call changes nothing.
    """
    config: Config = app.extensions["portal"]
    with app.app_context():
        for demo in demos(config.receiver_port):
            _make(config, demo)
            session.remove()
            past.move_records(config, demo.id, LEFT.subject)
        with transaction(ACME):
            situations.at_once()
        session.remove()


def _make(config: Config, demo: Demo) -> None:
    """Create a tenant, and its records in one transaction, unless they are there."""
    if session.scalar(select(Tenant.id).where(Tenant.id == demo.id)) is None:
        session.rollback()
        tenants.add(config, demo.id, demo.name, demo.slug, demo.key_code)
    with transaction(demo.id):
        known = select(Application.id).where(Application.tenant_id == demo.id).limit(1)
        if session.scalar(known) is None:
            _fill(demo, _cast(config, demo.id))


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
        for one in (*PEOPLE, LEFT)
        if one.tenant_id == tenant_id
    }


def _identity(config: Config, person: ProviderPerson) -> Identity:
    return Identity(config.oidc_issuer, person.subject, None, None, None, person.claims(), "")


def _fill(demo: Demo, cast: Mapping[str, Person]) -> None:
    actor = system(demo.id)
    admin = replace(actor, is_admin=True)  # only an admin sets an application's client id
    ids = {}
    for body in demo.applications:
        made = applications.create(admin, ApplicationInput.read(body))
        ids[made.slug] = made.id
    for whose, body in _owned(demo.connectors, ids, cast):
        of_person = {"user_id": whose.id, "owner_id": whose.id} if whose else {}
        connectors.create(actor, ConnectorInput.read(body | of_person))
    for whose, body in _owned(demo.keys, ids, cast):
        keys.issue(person(whose) if whose else actor, IssueKey.read(body))
    for _, body in _owned(demo.webhooks, ids, cast):
        webhooks.create(actor, WebhookInput.read(body))
    events.publish(actor, [EventInput.read(body) for body in demo.events])


def _owned(
    bodies: Sequence[Mapping[str, Any]], ids: Mapping[str, str], cast: Mapping[str, Person]
) -> Iterator[tuple[Person | None, dict[str, Any]]]:
    """Yield the person and the body of each record, without those of people who are not there."""
    for body in bodies:
        values = dict(body)
        slug, email = values.pop("app", None), values.pop("of", None)
        if email is None or email in cast:
            owner = {"application_id": ids[slug]} if slug else {}
            yield cast.get(email), values | owner
