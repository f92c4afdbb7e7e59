"""Share the periodic jobs between workers, with one row for each job.

A row holds when its job is due next, by the database's clock alone. A worker claims a due job by
moving this time ahead by LEASE, and moves it by the job's interval when the job is done. If the
worker dies, the job is due again after LEASE. The worker that did a job last does it again: others
claim it only when it is late by PATIENCE, so they look once and not at each turn.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Interval, String, bindparam, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.jobs import Job
from portal.database.base import Base
from portal.database.session import session

LEASE = timedelta(seconds=20)
PATIENCE = timedelta(seconds=20)
FIRST_RETRY = 1.0  # seconds; doubled at each failure in a row
LONGEST_RETRY = 300.0
FARTHEST = timedelta(seconds=1.3 * LONGEST_RETRY)


class HousekeepingTurn(Base):
    """Store when a job is due next, which worker had it last, and how far it has come.

    `after_tenant` is the last tenant that the current round has reached. `leaves_more` and
    `has_failed` describe this round, and `failures` counts the failed rounds in a row. `every` is
    the interval of the worker that had the job last: another release may have another one.
    """

    __tablename__ = "housekeeping_turn"

    job: Mapped[str] = mapped_column(String(80), primary_key=True)
    every: Mapped[timedelta] = mapped_column(Interval)
    next_at: Mapped[datetime]
    worker: Mapped[str | None] = mapped_column(String(40))
    after_tenant: Mapped[str] = mapped_column(String(40), server_default="")
    leaves_more: Mapped[bool] = mapped_column(server_default="false")
    has_failed: Mapped[bool] = mapped_column(server_default="false")
    failures: Mapped[int] = mapped_column(server_default="0")


@dataclass
class JobTurn:
    """A job that this worker has claimed, with its state. `give_back` stores the changed state."""

    job: Job
    after_tenant: str
    leaves_more: bool
    has_failed: bool
    failures: int


NOTED = text("SELECT count(*) FROM housekeeping_turn WHERE job = ANY (:jobs)")
# A time that is farther ahead than any job is postponed was set by a wrong clock. Of the due jobs,
# the one that would be late first goes first: a job of every minute before one of every day.
TAKE = text("""
UPDATE housekeeping_turn SET next_at = now() + :lease, worker = :worker
WHERE job = (
    SELECT job FROM housekeeping_turn
    JOIN unnest(CAST(:jobs AS text[]), CAST(:intervals AS interval[])) own (job, as_often)
        USING (job)
    WHERE (
        next_at + (coalesce(worker, :worker) <> :worker)::int * CAST(:patience AS interval) <= now()
        OR next_at > now() + greatest(as_often, :farthest))
    ORDER BY next_at + as_often, job LIMIT 1 FOR UPDATE OF housekeeping_turn SKIP LOCKED
) RETURNING job, after_tenant, leaves_more, has_failed, failures
""").bindparams(lease=LEASE, patience=PATIENCE, farthest=FARTHEST)
WAIT = text("""
SELECT extract(epoch FROM min(next_at - now()
    + (coalesce(worker, :worker) <> :worker)::int * CAST(:patience AS interval)))::float
FROM housekeeping_turn WHERE job = ANY (:jobs)
""").bindparams(patience=PATIENCE)
# Without a wait: at the next full minute, hour and so on, so that a worker that checks all jobs
# finds many of them done at once.
GIVE_BACK = text("""
UPDATE housekeeping_turn SET after_tenant = :after_tenant, leaves_more = :leaves_more,
    has_failed = :has_failed, failures = :failures, every = :every,
    next_at = coalesce(
        now() + make_interval(secs => CAST(:wait AS double precision)),
        date_bin(:every, now(), 'epoch') + :every)
WHERE job = :job AND worker = :worker
""").bindparams(bindparam("every", type_=Interval))


class JobTurns:
    """Claim jobs for one worker. Every method works in the caller's transaction."""

    def __init__(self, worker: str, jobs: Iterable[Job]) -> None:
        self._worker = worker
        self._jobs = {job.name: job for job in jobs}
        intervals = [job.every for job in self._jobs.values()]
        self._own = {"worker": worker, "jobs": list(self._jobs), "intervals": intervals}

    def take(self) -> JobTurn | None:
        """Claim the most urgent job that is due. Return None if no job is due."""
        # Count each time: a transaction may be rolled back, and a table restored from a backup.
        if session.scalar(NOTED, self._own) < len(self._jobs):
            self._announce()
        row = session.execute(TAKE, self._own).one_or_none()
        return None if row is None else JobTurn(self._jobs[row.job], *row[1:])

    def wait(self) -> float:
        """Return for how many seconds there is nothing to claim."""
        found = session.scalar(WAIT, self._own)
        if found is None:
            return LONGEST_RETRY
        # Another worker holds a job that is due but could not be claimed: do not poll for it.
        return min(found, LONGEST_RETRY) if found > 0 else FIRST_RETRY

    def give_back(self, turn: JobTurn, wait: float | None) -> None:
        """Store how far the job has come. It is due again in `wait` seconds, or after its interval.

        Do nothing if another worker has claimed the job since, because this one was too slow.
        """
        values = {
            "worker": self._worker,
            "job": turn.job.name,
            "after_tenant": turn.after_tenant,
            "leaves_more": turn.leaves_more,
            "has_failed": turn.has_failed,
            "failures": turn.failures,
            "every": turn.job.every,
            "wait": wait,
        }
        session.execute(GIVE_BACK, values)

    def _announce(self) -> None:
        """Insert a row for each job that has none. These jobs are due now."""
        rows = [
            {"job": name, "every": job.every, "next_at": func.now()}
            for name, job in sorted(self._jobs.items())  # in a fixed order: two workers may do this
        ]
        session.execute(insert(HousekeepingTurn).values(rows).on_conflict_do_nothing())


def retry_in(failures: int) -> float:
    """Return the seconds until the next retry: longer each time, and with jitter."""
    chance = random.uniform(0.7, 1.3)  # noqa: S311  no secret
    return round(min(FIRST_RETRY * 2.0 ** min(failures, 20), LONGEST_RETRY) * chance, 1)
