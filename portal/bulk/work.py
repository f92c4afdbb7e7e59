"""Do the rows of bulk jobs, in the worker.

One step does a few rows in one transaction: each in a savepoint, together with its result and the
job's counts. So a worker that is killed loses nothing and repeats nothing: what it had not
committed was not done. The locked row of the job keeps other workers away.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import DBAPIError

from portal.bulk import askers, service
from portal.bulk.acts import Act
from portal.bulk.kinds import KINDS
from portal.bulk.models import BulkJob, BulkRow
from portal.core.errors import PortalError, RateLimited
from portal.database.actor import Actor
from portal.database.record import find
from portal.database.session import database_now, flush, session

log = structlog.stdlib.get_logger(__name__)

LONGEST_STEP = 0.5  # seconds; a cancellation waits so long
KEEP = timedelta(days=30)
FORGOTTEN_AT_ONCE = 10
# A lock or a statement that took too long, and a deadlock.
BUSY = frozenset({"55P03", "57014", "40P01"})
IS_BUSY = "Something else was changing it. Try it again."
FAILED = "Something failed on our side. Try it again, or tell your platform's operators."


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a row. `wait` is set if its turn comes again in so many seconds."""

    state: str
    reason: str = ""
    wait: int | None = None


def do_some(tenant_id: str) -> bool:
    """Do some rows of the tenant's job that waits longest. Tell whether there may be more to do."""
    job = _next_job(tenant_id)
    if job is None:
        return False
    act = service.act_of(job)
    command = act.command.read(job.arguments)
    begun = time.monotonic()
    rows = _next_rows(job, act.at_once)
    left = len(rows) == act.at_once
    for row in rows:
        result = _do(job, row, act, command)
        if result.wait is not None:
            job.next_at = database_now() + timedelta(seconds=result.wait)
            return True
        _write_down(job, row, result)
        if time.monotonic() - begun > LONGEST_STEP:
            left = True
            break
    job.next_at = database_now()
    if not left or not job.waiting:
        _end(job)
    return True


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


def _do(job: BulkJob, row: BulkRow, act: Act, command: Any) -> Result:
    try:
        with session.begin_nested():
            return _done(askers.again(job.tenant_id, job.asker or {}), job, row, act, command)
    except RateLimited as error:
        return Result("waiting", wait=error.retry_after)
    except PortalError as error:
        return Result("failed", _sentence(error))
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "sqlstate", None) not in BUSY:
            raise
        return Result("failed", IS_BUSY)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        log.error("bulk row failed", job=job.id, record=row.record_id, exc_info=error)
        return Result("failed", FAILED)


def _done(actor: Actor, job: BulkJob, row: BulkRow, act: Act, command: Any) -> Result:
    """Do one row as the asker. Raises what the verb for a single record raises."""
    actor.require(act.scope)
    record = find(KINDS[job.resource].resource.model, actor, row.record_id, lock=True)
    if record.version != row.version:
        return Result(
            "skipped",
            f"It was changed after the preview: it is at version {record.version} now, and was at"
            f" {row.version}.",
        )
    act.run(actor, row.record_id, command)
    flush()
    return Result("done")


def _sentence(error: PortalError) -> str:
    if not error.errors:
        return error.detail
    return " ".join(f"{one.field}: {one.message}" for one in error.errors)


def _write_down(job: BulkJob, row: BulkRow, result: Result) -> None:
    row.state, row.reason, row.done_at = result.state, result.reason, database_now()
    setattr(job, result.state, getattr(job, result.state) + 1)


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
    """Delete jobs that ended long ago, and previews that nobody confirmed. Tell whether there may
    be more."""
    old = (
        select(BulkJob.id)
        .where(BulkJob.tenant_id == tenant_id)
        .where(BulkJob.created_at < func.now() - timedelta(days=1))
        .where(or_(BulkJob.state == "preview", BulkJob.ended_at < func.now() - KEEP))
        .limit(FORGOTTEN_AT_ONCE)
    )
    gone = delete(BulkJob).where(BulkJob.tenant_id == tenant_id, BulkJob.id.in_(old))
    return len(session.scalars(gone.returning(BulkJob.id)).all()) == FORGOTTEN_AT_ONCE
