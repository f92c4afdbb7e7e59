"""The actors of the demo: the people of Acme, its programs, and the demo itself."""

from sqlalchemy import select

from portal.applications.models import Application
from portal.database.actor import Actor
from portal.database.session import session
from portal.identity.models import Person
from portal.identity.openid.claims import ALL_SCOPES
from portal_devtools.identity_provider.people import ACME


def system(tenant_id: str = ACME) -> Actor:
    """Return the actor for what nobody in particular does."""
    return Actor(tenant_id, "system", "system", "Demo data", ALL_SCOPES, source_type="system")


def person(one: Person) -> Actor:
    """Return the actor for a person, with all permissions."""
    return Actor(
        one.tenant_id,
        "person",
        one.id,
        one.name,
        ALL_SCOPES,
        person_id=one.id,
        role=one.role,
        is_admin=one.role == "admin",
        source_type="frontend",
    )


def who(email: str) -> Actor:
    """Return the actor for a person of Acme; `system` if another provider knows the people."""
    query = select(Person).where(Person.tenant_id == ACME, Person.email == email)
    found = session.scalar(query.order_by(Person.created_at).limit(1))
    return system() if found is None else person(found)


def program(slug: str) -> Actor:
    """Return the actor for an application of Acme; `system` if it is gone."""
    query = select(Application).where(Application.tenant_id == ACME, Application.slug == slug)
    found = session.scalar(query)
    if found is None:
        return system()
    rights = frozenset({"events:publish"})
    return Actor(ACME, "application", found.id, found.display_name, rights, slug, found.id)
