"""The engine of leases: fetch what is due, and store it, for many connectors at once.

A connector is in the hands of one worker, and of another one when the first has not stored anything
within `queue.TAKEN_SECONDS`.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import structlog
import uvloop
from flask import Flask

from portal.connections.checks.report import Fetched
from portal.connections.checks.run import fetch_token
from portal.connections.engine_loop import EngineLoop
from portal.leases import queue
from portal.leases.queue import Failed, Found, Opened, Result, Taken, ToFetch
from portal.outbound import OutboundClient, asker

log = structlog.stdlib.get_logger(__name__)

AT_ONCE = 100
"""The connectors of one transaction, which ends if the secret store needs five seconds for them."""

FAILED_HERE = Failed("internal", "The portal could not fetch this token. Tell the operator.")


class Engine(EngineLoop[Taken]):
    """Keep what connectors hand out in one worker."""

    name = "leases"
    at_once = 800
    of_one_tenant = 400

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self._done: dict[Taken, Result] = {}
        self._is_storing = False

    def client(self) -> OutboundClient:
        return OutboundClient(self.config.outbound_allow, concurrency=self.at_once)

    def due_tenants(self, busy: Sequence[str]) -> list[str]:
        return queue.due_tenants(busy)

    def take(self, tenant_id: str, at_most: int) -> list[Taken]:
        return queue.take(tenant_id, at_most)

    def begin(self, tenant_id: str, taken: list[Taken], client: OutboundClient) -> None:
        self.spawn(self._serve(tenant_id, taken, client))

    def _run(self) -> None:
        uvloop.run(self.run())  # thousands of small requests

    async def _serve(self, tenant_id: str, taken: list[Taken], client: OutboundClient) -> None:
        """Open what the connectors need, and fetch it. While the database is away, they are taken
        again."""
        for start in range(0, len(taken), AT_ONCE):
            some = taken[start : start + AT_ONCE]
            opened = await self.step(partial(queue.open_all, tenant_id, some), tenant_id)
            if opened is None:
                self.leave(tenant_id, len(some))
                continue
            for one, what in zip(some, opened, strict=True):
                if isinstance(what, ToFetch):
                    self.spawn(self._fetch(one, what, client))
                else:
                    self._keep(one, what)

    async def _fetch(self, one: Taken, what: ToFetch, client: OutboundClient) -> None:
        asker.set(one.tenant_id)
        self._keep(one, await _fetched(what, client))

    def _keep(self, one: Taken, result: Opened) -> None:
        """Store a result, together with all others that come while the ones before are stored."""
        assert not isinstance(result, ToFetch)  # noqa: S101 - it has been fetched
        self._done[one] = result
        if not self._is_storing:
            self._is_storing = True
            self.spawn(self._store())

    async def _store(self) -> None:
        try:
            while self._done:
                done, self._done = self._done, {}
                by_tenant: dict[str, dict[Taken, Result]] = defaultdict(dict)
                for one, result in done.items():
                    by_tenant[one.tenant_id][one] = result
                for tenant_id, results in by_tenant.items():
                    await self._store_of(tenant_id, results)
                    self.leave(tenant_id, len(results))
        finally:
            self._is_storing = False

    async def _store_of(self, tenant_id: str, results: dict[Taken, Result]) -> None:
        every = list(results.items())
        for start in range(0, len(every), AT_ONCE):
            some = dict(every[start : start + AT_ONCE])
            await self.step(partial(queue.record_all, tenant_id, some), tenant_id)


async def _fetched(what: ToFetch, client: OutboundClient) -> Result:
    try:
        found = await fetch_token(what.subject, client)
    except Exception:
        log.exception("leases: fetching a token failed here")
        return FAILED_HERE
    if not isinstance(found, Fetched):
        return Failed.of(found)
    values = {"access_token": found.value}
    token = Found("token", what.credential_version, values, found)
    return queue.fitting(token)
