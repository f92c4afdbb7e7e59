"""The engine of checks: take them from the queue, run them, and record what came of them.

It has a thread and an event loop of its own. Its steps in the database run in a few threads beside
it. Any number of workers may run: a check is in the hands of one, and of another one when the first
has not recorded it within `queue.TAKEN_SECONDS`.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import structlog
from flask import Flask
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal.connections import queue
from portal.connections.checks.report import Report, Step
from portal.connections.checks.run import run
from portal.connections.queue import Opened, Taken
from portal.core.config import Config
from portal.database.session import transaction
from portal.outbound import OutboundClient

log = structlog.stdlib.get_logger(__name__)

POLL_SECONDS = 0.5
AWAY_SECONDS = 2.0
AT_ONCE = 200  # checks in one worker
THREADS = 4
DRAIN_SECONDS = 40.0
FAILED_HERE = Report(
    "internal",
    "The portal could not run this check.",
    "Check again; if it repeats, tell the operator.",
    (),
    0.0,
)

T = TypeVar("T")


class Engine:
    """Run checks in one worker until `stop`."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.config: Config = app.extensions["portal"]
        self._end = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._of_tenant = Counter[str]()
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="checks")
        self._thread = threading.Thread(target=lambda: asyncio.run(self.run()), name="checks")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, wait until the running checks have ended, and return."""
        self._end.set()
        self._thread.join(DRAIN_SECONDS + 5)
        self._threads.shutdown(wait=False)

    async def run(self) -> None:
        """Run until `stop` is called."""
        async with self._client() as client:
            while not self._end.is_set():
                await asyncio.sleep(await self._turn(client))
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)

    async def run_due(self) -> None:
        """Run all checks that are due now, and return when they have ended."""
        with self._threads:
            async with self._client() as client:
                while await self._take(client):
                    await asyncio.gather(*self._tasks)

    def _client(self) -> OutboundClient:
        # Each check dials anew: an address that was good for the last check proves nothing now.
        return OutboundClient(self.config.outbound_allow, concurrency=AT_ONCE, keep_alive=False)

    async def _turn(self, client: OutboundClient) -> float:
        """Take what is due; return the seconds until the next look."""
        try:
            taken = await self._take(client)
        except (DBAPIError, PoolTimeout):
            log.warning("checks: database away", retry_in=AWAY_SECONDS)
            return AWAY_SECONDS
        except Exception:
            log.exception("checks: unexpected error", retry_in=AWAY_SECONDS)
            return AWAY_SECONDS
        return 0.0 if taken else POLL_SECONDS

    async def _take(self, client: OutboundClient) -> int:
        room = AT_ONCE - len(self._tasks)
        if room <= 0:
            return 0
        count = 0
        # Slow providers of one tenant leave room for those of the others.
        busy = [name for name, held in self._of_tenant.items() if held >= queue.AT_ONCE]
        for tenant_id in await self._in_thread(partial(queue.tenants_with_open_checks, busy), None):
            share = min(queue.AT_ONCE - self._of_tenant[tenant_id], room - count)
            if share <= 0:
                continue
            taken = await self._in_thread(partial(queue.take, tenant_id, share), tenant_id)
            count += len(taken)
            for one in taken:
                task = asyncio.create_task(self._check(one, client))
                self._tasks.add(task)
                self._of_tenant[tenant_id] += 1
                task.add_done_callback(partial(self._ended, tenant_id))
        return count

    def _ended(self, tenant_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._of_tenant -= Counter({tenant_id: 1})  # without those that have none

    async def _check(self, taken: Taken, client: OutboundClient) -> None:
        """Run one check and record it. While the database is away, the check is taken again."""
        try:
            opened = await self._in_thread(lambda: queue.open_subject(taken), taken.tenant_id)
            report = opened.problem or await self._report(taken, opened, client)
            record = self._in_thread(
                lambda: queue.record_report(taken, opened, report), taken.tenant_id
            )
            if not await record:
                log.warning("checks: another worker has it", check=taken.check_id)
        except (DBAPIError, PoolTimeout):
            log.warning("checks: database away", check=taken.check_id)
        except Exception:
            log.exception("checks: unexpected error", check=taken.check_id)

    async def _report(self, taken: Taken, opened: Opened, client: OutboundClient) -> Report:
        steps: list[Step] = []

        async def on_step(step: Step) -> None:
            steps.append(step)
            if taken.is_watched:
                await self._in_thread(lambda: queue.note_steps(taken, steps), taken.tenant_id)

        assert opened.subject is not None  # noqa: S101 - otherwise there is a problem
        try:
            return await run(opened.subject, client, on_step)
        except Exception:
            log.exception("checks: a check failed here", check=taken.check_id)
            return FAILED_HERE

    async def _in_thread(self, work: Callable[[], T], tenant_id: str | None) -> T:
        """Run a step in the database, in a transaction of this tenant."""

        def step() -> T:
            with self.app.app_context(), transaction(tenant_id):
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._threads, step)
