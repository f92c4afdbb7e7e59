"""The worker: run background jobs repeatedly.

It handles signals and failures, and does not know what the jobs do. Any number of workers may run
at once: they share the turns (`portal.database.job_turns`). A signal ends the worker after the
current step. While the database is unavailable, the worker waits for it.
"""

import gc
import importlib
import importlib.util
import pkgutil
import signal
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import timedelta
from threading import Event, Thread
from types import FrameType, ModuleType

import structlog
from flask import Flask
from sqlalchemy import text

import portal
from portal.core.jobs import Job, due_by, every_tenant
from portal.database import app_role
from portal.database.base import new_id
from portal.database.job_turns import JobTurn, JobTurns, retry_in
from portal.database.session import be_patient, db, is_lost, session, transaction
from portal.features import RESOURCES
from portal.records.idempotency import KEEP, forget_old

log = structlog.stdlib.get_logger(__name__)

MINUTE = timedelta(minutes=1)
LONGEST_TURN = 5.0  # seconds; then other jobs get a turn
TENANTS = 100  # of one turn
SPREAD_TENANTS = 20  # of one turn of a job that visits each tenant once per interval
COLLECT_EVERY = 50_000
"""Allocations between two collections: deliveries in progress keep thousands of objects alive."""

STATEMENT_SECONDS = 60  # no client waits for a job
ALONE = text("SELECT pg_try_advisory_xact_lock(:job)")
HOW_MANY_TENANTS = text("SELECT count(*) FROM tenant")


class Worker:
    """Run jobs in turn, sharing them with all other workers, until it is stopped."""

    def __init__(self, app: Flask, jobs: Sequence[Job], stopping: Event | None = None) -> None:
        self.app = app
        self.jobs = jobs
        self.stopping = stopping or Event()
        self._turns = JobTurns(new_id("wrk"), jobs)
        self._unkept: tuple[JobTurn, float | None] | None = None

    def run(self) -> None:
        """Run until `stop`. Sleep exactly until the next job is due."""
        log.info("worker ready", jobs=len(self.jobs))
        failures = 0
        while not self.stopping.is_set():
            try:
                wait = self.run_due()
                failures = 0
            except Exception as error:
                wait = retry_in(failures)
                failures += 1
                if is_lost(error):
                    log.warning("database away", reason=app_role.reason(error.orig), retry_in=wait)
                else:
                    log.exception("housekeeping failed", retry_in=wait)
            self.stopping.wait(wait)
        log.info("worker stopped")

    def run_due(self) -> float:
        """Take turns until no job is due; return the seconds until the next one is.

        Raises OperationalError while the database is unavailable.
        """
        if self._unkept:
            self._give_back(*self._unkept)
        while not self.stopping.is_set():
            with self.app.app_context(), transaction():
                turn = self._turns.take()
                wait = self._turns.wait() if turn is None else 0.0
            if turn is None:
                return wait
            self._take(turn)
        return 0.0

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Stop after the current step. A second signal stops at once."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.stopping.set()

    def _take(self, turn: JobTurn) -> None:
        """Run a job for one turn.

        A failure is logged and retried later, and the other jobs continue.
        """
        try:
            wait = self._go_on(turn)
        except Exception as error:  # noqa: BLE001  a job may raise anything
            wait = retry_in(turn.failures)
            turn.failures += 1
            _say(error, job=turn.job.name, retry_in=wait)
        self._give_back(turn, wait)

    def _give_back(self, turn: JobTurn, wait: float | None) -> None:
        """Store the result of a turn.

        If the database is unavailable, the result is kept here and stored later. So a step that
        always breaks the connection is not run first again.
        """
        self._unkept = None
        try:
            with self.app.app_context(), transaction():
                self._turns.give_back(turn, wait)
        except Exception as error:
            if is_lost(error):
                self._unkept = (turn, wait)
            raise

    def _go_on(self, turn: JobTurn) -> float | None:
        """Run the due tenants, each once, until the turn's time is over.

        Tenants that report more work run again after all others. Returns the seconds until the next
        turn; None if the round is finished.
        """
        due = self._due(turn)
        until = time.monotonic() + LONGEST_TURN
        waiting, visited = deque(due), 0
        while waiting and not self.stopping.is_set() and time.monotonic() < until:
            tenant = waiting.popleft()
            visited += 1
            try:
                if self._step(turn.job, *tenant):
                    waiting.append(tenant)
            except Exception as error:
                if not tenant:
                    raise
                turn.has_failed = True  # a failure of one tenant must not stop the others
                _say(error, job=turn.job.name, tenant=tenant[0])
                if is_lost(error):
                    break
        visited = min(visited, len(due))
        turn.leaves_more |= len(waiting) > len(due) - visited
        if visited < len(due) or len(due) == _at_most(turn.job):
            turn.after_tenant = "".join(due[visited - 1]) if visited else turn.after_tenant
            return self._until_the_next(turn.job, visited)
        turn.after_tenant = ""
        return _end_of_round(turn)

    def _due(self, turn: JobTurn) -> list[tuple[str, ...]]:
        """Return the next tenants of a round; for a job without tenants, one empty tuple."""
        if turn.job.due is None:
            return [()]
        with self.app.app_context(), transaction():
            be_patient(STATEMENT_SECONDS)
            question = turn.job.due(turn.after_tenant, _at_most(turn.job))
            return [(tenant_id,) for tenant_id in session.scalars(question)]

    def _step(self, job: Job, *tenant: str) -> bool:
        name = {"job": zlib.crc32(":".join((job.name, *tenant)).encode())}
        with self.app.app_context(), transaction(*tenant):
            be_patient(STATEMENT_SECONDS)
            return bool(session.scalar(ALONE, name) and job.run(*tenant) and job.repeats)

    def _until_the_next(self, job: Job, visited: int) -> float:
        """Return the seconds between two turns of one round."""
        if job.due is not every_tenant:
            return 0.0
        with self.app.app_context(), transaction():
            tenants: int = session.execute(HOW_MANY_TENANTS).scalar_one()
        return job.every.total_seconds() / 2 * visited / max(tenants, 1)


def _at_most(job: Job) -> int:
    return SPREAD_TENANTS if job.due is every_tenant else TENANTS


def _end_of_round(turn: JobTurn) -> float | None:
    """Return the seconds until the next round; None for the job's usual interval."""
    if turn.leaves_more:
        turn.leaves_more = False
        return 0.0
    if turn.has_failed:
        turn.has_failed = False
        turn.failures += 1
        # Tenants without failures must not wait longer than usual.
        return min(retry_in(turn.failures - 1), turn.job.every.total_seconds())
    turn.failures = 0
    return None


def _say(error: Exception, **of: object) -> None:
    """Log a job's failure; without a traceback if the database connection was lost."""
    if is_lost(error):
        log.warning("job lost the database connection", reason=app_role.reason(error.orig), **of)
    else:
        log.error("job failed", exc_info=error, **of)


def registered_jobs() -> list[Job]:
    """Return the jobs of the records, and those of every feature: each package's
    `housekeeping.HOUSEKEEPING`."""
    due = due_by("due_answers", KEEP)
    answers = Job("forget old answers", forget_old, timedelta(hours=1), due, repeats=True)
    of_records = [job for resource in RESOURCES for job in resource.jobs()]
    return [answers, *of_records, *(job for module in _modules() for job in module.HOUSEKEEPING)]


def _modules() -> Iterator[ModuleType]:
    for package in pkgutil.iter_modules(portal.__path__):
        name = f"portal.{package.name}.housekeeping"
        if package.ispkg and importlib.util.find_spec(name):
            yield importlib.import_module(name)


def run(app: Flask) -> None:
    """Run the worker process until SIGTERM or SIGINT."""
    jobs = registered_jobs()
    worker = Worker(app, [job for job in jobs if job.every > MINUTE])
    # A step of the other jobs may take long, and these jobs must run on time.
    prompt = Worker(app, [job for job in jobs if job.every <= MINUTE], worker.stopping)
    beside = Thread(target=prompt.run, name="minute jobs")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    _spare_the_collector()
    engines = [engine(app) for module in _modules() for engine in getattr(module, "ENGINES", ())]
    for engine in engines:
        engine.start()
    beside.start()
    worker.run()
    beside.join()
    for engine in engines:
        engine.stop()
    with app.app_context():
        db.engine.dispose()


def _spare_the_collector() -> None:
    """Exclude all current objects from garbage collection, because they live until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY)
