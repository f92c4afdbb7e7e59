"""Share the jobs between workers, by one row for each job.

A row says when its job is due next, by the database's clock alone. A worker takes a due job by
moving that moment a little ahead, LEASE, and by much when it is done. Should it die meanwhile, the
job is due again after LEASE. The worker that did a job last does it again: others take it only
when it is late by PATIENCE, so they look once and not at each turn.
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
    """Keep when a job is due next, which worker had it last, and how far it has come.

    `after_tenant` is the last tenant of the round that runs; `leaves_more` and `has_failed` tell
    what happened in this round, and `failures` counts the rounds in a row that failed. `every` is
    the interval of the worker that had it last: another release may have another one.
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
    """A job that this worker has taken, as it found it; what it changes is kept by `give_back`."""

    job: Job
    after_tenant: str
    leaves_more: bool
    has_failed: bool
    failures: int


NOTED = text("SELECT count(*) FROM housekeeping_turn WHERE job = ANY (:jobs)")
# A moment that lies farther ahead than any job is put off was set by a clock that went wrong. Of
# those due, the one that would be late first goes first: a job of a minute before one of a day.
TAKE = text("""
UPDATE housekeeping_turn SET next_at = now() + :lease, worker = :worker
WHERE job = (
    SELECT job FROM housekeeping_turn
    JOIN unnest(CAST(:jobs AS text[]), CAST(:intervals AS interval[])) own (job, as_often)
        USING (job)
    WHERE (
        next_at + (coalesce(worker, :worker) <> :worker)::int * CAST(:patience AS interval) <= now()
        OR next_at > now() + greatest(as_often, :farthest))
    ORDER BY next_at + as_often LIMIT 1 FOR UPDATE OF housekeeping_turn SKIP LOCKED
) RETURNING job, after_tenant, leaves_more, has_failed, failures
""").bindparams(lease=LEASE, patience=PATIENCE, farthest=FARTHEST)
WAIT = text("""
SELECT extract(epoch FROM min(next_at - now()
    + (coalesce(worker, :worker) <> :worker)::int * CAST(:patience AS interval)))::float
FROM housekeeping_turn WHERE job = ANY (:jobs)
""").bindparams(patience=PATIENCE)
# Without a wait: at the next full minute, hour and so on, so that whoever looks after all jobs
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
    """Take jobs for one worker. Every method works in the caller's transaction."""

    def __init__(self, worker: str, jobs: Iterable[Job]) -> None:
        self._worker = worker
        self._jobs = {job.name: job for job in jobs}
        intervals = [job.every for job in self._jobs.values()]
        self._own = {"worker": worker, "jobs": list(self._jobs), "intervals": intervals}

    def take(self) -> JobTurn | None:
        """Take the job that is due most urgently; return None while there is none."""
        # Counted each time, for a transaction may be undone, and a table restored.
        if session.scalar(NOTED, self._own) < len(self._jobs):
            self._announce()
        row = session.execute(TAKE, self._own).one_or_none()
        return None if row is None else JobTurn(self._jobs[row.job], *row[1:])

    def wait(self) -> float:
        """Return for how many seconds there is nothing to take."""
        found = session.scalar(WAIT, self._own)
        if found is None:
            return LONGEST_RETRY
        # What is due and yet was not to be taken, somebody holds: it is not asked for all the time.
        return min(found, LONGEST_RETRY) if found > 0 else FIRST_RETRY

    def give_back(self, turn: JobTurn, wait: float | None) -> None:
        """Keep how far the job has come; due again in so many seconds, or as often as it is to be.

        Does nothing if another worker has taken the job meanwhile, because this one was too slow.
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
        """Note the jobs that nobody has noted yet; they are due now."""
        rows = [
            {"job": name, "every": job.every, "next_at": func.now()}
            for name, job in sorted(self._jobs.items())  # in one order: two workers may meet here
        ]
        session.execute(insert(HousekeepingTurn).values(rows).on_conflict_do_nothing())


def retry_in(failures: int) -> float:
    """Return the seconds until the next try, longer each time; a little by chance, so that many do
    not return at once."""
    chance = random.uniform(0.7, 1.3)  # noqa: S311  no secret
    return round(min(FIRST_RETRY * 2.0 ** min(failures, 20), LONGEST_RETRY) * chance, 1)
