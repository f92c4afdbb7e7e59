"""Do the rows of bulk jobs, in the worker.

One step does a few rows in one transaction: each in a savepoint, together with its result and the
job's counts. So a worker that is killed loses nothing and repeats nothing: what it had not
committed was not done. The locked row of the job keeps other workers away.

Locks: the job; the records of the step, without those that others have locked; what their verbs
lock. So a step never waits for a record while it has another one that somebody waits for.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import Any

import structlog
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import DBAPIError

from portal.bulk import service
from portal.bulk.acts import Act
from portal.bulk.kinds import KINDS
from portal.bulk.models import BulkJob, BulkRow
from portal.core.errors import Forbidden, NotFound, PortalError, RateLimited, Unavailable
from portal.core.jobs import in_time
from portal.database.actor import Actor
from portal.database.record import find
from portal.database.session import database_now, flush, is_lost, session
from portal.keys.tokens import askers

log = structlog.stdlib.get_logger(__name__)

KEEP = timedelta(days=30)
FORGOTTEN_AT_ONCE = 10
# A lock or a statement that took too long, and a deadlock.
BUSY = frozenset({"55P03", "57014", "40P01"})
IS_BUSY = "Something else was changing it. Try it again."
UNREADABLE = "This version of the portal cannot read the job any more. Make a new one."
FAILED = "Something failed on our side. Try it again, or tell your platform's operators."


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a row. `wait`: the seconds until the row is retried, if it is."""

    state: str
    reason: str = ""
    wait: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A job as it was read for one step: as whom to do what, with which values."""

    job: BulkJob
    actor: Actor
    act: Act
    command: Any


def do_some(tenant_id: str) -> bool:
    """Do some rows of the tenant's job that waits longest. Tell whether there may be more to do."""
    job = _next_job(tenant_id)
    if job is None:
        return False
    try:
        task = _read(job)
    except DBAPIError:
        raise
    except (Forbidden, NotFound) as error:
        _give_up(job, error.detail)
    except Exception as error:  # or it would be taken again for ever
        log.error("bulk job cannot be read", job=job.id, exc_info=error)
        _give_up(job, UNREADABLE)
    else:
        _do_rows(task)
    return True


def _read(job: BulkJob) -> Task:
    """Return the job with the rights that its asker has now. Raises Forbidden if they may do it no
    more, and anything for a job of another release that this one cannot read."""
    act = service.act_of(job)
    command = act.command.read(job.arguments)
    actor = askers.again(job.tenant_id, job.asker or {})
    actor.require(act.scope)
    return Task(job, actor, act, command)


def _do_rows(task: Task) -> None:
    job = task.job
    found = _next_rows(job, task.act.at_once)
    rows = _free(job, found)
    results: list[Result] = []
    wait = 0
    for row in in_time(rows):
        result = _do(task, row)
        if result.wait is not None:
            wait = result.wait
            break
        results.append(result)
    now = database_now()
    for row, result in zip(rows, results, strict=False):
        row.state, row.reason, row.done_at = result.state, result.reason, now
    for state, many in Counter(result.state for result in results).items():
        setattr(job, state, getattr(job, state) + many)
    job.next_at = now + timedelta(seconds=wait)
    if not job.waiting or len(results) == len(found) < task.act.at_once:
        _end(job)


def _give_up(job: BulkJob, reason: str) -> None:
    """End a job that cannot go on. The rows that are left have failed, each with the reason."""
    left = update(BulkRow).where(
        BulkRow.tenant_id == job.tenant_id, BulkRow.job_id == job.id, BulkRow.state == "waiting"
    )
    session.execute(
        left.values(state="failed", reason=reason, done_at=func.now()).execution_options(
            synchronize_session=False
        )
    )
    job.failed += job.waiting
    _end(job)


def _next_job(tenant_id: str) -> BulkJob | None:
    query = (
        select(BulkJob)
        .where(
            BulkJob.tenant_id == tenant_id,
            BulkJob.state == "running",
            BulkJob.next_at <= func.now(),
        )
        .order_by(BulkJob.next_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return session.scalar(query.execution_options(populate_existing=True))


def _next_rows(job: BulkJob, most: int) -> list[BulkRow]:
    query = select(BulkRow).where(
        BulkRow.tenant_id == job.tenant_id, BulkRow.job_id == job.id, BulkRow.state == "waiting"
    )
    return list(session.scalars(query.order_by(BulkRow.number).limit(most)))


def _free(job: BulkJob, rows: list[BulkRow]) -> list[BulkRow]:
    """Lock the records of these rows, and return the rows before the first one that is locked by
    somebody else. If that is the first of all, return it alone, with nothing locked."""
    if len(rows) < 2:
        return rows
    model = KINDS[job.resource].resource.model
    ids = [row.record_id for row in rows]
    free = select(model.id).where(model.tenant_id == job.tenant_id, model.id.in_(ids))
    locked = free.with_for_update(skip_locked=True, key_share=model.may_be_referred_to)
    with session.begin_nested() as locks:
        held = set(session.scalars(locked))
        if rows[0].record_id in held:
            return list(takewhile(lambda row: row.record_id in held, rows))
        locks.rollback()
    return rows[:1]


def _do(task: Task, row: BulkRow) -> Result:
    """Do one row in a savepoint. Only a lost connection is raised: what else fails must not keep
    the rows behind it, and the other jobs of the tenant, from their turn."""
    try:
        with session.begin_nested():
            return _done(task, row)
    except (RateLimited, Unavailable) as error:
        return Result("waiting", wait=error.retry_after)
    except PortalError as error:
        return Result("failed", _sentence(error))
    except Exception as error:
        if is_lost(error):
            raise
        if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in BUSY:
            return Result("failed", IS_BUSY)
        log.error("bulk row failed", job=task.job.id, record=row.record_id, exc_info=error)
        return Result("failed", FAILED)


def _done(task: Task, row: BulkRow) -> Result:
    """Do one row as the asker. Raises what the verb for a single record raises."""
    model = KINDS[task.job.resource].resource.model
    record = find(model, task.actor, row.record_id, lock=True)
    if record.version != row.version:
        return Result(
            "skipped",
            f"It was changed after the preview: it is at version {record.version} now, and was at"
            f" {row.version}.",
        )
    task.act.run(task.actor, record, task.command)
    flush()
    return Result("done")


def _sentence(error: PortalError) -> str:
    if not error.errors:
        return error.detail
    return " ".join(f"{one.field}: {one.message}" for one in error.errors)


def _end(job: BulkJob) -> None:
    job.state, job.ended_at, job.next_at = "done", database_now(), None
    flush()
    asker = job.asker or {}
    who = Actor(
        job.tenant_id, "system", "system", f"Bulk job of {asker.get('name', '')}"[:200],
        source_type="system",
    )  # fmt: skip
    service.note(who, job, "ended")


def forget_old(tenant_id: str) -> bool:
    """Delete jobs that ended long ago, and jobs of yesterday that nobody confirmed. Tell whether
    there may be more."""
    old = (
        BulkJob.tenant_id == tenant_id,
        BulkJob.created_at < func.now() - timedelta(days=1),
        or_(BulkJob.confirmed_at.is_(None), BulkJob.ended_at < func.now() - KEEP),
    )
    # Not one that somebody has locked, who may be confirming it.
    some = select(BulkJob.id).where(*old).limit(FORGOTTEN_AT_ONCE)
    free = some.with_for_update(skip_locked=True)
    gone = delete(BulkJob).where(BulkJob.tenant_id == tenant_id, BulkJob.id.in_(free))
    return len(session.scalars(gone.returning(BulkJob.id)).all()) == FORGOTTEN_AT_ONCE
