"""Run what is due for tenants, in a thread and an event loop of its own.

Any number of workers may run: each takes rows of the queue that no other one has in hand, with room
left for every tenant. The steps in the database run in a few threads beside the loop.
"""

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

import psycopg
import structlog
from flask import Flask
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal.core.config import Config, libpq_url
from portal.database.session import transaction
from portal.fast import pipeline
from portal.outbound import OutboundClient

log = structlog.stdlib.get_logger(__name__)

CHANNEL = "work_due"
POLL_SECONDS = 2.0
"""Between two looks at the queue. What is due at once is told (`note_due_work.sql`)."""

LISTEN_SECONDS = 60.0
ROOM_SECONDS = 0.5
AWAY_SECONDS = 2.0
THREADS = 4
DRAIN_SECONDS = 40.0

T = TypeVar("T")
Row = TypeVar("Row")


class EngineLoop(ABC, Generic[Row]):
    """Take due rows and work on them until `stop`.

    `at_once` is how many a worker has in hand, `of_one_tenant` how many of these may be of one
    tenant: slow providers of one leave room for those of the others.
    """

    name: ClassVar[str]
    at_once: ClassVar[int]
    of_one_tenant: ClassVar[int]

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.config: Config = app.extensions["portal"]
        self._end = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._of_tenant = Counter[str]()
        self._room = asyncio.Event()
        self._due = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix=self.name)
        self._thread = threading.Thread(target=self._run, name=self.name)

    @abstractmethod
    def client(self) -> OutboundClient:
        """Return the client that asks the providers."""

    @abstractmethod
    def due_tenants(self, busy: Sequence[str]) -> list[str]:
        """Return tenants that have something due, the longest due first, without the busy ones."""

    @abstractmethod
    def take(self, tenant_id: str, at_most: int) -> list[Row]:
        """Take due rows of one tenant, in its transaction."""

    @abstractmethod
    def begin(self, tenant_id: str, taken: list[Row], client: OutboundClient) -> None:
        """Begin to work on rows. The work must call `leave` for each row when it ends."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, wait until what is in hand has ended, and return."""
        self._end.set()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._due.set)
        self._thread.join(DRAIN_SECONDS + 5)
        self._threads.shutdown(wait=False)

    async def run(self) -> None:
        """Run until `stop` is called."""
        self._loop = asyncio.get_running_loop()
        listening = asyncio.create_task(self._listen())
        async with self.client() as client:
            while not self._end.is_set():
                await self._turn(client)
            listening.cancel()
            try:
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self._drain()
            except TimeoutError:
                log.warning("some work did not end", engine=self.name, left=self._in_hand)

    async def run_due(self) -> None:
        """Work on all that is due now, and return when that has ended."""
        async with self.client() as client:
            while await self._take_due(client):
                await self._drain()

    def leave(self, tenant_id: str, count: int) -> None:
        """Release `count` rows of a tenant, whose work has ended."""
        self._of_tenant -= Counter({tenant_id: count})  # drops tenants that have none left
        self._room.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task that `stop` waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def in_thread(self, work: Callable[[], T], tenant_id: str | None) -> T:
        """Run a step in the database, in a transaction of this tenant."""

        def step() -> T:
            with self.app.app_context(), transaction(tenant_id):
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._threads, step)

    async def step(self, work: Callable[[], T], tenant_id: str | None) -> T | None:
        """Run a step in the database; None if it failed. What it is about is taken again."""
        try:
            return await self.in_thread(work, tenant_id)
        except (DBAPIError, PoolTimeout):
            log.warning("database away", engine=self.name)
        except Exception:
            log.exception("unexpected error", engine=self.name)
        return None

    # ------------------------------------------------------------ the loop

    def _run(self) -> None:
        asyncio.run(self.run())

    @property
    def _in_hand(self) -> int:
        return self._of_tenant.total()

    async def _turn(self, client: OutboundClient) -> None:
        """Take what is due, and wait until the next look."""
        taken = await self._taken_or_away(client)
        if taken is None:
            await asyncio.sleep(AWAY_SECONDS)
        elif not (taken or self._is_full()):
            await self._wait_for_work()
        await self._wait_for_room()

    async def _listen(self) -> None:
        """Hear what is due at once. Without a connection, the look after POLL_SECONDS finds it."""
        url = libpq_url(self.config.database_url)
        while True:
            with contextlib.suppress(psycopg.Error, OSError):
                async with await pipeline.connect(url, f"portal-{self.name}") as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._due.set()  # for what became due while nobody listened
                    while True:
                        notices = await pipeline.hear(connection, LISTEN_SECONDS)
                        if any(notice.payload == self.name for notice in notices):
                            self._due.set()
            await asyncio.sleep(AWAY_SECONDS)

    async def _wait_for_work(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._due.wait()
        self._due.clear()

    async def _taken_or_away(self, client: OutboundClient) -> int | None:
        try:
            return await self._take_due(client)
        except (DBAPIError, PoolTimeout):
            log.warning("database away", engine=self.name, retry_in=AWAY_SECONDS)
        except Exception:
            log.exception("unexpected error", engine=self.name, retry_in=AWAY_SECONDS)
        return None

    async def _take_due(self, client: OutboundClient) -> int:
        """Take rows of the tenants that have some due, and begin to work on them."""
        count = 0
        busy = [name for name, held in self._of_tenant.items() if held >= self.of_one_tenant]
        for tenant_id in await self.in_thread(partial(self.due_tenants, busy), None):
            room = self.of_one_tenant - self._of_tenant[tenant_id]
            share = min(room, self.at_once - self._in_hand)
            if share <= 0:
                continue
            taken = await self.in_thread(partial(self.take, tenant_id, share), tenant_id)
            if taken:
                count += len(taken)
                self._of_tenant[tenant_id] += len(taken)
                self.begin(tenant_id, taken, client)
        return count

    async def _wait_for_room(self) -> None:
        """Wait until there is room, but look again now and then: other tenants may have some."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROOM_SECONDS):
                while self._is_full():
                    self._room.clear()
                    await self._room.wait()

    def _is_full(self) -> bool:
        """Tell whether there is room for a few only: many in one turn cost less than few."""
        most = max(self._of_tenant.values(), default=0)
        return most > self.of_one_tenant // 2 or self._in_hand > self.at_once - self.of_one_tenant

    async def _drain(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)
