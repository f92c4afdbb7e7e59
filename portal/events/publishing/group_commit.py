"""Publish single events of many requests in few transactions (group commit).

While a transaction of a tenant runs, the tenant's further events wait, and the next transaction
publishes them together. So no event waits for others to arrive, and the cost per event falls with
the load. A request gets its response only after the commit of its event.

An event that could fail makes its whole group fail before the commit; then each event is published
by itself, in a thread. Work that takes much computing goes to the threads as well, because the
event loop serves all tenants.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from itertools import chain, islice

import psycopg
import structlog

from portal.core.deadlines import elapsed
from portal.core.errors import UnknownOutcome
from portal.database.actor import Actor
from portal.events.catalogue.portal_types import is_own
from portal.events.listeners import Listener, Rows
from portal.events.publishing.publication import Accepted, Publication, PublishAlone
from portal.events.schemas import EventInput
from portal.fast import pipeline
from portal.fast.pipeline import BEGIN, COMMIT, Connection, rolled_back
from portal.fast.statements import setting

CONNECTIONS = 4  # of one process; each runs one tenant's transaction at a time
MOST_WAITING, MOST_OF_A_TENANT = 512, 64  # events
SECONDS = 3.0  # for a transaction, and to wait for one
LOCK_SECONDS = 0.2  # to wait for another publisher of an id; a publication alone waits longer
MOST_OWED = 300  # deliveries of a group; they block the event loop for about 5 ms
APART_SECONDS = 1.0  # how long events of a type that failed are published alone
ID_APART_SECONDS = 60.0  # the same for an id: it fails again whenever its event is sent again
MOST_KNOWN = 10_000  # remembered tenants, or types or ids of tenants

log = structlog.stdlib.get_logger(__name__)

Answer = Accepted | Exception | None


class _Waiting:
    """A waiting event, and the future of its result."""

    __slots__ = ("actor", "answer", "event", "since")

    def __init__(self, actor: Actor, event: EventInput, answer: "asyncio.Future[Answer]") -> None:
        self.actor, self.event, self.answer = actor, event, answer
        self.since = elapsed()

    def reply(self, answer: Answer) -> None:
        if not self.answer.done():  # the request may have been cancelled
            self.answer.set_result(answer)


class GroupCommit:
    """Publish the events of one process from its event loop."""

    def __init__(self, database_url: str, listeners: Sequence[Listener]) -> None:
        """Create the sessions; they connect with the first event. `database_url` is a libpq URL."""
        self._url, self._listeners = database_url, listeners
        # Tenants take turns. `_later` holds the waiting events of a tenant whose group is being
        # published.
        self._ready: OrderedDict[str, list[_Waiting]] = OrderedDict()
        self._later: dict[str, list[_Waiting]] = {}
        self._waiting = 0
        self._idle = [_Session() for _ in range(CONNECTIONS)]
        self._tasks: set[asyncio.Task[None]] = set()
        # (tenant, event type) and (tenant, publisher's id) published alone → until when.
        self._types_apart: dict[tuple[str, str], float] = {}
        self._ids_apart: dict[tuple[str, str], float] = {}
        # Tenant → deliveries per event, for tenants whose groups must be smaller because of them.
        self._owed_each: dict[str, int] = {}

    def takes(self, actor: Actor, event: EventInput) -> bool:
        """Tell whether there is room for an event, and no reason to publish it alone."""
        tenant_id = actor.tenant_id
        waiting = self._later.get(tenant_id) or self._ready.get(tenant_id) or ()
        return (
            self._waiting < MOST_WAITING
            and len(waiting) < MOST_OF_A_TENANT
            and self._types_apart.get((tenant_id, event.type), 0.0) <= elapsed()
            and (event.id is None or self._ids_apart.get((tenant_id, event.id), 0.0) <= elapsed())
            and not is_own(event.type)
        )

    async def publish(self, actor: Actor, event: EventInput) -> Accepted | None:
        """Publish an event that `takes` has let in.

        Returns None, with nothing published, if it must be published alone. Raises UnknownOutcome.
        """
        one = _Waiting(actor, event, asyncio.get_running_loop().create_future())
        lines = self._later if actor.tenant_id in self._later else self._ready
        lines.setdefault(actor.tenant_id, []).append(one)
        self._waiting += 1
        # Run one task for each tenant with events to publish, but at most one per connection.
        working = CONNECTIONS - len(self._idle)
        if self._idle and working < len(self._ready) + len(self._later):
            self._keep(asyncio.get_running_loop().create_task(self._work(self._idle.pop())))
        answer = await one.answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """Close the connections after the last response."""
        for session in self._idle:
            session.close()

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, session: "_Session") -> None:
        """Publish one group after the other until no tenant is ready."""
        try:
            while self._ready:
                tenant_id, waiting = self._ready.popitem(last=False)
                most = max(1, MOST_OWED // self._owed_each.get(tenant_id, 1))
                group, self._later[tenant_id] = waiting[:most], waiting[most:]
                try:
                    await self._publish(session, tenant_id, group)
                finally:
                    for one in group:
                        one.reply(None)  # has no effect on events with a result
                    self._waiting -= len(group)
                    if later := self._later.pop(tenant_id):
                        self._ready[tenant_id] = later
        finally:
            self._idle.append(session)

    async def _publish(
        self, session: "_Session", tenant_id: str, group: Sequence[_Waiting]
    ) -> None:
        """Publish a group of one tenant, and set the result of each event, if it is known."""
        oldest = elapsed() - SECONDS
        waiting = [one for one in group if one.since > oldest]
        try:
            for one, accepted in await self._committed(session, tenant_id, waiting):
                one.reply(accepted)
        except UnknownOutcome as error:
            for one in waiting:
                one.reply(error)
        except PublishAlone as error:
            self._learn(error, tenant_id, group)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("events are published one by one", reason=type(error).__name__)
            self._learn(error, tenant_id, group)
            if not pipeline.is_refusal(error):
                self._leave_all()
        except Exception:
            log.exception("events could not be published together")

    async def _committed(
        self, session: "_Session", tenant_id: str, waiting: Sequence[_Waiting]
    ) -> list[tuple[_Waiting, Accepted]]:
        """Commit all waiting events and return them with their results. Raises as `_commit`."""
        parts: dict[Actor, list[_Waiting]] = {}
        for one in waiting:
            parts.setdefault(one.actor, []).append(one)
        publications = [
            Publication(actor, [one.event for one in part], self._listeners)
            for actor, part in parts.items()
        ]
        if publications:
            async with asyncio.timeout(SECONDS):
                await _commit(await session.connected(self._url), tenant_id, publications)
        accepted = chain.from_iterable(one.accepted() for one in publications)
        return list(zip(chain.from_iterable(parts.values()), accepted, strict=True))

    def _learn(self, error: Exception, tenant_id: str, group: Sequence[_Waiting]) -> None:
        """Make the tenant's next groups smaller if that helps.

        Otherwise publish the events that made this one fail alone for a while, because the next
        group would fail too: if they are not known, all events of these types.
        """
        for known in (self._owed_each, self._types_apart, self._ids_apart):
            if len(known) >= MOST_KNOWN:
                known.clear()
        if not isinstance(error, PublishAlone):
            error = PublishAlone(types={one.event.type for one in group})
        if error.owed_each:
            self._owed_each[tenant_id] = error.owed_each
        now = elapsed()
        for type in error.types:
            self._types_apart[tenant_id, type] = now + APART_SECONDS
        for id in error.ids:
            self._ids_apart[tenant_id, id] = now + ID_APART_SECONDS

    def _leave_all(self) -> None:
        """Leave all waiting events to the threads.

        PostgreSQL is unavailable, and a thread reports that.
        """
        for group in self._ready.values():
            self._waiting -= len(group)
            for one in group:
                one.reply(None)
        self._ready.clear()


class _Session:
    """A connection to PostgreSQL, opened when it is needed and reopened when it was lost."""

    def __init__(self) -> None:
        self._connection: Connection | None = None

    async def connected(self, url: str) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await pipeline.connect(url, "portal-publish", LOCK_SECONDS)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.pgconn.finish()


async def _commit(
    connection: Connection, tenant_id: str, publications: Sequence[Publication]
) -> None:
    """Run publications of one tenant in one transaction, with two round trips, or three if an
    application repeats an id.

    Raises PublishAlone, psycopg.Error and TimeoutError if nothing was stored; UnknownOutcome if
    that is not known.
    """
    enter = setting({"app.tenant_id": tenant_id})
    statements = [(one.glances(), one.claims()) for one in publications]
    asks = [bound.ask for pair in statements for part in pair for bound in part]
    async with rolled_back(connection):
        _, _, *rows = await connection.ask(BEGIN, enter, *asks)
        answers = iter(rows)
        found = [tuple(list(islice(answers, len(part))) for part in pair) for pair in statements]
        each = list(zip(publications, found, strict=True))
        owed = sum(one.size(glanced) for one, (glanced, _) in each)
        if owed > MOST_OWED:
            raise PublishAlone(owed_each=owed // sum(len(one) for one in publications))
        await _check_ids(connection, [(one, claimed) for one, (_, claimed) in each])
        writes = [
            bound.ask for one, (glanced, claimed) in each for bound in one.writes(glanced, claimed)
        ]
        try:
            await connection.ask(*writes, COMMIT)
        except BaseException as error:
            if pipeline.is_refusal(error):
                raise
            raise UnknownOutcome from error


async def _check_ids(
    connection: Connection, claimed: Sequence[tuple[Publication, Sequence[Rows]]]
) -> None:
    """Check that no publication repeats an id of another application.

    Raises PublishAlone; also if that is not known yet, because the event with the id is in the same
    group.
    """
    doubts = [(one, rows, bound) for one, rows in claimed for bound in one.doubts(rows)]
    if not doubts:
        return
    found = await connection.ask(*(bound.ask for _, _, bound in doubts))
    for (one, rows, bound), doubted in zip(doubts, found, strict=True):
        if one.others(doubted) or len(doubted) < len(bound.values["ids"]):
            raise PublishAlone(ids=one.repeated(rows))
