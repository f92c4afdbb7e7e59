"""The engine of checks: run what is taken from the queue, and record what came of it.

A check is in the hands of one worker, and of another one when the first has not recorded it within
`queue.TAKEN_SECONDS`.
"""

from collections.abc import Sequence
from functools import partial

import structlog

from portal.connections import queue
from portal.connections.checks.report import Report, Step
from portal.connections.checks.run import run
from portal.connections.engine_loop import EngineLoop
from portal.connections.queue import Opened, Taken
from portal.outbound import OutboundClient, asker

log = structlog.stdlib.get_logger(__name__)

FAILED_HERE = Report(
    "internal",
    "The portal could not run this check.",
    "Check again; if it repeats, tell the operator.",
    (),
    0.0,
)


class Engine(EngineLoop[Taken]):
    """Run checks in one worker."""

    name = "checks"
    at_once = 200
    of_one_tenant = queue.AT_ONCE

    def client(self) -> OutboundClient:
        # Each check dials by itself: an address that was good for the last one proves nothing now.
        return OutboundClient(
            self.config.outbound_allow, concurrency=self.at_once, keep_alive=False
        )

    def due_tenants(self, busy: Sequence[str]) -> list[str]:
        return queue.tenants_with_open_checks(busy)

    def take(self, tenant_id: str, at_most: int) -> list[Taken]:
        return queue.take(tenant_id, at_most)

    def begin(self, tenant_id: str, taken: list[Taken], client: OutboundClient) -> None:
        for one in taken:
            self.spawn(self._check(one, client))

    async def _check(self, taken: Taken, client: OutboundClient) -> None:
        """Run one check and record it. While the database is away, the check is taken again."""
        tenant_id = taken.tenant_id
        asker.set(tenant_id)
        try:
            opened = await self.step(partial(queue.open_subject, taken), tenant_id)
            if opened is None:
                return
            report = opened.problem or await self._report(taken, opened, client)
            record = partial(queue.record_report, taken, opened, report)
            if await self.step(record, tenant_id) is False:
                log.warning("checks: another worker has it", check=taken.check_id)
        finally:
            self.leave(tenant_id, 1)

    async def _report(self, taken: Taken, opened: Opened, client: OutboundClient) -> Report:
        steps: list[Step] = []

        async def on_step(step: Step) -> None:
            steps.append(step)
            if taken.is_watched:
                await self.in_thread(partial(queue.note_steps, taken, steps), taken.tenant_id)

        assert opened.subject is not None  # noqa: S101 - otherwise there is a problem
        try:
            return await run(opened.subject, client, on_step)
        except Exception:
            log.exception("checks: a check failed here", check=taken.check_id)
            return FAILED_HERE
