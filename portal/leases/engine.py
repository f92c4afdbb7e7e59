"""The engine of leases: fetch what is due, and store it.

It has a thread and an event loop of its own. Its steps in the database run in a few threads beside
it, for many connectors at once. Any number of workers may run: a connector is in the hands of one,
and of another one when the first has not stored anything within `queue.TAKEN_SECONDS`.
"""

import asyncio
import contextlib
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import structlog
import uvloop
from flask import Flask
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal.connections.checks.report import Fetched
from portal.connections.checks.run import fetch_token
from portal.core.config import Config
from portal.database.session import transaction
from portal.leases import queue
from portal.leases.queue import Failed, Found, Opened, Result, Taken, ToFetch
from portal.outbound import OutboundClient

log = structlog.stdlib.get_logger(__name__)

POLL_SECONDS = 0.5
AWAY_SECONDS = 2.0
AT_ONCE = 800  # connectors in one worker
OF_ONE_TENANT = 400  # of these
STORED_AT_ONCE = 200
THREADS = 4
DRAIN_SECONDS = 40.0
FAILED_HERE = Failed("internal", "The portal could not fetch this token. Tell the operator.")

T = TypeVar("T")


class Engine:
    """Keep what connectors hand out in one worker until `stop`."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.config: Config = app.extensions["portal"]
        self._end = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand = 0
        self._of_tenant = Counter[str]()
        self._room = asyncio.Event()
        self._done: dict[Taken, Result] = {}
        self._storing: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="leases")
        self._thread = threading.Thread(target=lambda: uvloop.run(self.run()), name="leases")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, wait until what is in hand is stored, and return."""
        self._end.set()
        self._thread.join(DRAIN_SECONDS + 5)
        self._threads.shutdown(wait=False)

    async def run(self) -> None:
        """Run until `stop` is called."""
        async with self._client() as client:
            while not self._end.is_set():
                await self._turn(client)
            try:
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self._drain()
            except TimeoutError:
                log.warning("leases: some were not stored", left=self._in_hand)

    async def run_due(self) -> None:
        """Serve all connectors that are due now, and return when that is stored."""
        async with self._client() as client:
            while await self._take(client):
                await self._drain()

    def _client(self) -> OutboundClient:
        return OutboundClient(self.config.outbound_allow, concurrency=AT_ONCE)

    async def _drain(self) -> None:
        while self._tasks or self._storing:
            await asyncio.wait([*self._tasks, *([self._storing] if self._storing else [])])

    async def _turn(self, client: OutboundClient) -> None:
        """Take what is due, and wait until the next look."""
        try:
            taken = await self._take(client)
        except (DBAPIError, PoolTimeout):
            log.warning("leases: database away", retry_in=AWAY_SECONDS)
            await asyncio.sleep(AWAY_SECONDS)
        except Exception:
            log.exception("leases: unexpected error", retry_in=AWAY_SECONDS)
            await asyncio.sleep(AWAY_SECONDS)
        else:
            if not (taken or self._is_full()):
                await asyncio.sleep(POLL_SECONDS)
            await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        """Wait until there is room, but look again now and then: other tenants may have some."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                while self._is_full():
                    self._room.clear()
                    await self._room.wait()

    def _is_full(self) -> bool:
        """Tell whether there is room for a few only: many in one turn cost less than few."""
        most = max(self._of_tenant.values(), default=0)
        return most > OF_ONE_TENANT // 2 or self._in_hand > AT_ONCE - OF_ONE_TENANT

    async def _take(self, client: OutboundClient) -> int:
        count = 0
        # Slow providers of one tenant leave room for those of the others.
        busy = [name for name, held in self._of_tenant.items() if held >= OF_ONE_TENANT]
        for tenant_id in await self._in_thread(partial(queue.due_tenants, busy), None):
            share = min(OF_ONE_TENANT - self._of_tenant[tenant_id], AT_ONCE - self._in_hand)
            if share <= 0:
                continue
            taken = await self._in_thread(partial(queue.take, tenant_id, share), tenant_id)
            if taken:
                count += len(taken)
                self._in_hand += len(taken)
                self._of_tenant[tenant_id] += len(taken)
                self._spawn(self._serve(tenant_id, taken, client))
        return count

    async def _serve(self, tenant_id: str, taken: list[Taken], client: OutboundClient) -> None:
        """Open what the connectors need, and fetch it. While the database is away, they are taken
        again."""
        opened = await self._step(partial(queue.open_all, tenant_id, taken), tenant_id)
        if opened is None:
            self._leave(tenant_id, len(taken))
            return
        for one, what in zip(taken, opened, strict=True):
            if isinstance(what, ToFetch):
                self._spawn(self._fetch(one, what, client))
            else:
                self._keep(one, what)

    async def _fetch(self, one: Taken, what: ToFetch, client: OutboundClient) -> None:
        self._keep(one, await _fetched(what, client))

    def _keep(self, one: Taken, result: Opened) -> None:
        """Store a result, together with all others that come while the ones before are stored."""
        assert not isinstance(result, ToFetch)  # noqa: S101 - it has been fetched
        self._done[one] = result
        if self._storing is None:
            self._storing = asyncio.create_task(self._store())

    async def _store(self) -> None:
        try:
            while self._done:
                done, self._done = self._done, {}
                by_tenant: dict[str, dict[Taken, Result]] = defaultdict(dict)
                for one, result in done.items():
                    by_tenant[one.tenant_id][one] = result
                for tenant_id, results in by_tenant.items():
                    await self._store_of(tenant_id, results)
                    self._leave(tenant_id, len(results))
        finally:
            self._storing = None

    async def _store_of(self, tenant_id: str, results: dict[Taken, Result]) -> None:
        every = list(results.items())
        for start in range(0, len(every), STORED_AT_ONCE):
            some = dict(every[start : start + STORED_AT_ONCE])
            await self._step(partial(queue.record_all, tenant_id, some), tenant_id)

    def _leave(self, tenant_id: str, count: int) -> None:
        self._in_hand -= count
        self._of_tenant -= Counter({tenant_id: count})  # without those that have none
        self._room.set()

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _step(self, work: Callable[[], T], tenant_id: str) -> T | None:
        """Run a step in the database; None if it failed, and what it is about is taken again."""
        try:
            return await self._in_thread(work, tenant_id)
        except (DBAPIError, PoolTimeout):
            log.warning("leases: database away")
        except Exception:
            log.exception("leases: unexpected error")
        return None

    async def _in_thread(self, work: Callable[[], T], tenant_id: str | None) -> T:
        """Run a step in the database, in a transaction of this tenant."""

        def step() -> T:
            with self.app.app_context(), transaction(tenant_id):
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._threads, step)


async def _fetched(what: ToFetch, client: OutboundClient) -> Result:
    try:
        found = await fetch_token(what.subject, client)
    except Exception:
        log.exception("leases: fetching a token failed here")
        return FAILED_HERE
    if not isinstance(found, Fetched):
        return Failed.of(found)
    values = {"access_token": found.value}
    token = Found("token", what.credential_version, values, found.expires_at)
    return queue.fitting(token)
