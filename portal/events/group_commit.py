"""Publish single events of many requests in few transactions (group commit).

While a transaction of an actor runs, what else it publishes waits, and is published together by the
next one. So nothing waits for others to come, and the more there is to do the less each one costs.

An event is answered only after the commit that holds it. Whatever may fail for one alone makes the
whole group fail before it is committed: then each is left to be published by itself.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import psycopg
import structlog

from portal import pipeline
from portal.db import Actor
from portal.deadlines import elapsed
from portal.driver import setting
from portal.errors import PortalError, UnknownOutcome
from portal.events.jsonschema import Work
from portal.events.listeners import Listener
from portal.events.publication import Accepted, Publication
from portal.events.schemas import EventInput
from portal.pipeline import BEGIN, COMMIT, Connection, rolled_back

CONNECTIONS = 4  # of one process, and so many transactions at a time
MOST_WAITING = 256  # events
LARGEST_GROUP = 100
SECONDS = 5.0  # for a transaction
LOCK_SECONDS = 0.2  # to wait for another publisher of the same id; longer may wait who is alone
FAILED_SECONDS, MOST_FAILED = 1.0, 10_000
ENDS_CONNECTION = ("57P", "08")  # classes of SQLSTATE
STEPS = 3_000  # of checking a group against schemas, about 1 ms in which the event loop waits

log = structlog.stdlib.get_logger(__name__)

Answer = Accepted | Exception | None


class _Waiting:
    """Hold an event, and the future of what becomes of it."""

    __slots__ = ("answer", "event")

    def __init__(self, event: EventInput, answer: "asyncio.Future[Answer]") -> None:
        self.event, self.answer = event, answer


class GroupCommit:
    """Publishes the events of one process, from its event loop."""

    def __init__(self, database_url: str, listeners: Sequence[Listener]) -> None:
        """Connect with the first event; `database_url` is libpq's."""
        self._url, self._listeners = database_url, listeners
        # Actors take turns. One that is published for at this moment is not among the ready ones.
        self._ready: OrderedDict[Actor, list[_Waiting]] = OrderedDict()
        self._busy: dict[Actor, list[_Waiting]] = {}
        self._waiting = 0
        self._idle: list[Connection | None] = [None] * CONNECTIONS
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: dict[tuple[str, str], float] = {}  # until when it is not tried again

    async def publish(self, actor: Actor, event: EventInput) -> Accepted | None:
        """Publish an event. Return None, with nothing published, if it is to be published alone.

        Raises UnknownOutcome.
        """
        if self._waiting >= MOST_WAITING or self._failed.get(_kind(actor, event), 0) > elapsed():
            return None
        one = _Waiting(event, asyncio.get_running_loop().create_future())
        lines = self._busy if actor in self._busy else self._ready
        lines.setdefault(actor, []).append(one)
        self._waiting += 1
        self._begin_more()
        answer = await one.answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """Close the connections, when the last request is answered."""
        for connection in self._idle:
            if connection is not None:
                connection.pgconn.finish()

    def _begin_more(self) -> None:
        """Begin a transaction for an actor that nobody works for, if a connection is idle."""
        if self._idle and len(self._tasks) < len(self._ready) + len(self._busy):
            task = asyncio.get_running_loop().create_task(self._work(self._idle.pop()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self, connection: Connection | None) -> None:
        """Publish, one group after the other, until nobody is ready."""
        try:
            while self._ready:
                actor, waiting = self._ready.popitem(last=False)
                group, rest = waiting[:LARGEST_GROUP], waiting[LARGEST_GROUP:]
                self._busy[actor] = rest
                connection = await self._publish(connection, actor, group)
                if rest := self._busy.pop(actor):
                    self._ready[actor] = rest
        finally:
            self._idle.append(connection)

    async def _publish(
        self, connection: Connection | None, actor: Actor, group: Sequence[_Waiting]
    ) -> Connection | None:
        """Publish a group and answer each. Return the connection, if it can be used again."""
        publication = Publication(actor, [one.event for one in group], self._listeners)
        answers: Sequence[Answer] = [None] * len(group)
        try:
            async with asyncio.timeout(SECONDS):
                if connection is None or connection.closed:
                    connection = await pipeline.connect(self._url, "portal-publish", LOCK_SECONDS)
                await _commit(connection, actor.tenant_id, publication)
            answers = publication.accepted()
        except UnknownOutcome as error:
            answers = [error] * len(group)
        except PortalError:
            self._note_failed(actor, group)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("events are published one by one", reason=type(error).__name__)
        except Exception:
            log.exception("a group was not published")
        finally:
            self._waiting -= len(group)
            for one, answer in zip(group, answers, strict=True):
                if not one.answer.done():  # the request may have gone away
                    one.answer.set_result(answer)
        return connection

    def _note_failed(self, actor: Actor, group: Sequence[_Waiting]) -> None:
        """Leave events of these types alone for a moment: checking them may take much work."""
        if len(self._failed) >= MOST_FAILED:
            self._failed.clear()
        until = elapsed() + FAILED_SECONDS
        self._failed.update((_kind(actor, one.event), until) for one in group)


def _kind(actor: Actor, event: EventInput) -> tuple[str, str]:
    return actor.tenant_id, event.type


async def _commit(connection: Connection, tenant_id: str, publication: Publication) -> None:
    """Carry out a publication in one transaction, with two messages.

    Raises Invalid, psycopg.Error and TimeoutError with nothing done; UnknownOutcome.
    """
    enter = setting({"app.tenant_id": tenant_id})
    looks, claims = publication.looks(), publication.claims()
    async with rolled_back(connection):
        asks = [one.ask for one in (*looks, *claims)]
        _, _, *rows = await connection.ask(BEGIN, enter, *asks)
        looked, claimed = rows[: len(looks)], rows[len(looks) :]
        publication.check(looked, Work(STEPS))
        writes = [one.ask for one in publication.writes(looked, claimed)]
        try:
            await connection.ask(*writes, COMMIT)
        except BaseException as error:
            if _is_refusal(error):
                raise
            raise UnknownOutcome from error


def _is_refusal(error: BaseException) -> bool:
    """Tell whether PostgreSQL refused a statement, and hence its transaction. It says nothing of
    the transaction when it ends the connection."""
    code = error.sqlstate if isinstance(error, psycopg.Error) else None
    return code is not None and not code.startswith(ENDS_CONNECTION)
