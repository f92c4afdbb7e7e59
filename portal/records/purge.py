"""Define jobs that delete for good: records deleted long ago, and secrets without a record.

A resource whose records can be deleted has both jobs (`portal.rest.resources.Resource.jobs`).
"""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from sqlalchemy import delete, func, select

from portal.core.deadlines import elapsed
from portal.core.jobs import Job, due_by, every_tenant
from portal.database.actor import Actor
from portal.database.record import Record
from portal.database.session import session
from portal.records.audit import trail as audit
from portal.records.search import SearchTerm
from portal.records.verbs import RESTORE_DAYS
from portal.secretstore import SecretRef, store
from portal.secretstore.sweeper import sweep

Releaser = Callable[[Actor, Sequence[str]], Sequence[str]]

BATCH = 100  # records of one tenant in one transaction
SECONDS = 2.0
"""The time for the secrets of one transaction, which is ended if it waits for long."""


_releasers: dict[type[Record], set[Releaser]] = {}


def release(model: type[Record], releaser: Releaser) -> None:
    """Call `releaser` too with the ids of records before they are purged, so that it changes the
    records that name them. It returns the ids that none names any more; the others wait for the
    next run."""
    _releasers.setdefault(model, set()).add(releaser)


def purging(model: type[Record], secrets: str | None = None) -> Job:
    """Return a job that deletes records for good once they cannot be restored any more.

    `secrets` is the kind under which their secrets are stored.
    """

    def run(tenant_id: str) -> int:
        return _purge(model, tenant_id, secrets)

    name = f"purge deleted records: {model.__tablename__}"
    due = due_by("due_purges", model.__tablename__, timedelta(days=RESTORE_DAYS))
    return Job(name, run, timedelta(minutes=10), due, repeats=True)


def sweeping(model: type[Record], secrets: str) -> Job:
    """Return a job that deletes secrets without a record, which a crash has left in a Vault."""

    def existing(ids: Collection[str]) -> set[str]:
        return set(session.scalars(select(model.id).where(model.id.in_(ids))))

    def run(tenant_id: str) -> int:
        return len(sweep(store(), tenant_id, secrets, existing))

    # A Vault lists one tenant at a time.
    return Job(f"sweep secrets: {secrets}", run, timedelta(hours=6), every_tenant)


def _purge(model: type[Record], tenant_id: str, secrets: str | None) -> int:
    ids = _due(model, tenant_id)
    worker = Actor(tenant_id, "system", "system", "Housekeeping", source_type="system")
    for releaser in _releasers.get(model, ()) if ids else ():
        ids = releaser(worker, ids)
    if secrets is not None:
        # Before the rows: if this fails half way, they are still there for the next attempt.
        ids = _without_secrets(tenant_id, secrets, ids)
    for id in ids:
        audit.note(worker, f"{model.noun}.purged", record_kind=model.noun, record_id=id)
    own = SearchTerm.tenant_id == tenant_id, SearchTerm.kind == model.noun
    session.execute(delete(SearchTerm).where(*own, SearchTerm.record_id.in_(ids)))
    session.execute(delete(model).where(model.tenant_id == tenant_id, model.id.in_(ids)))
    return len(ids)


def _due(model: type[Record], tenant_id: str) -> Sequence[str]:
    due = (
        select(model.id)
        .where(
            model.tenant_id == tenant_id,
            model.is_deleted,
            model.deleted_at < func.now() - timedelta(days=RESTORE_DAYS),
        )
        .order_by(model.deleted_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(due).all()


def _without_secrets(tenant_id: str, kind: str, owner_ids: Sequence[str]) -> Sequence[str]:
    """Delete the secrets of as many records as there is time for, and return those records."""
    ends = elapsed() + SECONDS
    for number, owner_id in enumerate(owner_ids):
        if number and elapsed() > ends:
            return owner_ids[:number]
        for slot in store().slots(tenant_id, kind, owner_id):
            store().purge(SecretRef(tenant_id, kind, owner_id, slot))
    return owner_ids
