"""The list of keys in the console: the list of REST, and the views for frequent questions.

An index of its own serves each view under row-level security (migration "key console"), so that it
costs the same among 400,000 keys as among 1,000.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
)

from portal.applications.models import Application
from portal.database.actor import Actor
from portal.database.session import session
from portal.identity.models import Person
from portal.keys import service
from portal.keys.models import ApiKey, ApiKeyRuntime, not_revoked
from portal.keys.tables import KeyDenial, KeyLeak
from portal.keys.usage import concerns, health, insight
from portal.keys.usage.insight import Propagation
from portal.records import health as record_health
from portal.records.health import Health
from portal.records.listing import View

IDLE = timedelta(days=90)
REFUSED_IN = timedelta(hours=24)
GRACE = timedelta(days=1)  # the time that people have to use a new key
MOST_LEAKS = 5
NEVER_USED = datetime(1, 1, 1, tzinfo=UTC)

IN_FORCE = and_(not_revoked(ApiKey), ApiKey.expires_key > func.now())


def _expiring() -> ColumnElement[bool]:
    return and_(IN_FORCE, *service.unfollowed_soon())


def _endless() -> ColumnElement[bool]:
    return and_(IN_FORCE, ApiKey.expires_at.is_(None))


def _idle() -> ColumnElement[bool]:
    """Return the condition that a key was used, but not for 90 days."""
    used = ApiKeyRuntime.used_on
    return and_(used > NEVER_USED, used < func.now() - IDLE, IN_FORCE)


def _never_used() -> ColumnElement[bool]:
    """Return the condition that a key is older than GRACE and was never used."""
    # By the id, which begins with the time of creation: the index skips the new keys.
    waited = ApiKeyRuntime.key_id < func.ulid_floor(ApiKey.id_prefix, func.now() - GRACE)
    return and_(ApiKeyRuntime.used_on == NEVER_USED, IN_FORCE, waited)


def _no_budget() -> ColumnElement[bool]:
    return and_(IN_FORCE, ApiKey.max_budget_usd.is_(None))


def _unrestricted() -> ColumnElement[bool]:
    """Return the condition that a key has no limit, no budget and no networks.

    Whoever has such a key may use all of its scopes, from everywhere.
    """
    limits = (ApiKey.rpm_limit, ApiKey.tpm_limit, ApiKey.max_uses, ApiKey.max_budget_usd)
    # As a literal and not as a parameter, so that the partial index matches.
    anywhere = ApiKey.allowed_ips == literal_column("'[]'::jsonb")
    return and_(IN_FORCE, *(limit.is_(None) for limit in limits), anywhere)


def _owner_gone() -> ColumnElement[bool]:
    return and_(IN_FORCE, concerns.has("owner_gone"))


def _many_sources() -> ColumnElement[bool]:
    return and_(IN_FORCE, concerns.has("many_sources"))


def _refused() -> ColumnElement[bool]:
    """Return the condition that a call with the key was refused in the last day.

    Only so many refusals are kept, so their keys are few.
    """
    lately = select(KeyDenial.key_id).where(
        KeyDenial.tenant_id == ApiKey.tenant_id, KeyDenial.denied_at > func.now() - REFUSED_IN
    )
    return ApiKey.id.in_(lately)


VIEWS = {
    "expiring": View("Expiring in 14 days", _expiring, "expires_at"),
    "never_expires": View("Never expire", _endless),
    "idle": View("Unused for 90 days", _idle, "last_used_at", beside=True),
    "never_used": View("Never used", _never_used, beside=True),
    "unrestricted": View("Unrestricted", _unrestricted),
    "no_budget": View("No budget", _no_budget),
    "owner_gone": View("Owner gone", _owner_gone),
    "many_sources": View("Too many sources", _many_sources),
    "refused": View("Refused in 24 hours", _refused),
}

CONSOLE = replace(service.LISTING, views=VIEWS)


def views() -> list[tuple[str, str]]:
    """Return the name and the label of each view."""
    return [(name, view.label) for name, view in VIEWS.items()]


@dataclass(frozen=True, slots=True)
class Leak:
    """A reported place that nobody has settled yet."""

    url: str | None
    reporter: str
    response: str
    reported_at: datetime


@dataclass(frozen=True, slots=True)
class KeyPageData:
    """The data beside a key that its page shows: names, open leaks, and verifiers."""

    application: str
    withheld: frozenset[str]  # scopes of the key that its application does not allow (any more)
    persons: Mapping[str, str]
    leaks: Sequence[Leak]
    health: Health
    heard: Propagation | None  # about the newest change, only for a key that was stopped


def surroundings(actor: Actor, record: ApiKey) -> KeyPageData:
    """Return the names of a key's application and persons, and its open leaks.

    For a key that was stopped, also return how many verifiers have received that.
    """
    rows = _rows_about(actor, record)
    name, allowed = next((row[2:4] for row in rows if row[0] == "application"), ("", "[]"))
    return KeyPageData(
        application=name,
        withheld=frozenset(record.scopes) - frozenset(orjson.loads(allowed) or record.scopes),
        persons={id_: name for kind, id_, name, *_ in rows if kind == "person"},
        leaks=[
            Leak(url, reporter, response, at)
            for kind, reporter, url, response, at in rows
            if kind == "leak"
        ],
        health=record_health.with_facts(
            record, next(orjson.loads(row[1]) for row in rows if row[0] == "health")
        ),
        heard=insight.of_stop(record),
    )


def _rows_about(actor: Actor, record: ApiKey) -> Sequence[Any]:
    """Return the rows of the key's application, persons, open leaks and facts, with one statement.

    Each begins with its kind, and has five columns.
    """
    none, never = cast(null(), Text), cast(null(), ApiKey.created_at.type)
    theirs = select(
        literal("application"),
        Application.id,
        Application.display_name,
        cast(Application.allowed_scopes, Text),
        never,
    ).where(Application.tenant_id == actor.tenant_id, Application.id == record.application_id)
    concerned = [id_ for id_ in (record.issued_to_user_id, record.created_by_user_id) if id_]
    people = select(literal("person"), Person.id, Person.name, none, never).where(
        Person.tenant_id == actor.tenant_id, Person.id.in_(concerned)
    )
    leaks = (
        select(
            literal("leak"), KeyLeak.reporter, KeyLeak.url, KeyLeak.response, KeyLeak.reported_at
        )
        .where(KeyLeak.tenant_id == actor.tenant_id, KeyLeak.key_id == record.id)
        .where(KeyLeak.settled_at.is_(None))
        .order_by(KeyLeak.reported_at.desc())
        .limit(MOST_LEAKS)
    )
    facts = select(
        literal("health"), cast(literal_column(health.FACTS), Text), none, none, never
    ).where(ApiKey.tenant_id == actor.tenant_id, ApiKey.id == record.id)
    return session.execute(union_all(theirs, people, leaks, facts)).all()
