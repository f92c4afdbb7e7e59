"""Make, confirm, watch and cancel bulk jobs. The worker does them (`work`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, not_, select, update

from portal.bulk import job_texts, selection
from portal.bulk.acts import Act, Kind
from portal.bulk.kinds import KINDS, act_named
from portal.bulk.models import UNDONE, BulkJob, BulkRow
from portal.bulk.schemas import BulkJobInput
from portal.core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from portal.core.key_shape import shown
from portal.database.actor import Actor
from portal.database.audience import KNOWN, RestrictedRecord, closed_to
from portal.database.base import new_id
from portal.database.session import database_now, flush, session
from portal.keys.tokens import askers
from portal.records.audit import trail as audit
from portal.records.listing import NOT_OURS, packed, refused, unpacked

KIND_OF_ENTRY = "bulk_job"
FOR_OTHERS = "Only those whom this record is for read the reason."


def create(actor: Actor, command: BulkJobInput) -> BulkJob:
    """Make the preview of a job: find its records, and say of each whether it can be done.

    Nothing is changed until the job is confirmed. An earlier preview of the same kind by the same
    actor is cancelled. Raises Invalid for a wrong filter or value, and for too many records;
    Conflict while such a job of the actor runs.
    """
    kind = KINDS[command.resource]
    if (command.ids is None) == (command.filter is None):
        raise Invalid.field("ids", "Say which records: give ids or a filter, and not both.")
    return _make(actor, kind, command.verb, command.arguments, command.ids, command.filter or {})


def again(actor: Actor, job_id: str) -> BulkJob:
    """Make the preview of a new job for the records that an ended job did not do.

    Raises Conflict for a job that has not ended, or that did all of its records.
    """
    job = find(actor, job_id)
    if closed(actor, [job]):
        raise Forbidden("Somebody else asked for this job, on records that are not for you.")
    if job.is_open:
        raise Conflict("This job has not ended yet.")
    ids = session.scalars(_rows(job).with_only_columns(BulkRow.record_id).where(_is_undone())).all()
    if not ids:
        raise Conflict("This job did all of its records.")
    return _make(actor, KINDS[job.resource], job.verb, job.arguments, ids, {})


def _make(
    actor: Actor,
    kind: Kind,
    verb: str,
    arguments: Mapping[str, Any],
    ids: Sequence[str] | None,
    given: Mapping[str, str],
) -> BulkJob:
    act = kind.act(verb)
    actor.require(act.scope)
    actor.require(f"{kind.resource.scope}:read")
    command = read_arguments(act, arguments)
    query = selection.query_of(kind, given)
    _end_earlier(actor, kind, verb)
    rows = selection.judged(actor, kind, act, command, ids, query)
    job = BulkJob(
        tenant_id=actor.tenant_id,
        id=new_id(BulkJob.id_prefix),
        resource=kind.resource.name,
        verb=verb,
        filter=dict(given),
        arguments=dict(arguments),
        asked_by=_id_of(actor),
        asked_by_name=actor.name[:200],
        total=len(rows),
        skipped=sum(row["state"] == "skipped" for row in rows),
    )
    session.add(job)
    flush()
    selection.store(job, rows)
    session.refresh(job)
    return job


def read_arguments(act: Act, arguments: Mapping[str, Any]) -> Any:
    """Return the validated arguments of a job. Raises Invalid that names the wrong one."""
    try:
        command = act.command.read(arguments)
    except Invalid as error:
        raise Invalid(
            [FieldError(f"arguments.{one.field}", one.message) for one in error.errors]
        ) from None
    if act.is_edit and not command.model_fields_set:
        raise Invalid.field("arguments", "Give a value to change.")
    return command


def _end_earlier(actor: Actor, kind: Kind, verb: str) -> None:
    """Cancel the actor's preview of this kind, and delete the previews that were cancelled before:
    each has up to 10,000 rows. Raises Conflict if such a job runs."""
    mine = BulkJob.seen_by(actor).where(
        BulkJob.asked_by == _id_of(actor),
        BulkJob.resource == kind.resource.name,
        BulkJob.verb == verb,
    )
    # The running one is not locked: the worker holds its row during each step.
    running = session.scalar(mine.where(BulkJob.state == "running").with_only_columns(BulkJob.id))
    if running is not None:
        raise Conflict(
            f"Your job {running} of this kind is running. Wait until it ends, or cancel it."
        )
    cancelled = mine.where(BulkJob.state == "cancelled", BulkJob.confirmed_at.is_(None))
    session.execute(
        delete(BulkJob)
        .where(BulkJob.tenant_id == actor.tenant_id)
        .where(BulkJob.id.in_(cancelled.with_only_columns(BulkJob.id)))
        .execution_options(synchronize_session=False)
    )
    for job in session.scalars(mine.where(BulkJob.state == "preview").with_for_update()).all():
        _stop(job)


# ---------------------------------------------------------------- find


def find(actor: Actor, job_id: str, *, lock: bool = False) -> BulkJob:
    """Return a job of the actor's own, or any of the tenant's for an admin. Raises NotFound, and
    Forbidden for a job of somebody else, or on records that the actor may not read."""
    query = BulkJob.seen_by(actor).where(BulkJob.id == job_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    job = session.scalar(query)
    if job is None:
        raise NotFound(f"There is no bulk job {shown(job_id)} in this tenant.")
    if not actor.is_admin and job.asked_by != _id_of(actor):
        raise Forbidden("Somebody else asked for this job. They and admins of your tenant see it.")
    if kind := KINDS.get(job.resource):
        actor.require(f"{kind.resource.scope}:read")
    return job


def page(actor: Actor, limit: int, cursor: str | None) -> tuple[Sequence[BulkJob], str | None]:
    """Return one page of the jobs that the actor sees, the newest first, and the next cursor."""
    query = _seen(actor).order_by(BulkJob.id.desc()).limit(limit + 1)
    if cursor:
        query = query.where(BulkJob.id < _job_at(cursor))
    found = session.scalars(query).all()
    more = len(found) > limit
    return found[:limit], packed([found[limit - 1].id]) if more else None


def closed(actor: Actor, jobs: Sequence[BulkJob]) -> frozenset[str]:
    """Return the ids of the jobs of others on a record that is closed to the actor, who then does
    not read what was asked for."""
    others = [job.id for job in jobs if job.asked_by != _id_of(actor)]
    if not others:
        return frozenset()
    found = select(BulkRow.job_id).where(
        BulkRow.tenant_id == actor.tenant_id,
        BulkRow.job_id.in_(others),
        closed_to(actor, BulkRow.record_id),
    )
    return frozenset(session.scalars(found.distinct()))


def rows(
    actor: Actor, job: BulkJob, state: str | None, limit: int, cursor: str | None
) -> tuple[Sequence[BulkRow], str | None]:
    """Return one page of a job's rows in this state, or in any, and the next cursor.

    Rows of records that are closed to the actor are left out; an admin gets them without settings.
    """
    query = _rows(job).order_by(BulkRow.number).limit(limit + 1)
    if state:
        query = query.where(BulkRow.state == state)
    if cursor:
        query = query.where(BulkRow.number > _row_at(cursor))
    is_closed = closed_to(actor, BulkRow.record_id)
    if not actor.is_admin:
        query = query.where(not_(is_closed))
    both = query.with_only_columns(BulkRow, is_closed)
    found = [_without_settings(row) if hidden else row for row, hidden in session.execute(both)]
    more = len(found) > limit
    return found[:limit], packed([found[limit - 1].number]) if more else None


def _without_settings(row: BulkRow) -> BulkRow:
    """Return the row of a record that is for others, as an admin reads it."""
    values = {column.name: getattr(row, column.name) for column in BulkRow.__table__.columns}
    values["changes"] = {name: pair for name, pair in row.changes.items() if name in KNOWN}
    values["reason"] = FOR_OTHERS if row.reason else ""
    return BulkRow(**values)


def _seen(actor: Actor) -> Select[BulkJob]:
    query = BulkJob.seen_by(actor)
    return query if actor.is_admin else query.where(BulkJob.asked_by == _id_of(actor))


def _rows(job: BulkJob) -> Select[BulkRow]:
    return select(BulkRow).where(BulkRow.tenant_id == job.tenant_id, BulkRow.job_id == job.id)


def _is_undone() -> ColumnElement[bool]:
    return BulkRow.state.in_(UNDONE)


def _id_of(actor: Actor) -> str:
    return actor.person_id or actor.id


def _place(cursor: str) -> Any:
    try:
        (place,) = unpacked(cursor)
    except (ValueError, TypeError):
        raise refused("cursor", NOT_OURS) from None
    return place


def _job_at(cursor: str) -> str:
    place = _place(cursor)
    if not isinstance(place, str) or not place.isprintable():
        raise refused("cursor", NOT_OURS)
    return place


def _row_at(cursor: str) -> int:
    place = _place(cursor)
    if type(place) is not int or not 0 <= place <= selection.MOST:
        raise refused("cursor", NOT_OURS)
    return place


# ---------------------------------------------------------------- confirm and cancel


def confirm(actor: Actor, job_id: str) -> BulkJob:
    """Start the job, which the worker does with the rights that the actor has at each row's turn.

    Raises Conflict for a job that was confirmed or cancelled already or that has nothing to do, and
    while such a job of the actor runs; Forbidden for a job of somebody else.
    """
    job = find(actor, job_id, lock=True)
    if job.asked_by != _id_of(actor):
        raise Forbidden("Only who asked for this job can confirm it.")
    act = act_of(job)
    actor.require(act.scope)
    if job.state != "preview":
        raise Conflict("This job was confirmed or cancelled already.")
    if not job.waiting:
        raise Conflict("None of these records can be done, so there is nothing to confirm.")
    asker, now = askers.kept(actor), database_now()
    job.state, job.asker = "running", asker
    job.confirmed_at = job.next_at = now
    flush()
    note(actor, job, "started")
    return job


def cancel(actor: Actor, job_id: str) -> BulkJob:
    """Cancel a job. What was done stays done. A second call changes nothing.

    Raises Forbidden for an actor who could not have asked for it.
    """
    job = find(actor, job_id, lock=True)
    if act := act_named(job.resource, job.verb):
        actor.require(act.scope)
    if not job.is_open:
        return job
    was_running = job.state == "running"
    job.cancelled_by_name = actor.name[:200]
    _stop(job)
    if was_running:
        note(actor, job, "cancelled")
    return job


def _stop(job: BulkJob) -> None:
    """End a job and the rows that are left."""
    job.state, job.ended_at, job.next_at = "cancelled", database_now(), None
    session.execute(
        update(BulkRow)
        .where(BulkRow.tenant_id == job.tenant_id, BulkRow.job_id == job.id)
        .where(BulkRow.state == "waiting")
        .values(state="cancelled", done_at=func.now())
        .execution_options(synchronize_session=False)
    )
    flush()


def note(actor: Actor, job: BulkJob, action: str) -> None:
    """Write the audit entry of a job. Each record has its own, as always.

    Everybody reads it, so it does not say what was asked for records that are not for all.
    """
    counts = {name: (None, getattr(job, name)) for name in ("total", "done", "failed", "skipped")}
    more = {"filter": (None, job.filter), "arguments": (None, job.arguments)}
    audit.note(
        actor,
        f"{KIND_OF_ENTRY}.{action}",
        record_kind=KIND_OF_ENTRY,
        record_id=job.id,
        record_name=job_texts.title(job),
        changes=counts | (more if action == "started" and _is_for_all(job) else {}),
    )


def _is_for_all(job: BulkJob) -> bool:
    """Tell whether all records of a job are for the whole tenant."""
    restricted = select(RestrictedRecord.record_id).where(
        RestrictedRecord.tenant_id == job.tenant_id,
        RestrictedRecord.record_id.in_(_rows(job).with_only_columns(BulkRow.record_id)),
    )
    return session.scalar(restricted.limit(1)) is None


def act_of(job: BulkJob) -> Act:
    """Return what a job does. Raises NotFound for what only another release can do."""
    act = act_named(job.resource, job.verb)
    if act is None:
        raise NotFound("This version of the portal does not know what this job does.")
    return act
