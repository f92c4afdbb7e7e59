"""Find and lock the keys that follow when a key is edited: parent, children and family.

Two edits in one family could wait for each other for ever. So none waits: it is refused while
another one holds a relative.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, func, select, update

from portal.core.errors import Conflict
from portal.database.actor import Actor
from portal.database.session import session
from portal.keys.models import ApiKey, not_revoked
from portal.keys.verification.verifier import changed
from portal.records.audit import trail as audit

LIVE = (not_revoked(ApiKey), ApiKey.expires_key > func.now(), ApiKey.is_deleted.is_(False))


def parent(record: ApiKey) -> ApiKey:
    """Return the parent of a child key, locked. Raises Conflict while it is being changed."""
    return _locked(_same_tenant(record).where(ApiKey.id == record.parent_key_id))[0]


def children(record: ApiKey) -> Sequence[ApiKey]:
    """Return the live children of a key, locked. Raises Conflict while one is being changed."""
    return _locked(_same_tenant(record).where(ApiKey.parent_key_id == record.id, *LIVE))


def count_children(record: ApiKey, most: int) -> int:
    """Return how many live children a key has, and no more than `most`."""
    some = select(ApiKey.id).where(
        ApiKey.tenant_id == record.tenant_id, ApiKey.parent_key_id == record.id, *LIVE
    )
    return session.scalar(select(func.count()).select_from(some.limit(most).subquery())) or 0


def of_family(record: ApiKey) -> Sequence[ApiKey]:
    """Return the other live keys that share its budget, locked. Raises Conflict while one is being
    changed."""
    others = _same_tenant(record).where(_shares_budget(record), ApiKey.id != record.id, *LIVE)
    return _locked(others)


def give_ended_keys(actor: Actor, record: ApiKey, period: str) -> None:
    """Give the period to the family's keys that have ended: a late cost of a call counts by it."""
    ended = session.execute(
        update(ApiKey)
        .where(ApiKey.tenant_id == record.tenant_id, _shares_budget(record))
        .where(ApiKey.id != record.id, ApiKey.budget_period != period)
        .values(
            budget_period=period,
            version=ApiKey.version + 1,
            updated_by=actor.person_id or actor.id,
        )
        .returning(ApiKey.id, ApiKey.name)
        .execution_options(synchronize_session=False)
    ).all()
    changed(key_id for key_id, _ in ended)
    changes = {"budget_period": (record.budget_period, period)}
    entries = ((key_id, name, changes) for key_id, name in ended)
    audit.note_all(actor, "key.updated", ApiKey.noun, entries)


def _same_tenant(record: ApiKey) -> Select[ApiKey]:
    return select(ApiKey).where(ApiKey.tenant_id == record.tenant_id)


def _shares_budget(record: ApiKey) -> ColumnElement[bool]:
    family = record.rotation_family_id or record.id
    return (ApiKey.rotation_family_id == family) | (ApiKey.id == family)


def _locked(wanted: Select[ApiKey]) -> Sequence[ApiKey]:
    ids = session.scalars(wanted.with_only_columns(ApiKey.id)).all()
    found = session.scalars(
        wanted.order_by(ApiKey.id)
        # No stronger lock: rows that refer to the key may be written meanwhile.
        .with_for_update(of=ApiKey, key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    if len(found) < len(ids):
        raise Conflict("A key that depends on this one is being changed now. Try again.")
    return found
