"""Weaknesses of keys that the worker looks for, because the search reads a whole tenant."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, delete, distinct, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert

from portal.database.session import session
from portal.identity.models import Person
from portal.keys.models import ApiKey, not_revoked
from portal.keys.tables import KeyConcern, KeyUse

AWAY = timedelta(days=90)
SOURCES = 10  # addresses in a week that are still normal
WEEK = timedelta(days=7)


def _owner_gone(tenant_id: str) -> Select[str]:
    """Return the keys whose creator or user was not seen for 90 days."""
    away = select(Person.id).where(
        Person.tenant_id == tenant_id, Person.last_seen_at < func.now() - AWAY
    )
    return select(ApiKey.id).where(
        ApiKey.tenant_id == tenant_id,
        not_revoked(ApiKey),
        or_(ApiKey.created_by_user_id.in_(away), ApiKey.issued_to_user_id.in_(away)),
    )


def _many_sources(tenant_id: str) -> Select[str]:
    """Return the keys that were called from more than SOURCES addresses in a week."""
    return (
        select(KeyUse.key_id)
        .where(KeyUse.tenant_id == tenant_id, KeyUse.aspect == "source")
        .where(KeyUse.hour > func.now() - WEEK)
        .group_by(KeyUse.key_id)
        .having(func.count(distinct(KeyUse.what)) > SOURCES)
    )


CONCERNS: Mapping[str, Callable[[str], Select[str]]] = {
    "owner_gone": _owner_gone,
    "many_sources": _many_sources,
}


def find(tenant_id: str) -> None:
    """Store which keys have each weakness now, and delete the others. A job of the worker."""
    for concern, keys_of in CONCERNS.items():
        found = keys_of(tenant_id).subquery()
        key_id = found.c[0]
        own = KeyConcern.tenant_id == tenant_id, KeyConcern.concern == concern
        session.execute(delete(KeyConcern).where(*own, KeyConcern.key_id.not_in(select(key_id))))
        rows = select(literal(tenant_id), literal(concern), key_id)
        columns = ["tenant_id", "concern", "key_id"]
        session.execute(insert(KeyConcern).from_select(columns, rows).on_conflict_do_nothing())


def has(concern: str) -> ColumnElement[bool]:
    """Return the condition that a key was found to have this weakness."""
    return exists().where(
        KeyConcern.tenant_id == ApiKey.tenant_id,
        KeyConcern.concern == concern,
        KeyConcern.key_id == ApiKey.id,
    )
