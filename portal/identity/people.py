"""Admit people: turn the provider's claims about a person into a person of a tenant.

Nothing is granted by default, and every refusal names what is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal, Protocol

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    String,
    any_,
    func,
    literal,
    select,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from portal.core.errors import Forbidden, NotFound
from portal.core.key_shape import shown
from portal.database import writability
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.session import enter_tenant, session
from portal.identity.models import Person, Tenant
from portal.identity.openid.claims import Role, claim_at, groups_of, role_of, tenant_of
from portal.identity.openid.relying_party import Identity
from portal.records import listing, search
from portal.records.audit import log
from portal.records.listing import Listing, Page, Query, Total

Missing = Literal["tenant", "one tenant", "known tenant", "role"]
MOST_PEOPLE = 500
"""The most people that a form offers at once."""
FOUND = 5
NOTED_EVERY = timedelta(days=1)
"""The time after which a call with a token writes the person's `last_seen_at` again."""
_BY_NAME: Any = func.lower(Person.name)
# Typed for records. A person has the columns that a list needs, and is never deleted.
LISTING: Listing[Any] = Listing(
    Person,
    filters={"role": Person.role},
    choices={"role": ("viewer", "editor", "admin")},
    ranges={"last_seen_at": Person.last_seen_at},
    sorts={"name": _BY_NAME, "last_seen_at": Person.last_seen_at},
    default_sort="name",
)
NOT_HERE = listing.OF_RECORDS - {"q"}


class NoAccess(Exception):
    """A person who is signed in at the provider but has no access here.

    `missing` names the claim or role that would be needed.
    """

    def __init__(self, missing: Missing, tenant: Tenant | None = None) -> None:
        super().__init__(missing)
        self.missing = missing
        self.tenant = tenant


@dataclass(frozen=True, slots=True)
class Rules:
    """The names of the provider's claims: PORTAL_OIDC_TENANT_CLAIM and the settings after it."""

    tenant_claim: str
    roles_claim: str
    role_map: Mapping[str, str]
    groups_claim: str = "groups"


def admit(identity: Identity, rules: Rules) -> tuple[Tenant, Person]:
    """Return the tenant and the person, whose row is updated from the provider's claims.

    Enters the tenant. Raises NoAccess; a person without a role any more loses their sessions.
    """
    tenant = _tenant(claim_at(identity.claims, rules.tenant_claim))
    enter_tenant(tenant.id)
    role = role_of(claim_at(identity.claims, rules.roles_claim), rules.role_map)
    if role is None:
        raise NoAccess("role", tenant)
    groups = groups_of(claim_at(identity.claims, rules.groups_claim))
    return tenant, write_down(tenant.id, identity, role, groups)


def _tenant(claim: Any) -> Tenant:
    if isinstance(claim, list) and len(claim) > 1:
        raise NoAccess("one tenant")
    if not claim or not isinstance(claim, str | list):
        raise NoAccess("tenant")
    tenant_id = tenant_of(claim)
    tenant = session.get(Tenant, tenant_id) if tenant_id else None
    if tenant is None:
        raise NoAccess("known tenant")
    return tenant


class PersonClaims(Protocol):
    """The claims about a person that an ID token and an access token have in common."""

    @property
    def issuer(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def email(self) -> str | None: ...


def write_down(
    tenant_id: str, described: PersonClaims, role: Role, groups: frozenset[str]
) -> Person:
    """Insert or update the person from the claims; the tenant is entered already."""
    name = described.name or described.email or described.subject
    values = {"name": name, "email": described.email, "role": role, "groups": sorted(groups)}
    statement = (
        insert(Person)
        .values(
            tenant_id=tenant_id,
            id=new_id("per"),
            issuer=described.issuer,
            subject=described.subject,
            **values,
        )
        .on_conflict_do_update(
            constraint="uq_person_subject", set_={**values, "last_seen_at": func.now()}
        )
        .returning(Person)
    )
    person = session.scalars(statement, execution_options={"populate_existing": True}).one()
    terms = search.terms_of(person.id, (person.name, person.email))
    search.put(tenant_id, Person.noun, person.id, terms)
    return person


def was_seen_long_ago() -> ColumnElement[bool]:
    """Return the condition that it is time to note of a person that they are here."""
    return Person.last_seen_at < func.now() - NOTED_EVERY


def note_seen(tenant_id: str, person_id: str) -> None:
    """Note that a person is here, who calls with a token and does not sign in.

    Waits for nobody: another request of the same person may be noting it.
    """
    due = (
        select(Person.id)
        .where(Person.tenant_id == tenant_id, Person.id == person_id, was_seen_long_ago())
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(Person)
        .where(Person.tenant_id == tenant_id, Person.id == due.scalar_subquery())
        .values(last_seen_at=func.now())
        .execution_options(synchronize_session=False)
    )
    with writability.if_possible():
        session.execute(statement)


def page(actor: Actor, query: Query) -> Page[Any]:
    """Return one page of the tenant's people, for admins."""
    return listing.page(actor, LISTING, replace(query, include_deleted=True))


def counted(actor: Actor) -> Total:
    """Return the number of the tenant's people, up to MOST_COUNTED."""
    return listing.total(actor, LISTING, Query(include_deleted=True))


def first(actor: Actor, most: int) -> Sequence[Person]:
    """Return a few of the tenant's people, the first by name."""
    return page(actor, Query(sort=LISTING.default_sort, limit=most)).items


def choices(actor: Actor, also: Iterable[str | None] = ()) -> list[tuple[str, str]]:
    """Return (id, name) of the tenant's people, with one statement: of the first by name, and of
    those in `also`, such as the chosen one."""
    own = select(Person.id, Person.name, func.lower(Person.name).label("by")).where(
        Person.tenant_id == actor.tenant_id
    )
    first = own.order_by("by", Person.id).limit(MOST_PEOPLE)
    wanted = [person_id for person_id in also if person_id]
    shown = union(first, own.where(Person.id.in_(wanted))) if wanted else first
    found = session.execute(shown).all()
    return [(id, name) for id, name, _ in sorted(found, key=lambda row: (row[2], row[0]))]


def makers(actor: Actor, also: Iterable[str | None] = ()) -> list[tuple[str, str]]:
    """Return the same, and of the programs among `also` what they were called when they last did
    something: a key or a client can have made a record, too."""
    wanted = {maker_id for maker_id in also if maker_id}
    found = choices(actor, wanted)
    programs = wanted.difference(person_id for person_id, _ in found)
    return [*found, *log.names_of_actors(actor, programs).items()]


def named(actor: Actor, text: str) -> Sequence[Person]:
    """Return a few of the tenant's people whose name or email address has these words."""
    words = search.words_of(text, None)
    ids = search.Terms(Person, actor.tenant_id).few_with(words, FOUND) if words else []
    if not ids:
        return []
    query = select(Person).where(
        Person.tenant_id == actor.tenant_id, Person.id == any_(literal(ids, ARRAY(String)))
    )
    return session.scalars(query.order_by(func.lower(Person.name), Person.id)).all()


def is_called(person: Person, text: str) -> bool:
    """Tell whether the name of a person, and not the email address alone, has these words."""
    own = search.words(person.name)
    return all(any(one.startswith(word) for one in own) for word in search.words(text))


def names(actor: Actor, ids: Iterable[str | None]) -> dict[str, str]:
    """Return id → name of people of the tenant, in one statement, for pages that refer to them."""
    wanted = {person_id for person_id in ids if person_id}
    if not wanted:
        return {}
    known = (Person.tenant_id == actor.tenant_id, Person.id.in_(wanted))
    rows = session.execute(select(Person.id, Person.name).where(*known))
    return {row.id: row.name for row in rows}


def find(actor: Actor, person_id: str) -> Person:
    """Return one of the tenant's people. Raises NotFound."""
    person = session.get(Person, (actor.tenant_id, person_id))
    if person is None:
        raise NotFound(f"There is no person {shown(person_id)} in this tenant.")
    return person


def require_admin(actor: Actor, role: str) -> None:
    """Raise Forbidden unless the role is admin: only admins manage other people's sessions."""
    if role != "admin":
        raise Forbidden("Only an admin of your tenant can see and end other people's sessions.")
