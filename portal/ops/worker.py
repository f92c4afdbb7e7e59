"""The worker: does again and again what no request should wait for.

It knows signals and failures, and nothing of what the jobs do. Any number of workers may run at
once: they share the turns (`portal.database.job_turns`). A signal ends it after the step it is in;
a database that is away is waited for.
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
from typing import TypeGuard

import structlog
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

import portal
from portal.core.jobs import Job, asking, every_tenant
from portal.database import app_role
from portal.database.base import new_id
from portal.database.job_turns import Turn, Turns, retry_in
from portal.database.session import db, session, transaction
from portal.features import RESOURCES
from portal.records.idempotency import KEEP, forget_old

log = structlog.stdlib.get_logger(__name__)

MINUTE = timedelta(minutes=1)
LONGEST_TURN = 5.0  # seconds; then the other jobs are looked at
TENANTS = 100  # of one turn
SPREAD_TENANTS = 20  # of one turn, where each tenant has one in every interval
COLLECT_EVERY = 50_000
"""Objects between two looks for cycles: thousands live while deliveries are on their way."""

PATIENT = text("SET LOCAL statement_timeout = '60s'")  # nobody waits for what a job does
ALONE = text("SELECT pg_try_advisory_xact_lock(:job)")
HOW_MANY_TENANTS = text("SELECT count(*) FROM tenant")
LOST = ("08", "57P0")  # how the SQLSTATEs begin that say so; most errors of a lost one have none


class Worker:
    """Run jobs in turn, together with all other workers, until it is told to stop."""

    def __init__(self, app: Flask, jobs: Sequence[Job], stopping: Event | None = None) -> None:
        self.app = app
        self.jobs = jobs
        self.stopping = stopping or Event()
        self._turns = Turns(new_id("wrk"), jobs)
        self._unkept: tuple[Turn, float | None] | None = None

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
                if _is_lost(error):
                    log.warning("database away", reason=app_role.reason(error.orig), retry_in=wait)
                else:
                    log.exception("housekeeping failed", retry_in=wait)
            self.stopping.wait(wait)
        log.info("worker stopped")

    def run_due(self) -> float:
        """Take turns until no job is due, and return for how many seconds none is. Raises
        OperationalError while the database is away."""
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
        """End after the step in hand. A second signal ends at once."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.stopping.set()

    def _take(self, turn: Turn) -> None:
        """Run a job for a while. A failure is logged and put off, and the other jobs go on."""
        try:
            wait = self._go_on(turn)
        except Exception as error:  # noqa: BLE001  a job may fail of anything
            wait = retry_in(turn.failures)
            turn.failures += 1
            _say(error, job=turn.job.name, retry_in=wait)
        self._give_back(turn, wait)

    def _give_back(self, turn: Turn, wait: float | None) -> None:
        """Keep what came of a turn. While the database is away it is kept here, for the next time:
        a step that always takes the database down with it is not the first one again."""
        self._unkept = None
        try:
            with self.app.app_context(), transaction():
                self._turns.give_back(turn, wait)
        except Exception as error:
            if _is_lost(error):
                self._unkept = (turn, wait)
            raise

    def _go_on(self, turn: Turn) -> float | None:
        """Do what is due until the time of a turn is over, each tenant once, and those that leave
        more again after all others. Return the seconds until the next turn; None where the round is
        done."""
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
                turn.has_failed = True  # one tenant's trouble is not the next one's
                _say(error, job=turn.job.name, tenant=tenant[0])
                if _is_lost(error):
                    break
        visited = min(visited, len(due))
        turn.leaves_more |= len(waiting) > len(due) - visited
        if visited < len(due) or len(due) == _at_most(turn.job):
            turn.after_tenant = "".join(due[visited - 1]) if visited else turn.after_tenant
            return self._until_the_next(turn.job, visited)
        turn.after_tenant = ""
        return _end_of_round(turn)

    def _due(self, turn: Turn) -> list[tuple[str, ...]]:
        """Return the next tenants of a round; for a job of no tenant, one empty entry."""
        if turn.job.due is None:
            return [()]
        with self.app.app_context(), transaction():
            session.execute(PATIENT)
            question = turn.job.due(turn.after_tenant, _at_most(turn.job))
            return [(tenant_id,) for tenant_id in session.scalars(question)]

    def _step(self, job: Job, *tenant: str) -> bool:
        name = {"job": zlib.crc32(":".join((job.name, *tenant)).encode())}
        with self.app.app_context(), transaction(*tenant):
            session.execute(PATIENT)
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


def _end_of_round(turn: Turn) -> float | None:
    """Return the seconds until the next round; None for as often as the job is to be done."""
    if turn.leaves_more:
        turn.leaves_more = False
        return 0.0
    if turn.has_failed:
        turn.has_failed = False
        turn.failures += 1
        # The tenants that are well wait for no longer than they always do.
        return min(retry_in(turn.failures - 1), turn.job.every.total_seconds())
    turn.failures = 0
    return None


def _is_lost(error: Exception) -> TypeGuard[DBAPIError]:
    """Tell whether the connection is gone: then the database may be away. Any other error is the
    trouble of the step that made it."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    by_code = isinstance(error, OperationalError) and (state is None or state.startswith(LOST))
    return by_code or error.connection_invalidated


def _say(error: Exception, **of: object) -> None:
    """Log what a job failed of, in one line where no code of ours is to blame."""
    if _is_lost(error):
        log.warning("job lost the database", reason=app_role.reason(error.orig), **of)
    else:
        log.error("job failed", exc_info=error, **of)


def registered_jobs() -> list[Job]:
    """Return the jobs of the records, and those of every feature: each package's
    `housekeeping.HOUSEKEEPING`."""
    due = asking("due_answers", KEEP)
    answers = Job("forget old answers", forget_old, timedelta(hours=1), due)
    of_records = [job for resource in RESOURCES for job in resource.jobs()]
    return [answers, *of_records, *(job for module in _modules() for job in module.HOUSEKEEPING)]


def _modules() -> Iterator[ModuleType]:
    for package in pkgutil.iter_modules(portal.__path__):
        name = f"portal.{package.name}.housekeeping"
        if package.ispkg and importlib.util.find_spec(name):
            yield importlib.import_module(name)


def run(app: Flask) -> None:
    """Run the worker's process until SIGTERM or SIGINT."""
    jobs = registered_jobs()
    worker = Worker(app, [job for job in jobs if job.every > MINUTE])
    # A step of the others may take long, and these are to be in time.
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
    """Keep the collector from what was made until now, which stays until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY)
