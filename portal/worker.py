"""The worker: does again and again what no request should wait for.

It knows clocks, signals and failures, and nothing of what the jobs do. Any number of workers may
run at once: a job that another worker is at is left alone. A signal ends it after the step it is
in; a database that is away is waited for.
"""

import gc
import importlib
import importlib.util
import pkgutil
import random
import signal
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from types import FrameType, ModuleType

import structlog
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import portal
from portal import dbrole
from portal.db import db, session, transaction
from portal.housekeeping import Job
from portal.idempotency import forget_old

log = structlog.stdlib.get_logger(__name__)

FIRST_RETRY = 1.0  # seconds; doubled at each failure in a row
LONGEST_RETRY = 300.0
COLLECT_EVERY = 50_000
"""Objects between two looks for cycles: thousands live while deliveries are on their way."""

TENANTS = text("SELECT id FROM tenant ORDER BY id")
PATIENT = text("SET LOCAL statement_timeout = '60s'")  # nobody waits for what a job does
ALONE = text("SELECT pg_try_advisory_xact_lock(:job)")


@dataclass
class _Turn:
    """When a job is due, by this process's monotonic clock, and how often it failed in a row."""

    job: Job
    due: float
    failures: int = field(default=0)

    def done(self) -> None:
        self.failures = 0
        self.due = time.monotonic() + self.job.every.total_seconds()

    def failed(self) -> float:
        """Put it off, longer each time; a little by chance, so that many do not return at once."""
        chance = random.uniform(0.7, 1.3)  # noqa: S311  no secret
        wait = round(min(FIRST_RETRY * 2.0**self.failures, LONGEST_RETRY) * chance, 1)
        self.failures += 1
        self.due = time.monotonic() + wait
        return wait


class Worker:
    """Runs the jobs of `HOUSEKEEPING` in turn until it is told to stop."""

    def __init__(self, app: Flask, jobs: Sequence[Job]) -> None:
        self.app = app
        self.stopping = Event()
        # Spread over the first seconds, so that a start is not a storm.
        now = time.monotonic()
        self._turns = [_Turn(job, now + number * 0.2) for number, job in enumerate(jobs)]

    def run(self) -> None:
        """Until `stop`. Sleeps exactly until the next job is due."""
        log.info("worker ready", jobs=len(self._turns))
        while not self.stopping.is_set():
            turn = min(self._turns, key=lambda turn: turn.due, default=None)
            wait = LONGEST_RETRY if turn is None else max(0.0, turn.due - time.monotonic())
            if self.stopping.wait(wait) or turn is None:
                continue
            self.take(turn)
        log.info("worker stopped")

    def take(self, turn: _Turn) -> None:
        """Run one job now; a failure is logged and put off, and the other jobs go on."""
        try:
            failed = self._do(turn.job)
        except OperationalError as error:
            reason = dbrole.reason(error.orig)
            log.warning("database away", job=turn.job.name, reason=reason, retry_in=turn.failed())
        except Exception:
            log.exception("job failed", job=turn.job.name, retry_in=turn.failed())
        else:
            turn.failed() if failed else turn.done()

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """End after the step in hand. A second signal ends at once."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.stopping.set()

    def _do(self, job: Job) -> int:
        """Once, or once for each tenant; answers for how many it failed."""
        if not job.per_tenant:
            self._step(job)
            return 0
        return sum(not self._step_for_tenant(job, tenant_id) for tenant_id in self._tenants())

    def _step_for_tenant(self, job: Job, tenant_id: str) -> bool:
        if self.stopping.is_set():
            return True
        try:
            self._step(job, tenant_id)
        except OperationalError:
            raise
        except Exception:
            log.exception("job failed", job=job.name, tenant=tenant_id)
            return False
        return True

    def _step(self, job: Job, *tenant: str) -> None:
        while self._leaves_more(job, *tenant) and not self.stopping.is_set():
            pass

    def _leaves_more(self, job: Job, *tenant: str) -> bool:
        name = {"job": zlib.crc32(":".join((job.name, *tenant)).encode())}
        with self.app.app_context(), transaction(*tenant):
            session.execute(PATIENT)
            return bool(session.scalar(ALONE, name) and job.run(*tenant) and job.repeats)

    def _tenants(self) -> list[str]:
        with self.app.app_context(), transaction():
            return list(session.scalars(TENANTS))


def registered_jobs() -> list[Job]:
    """The kernel's jobs, and those of every feature: each package's `housekeeping.HOUSEKEEPING`."""
    answers = Job("forget old answers", forget_old, timedelta(hours=1), per_tenant=True)
    return [answers, *(job for module in _modules() for job in module.HOUSEKEEPING)]


def _modules() -> Iterator[ModuleType]:
    for package in pkgutil.iter_modules(portal.__path__):
        name = f"portal.{package.name}.housekeeping"
        if package.ispkg and importlib.util.find_spec(name):
            yield importlib.import_module(name)


def run(app: Flask) -> None:
    """The worker's process: until SIGTERM or SIGINT."""
    worker = Worker(app, registered_jobs())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    _spare_the_collector()
    engines = [engine(app) for module in _modules() for engine in getattr(module, "ENGINES", ())]
    for engine in engines:
        engine.start()
    worker.run()
    for engine in engines:
        engine.stop()
    with app.app_context():
        db.engine.dispose()


def _spare_the_collector() -> None:
    """What was made until now stays until the end: looking through it again finds nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY)
