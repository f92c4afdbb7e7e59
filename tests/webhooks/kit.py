"""Receivers that do as a test wants, in a thread, and the queue's own functions for a test."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from portal.config import libpq_url
from portal.outbound import Outcome
from portal.webhooks import queue, sending
from portal.webhooks.policy import Decision
from tests.databases import Database
from tests.outbound.sink import Behaviour, read_request, sink

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 0\r\n\r\n"


@contextmanager
def sinks(*behaviours: Any) -> Iterator[list[int]]:
    """A sink for each behaviour, or pair of behaviour and TLS context; their ports."""
    ports: list[int] = []
    ready, end, loops = threading.Event(), asyncio.Event(), []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        async with AsyncExitStack() as stack:
            for one in behaviours:
                pair = one if isinstance(one, tuple) else (one,)
                ports.append(await stack.enter_async_context(sink(*pair)))
            ready.set()
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield ports
    finally:
        loops[0].call_soon_threadsafe(end.set)
        thread.join()


@dataclass
class Mailbox:
    """A receiver that keeps what came: heads as {lower-case name: value}, and bodies."""

    answer: bytes = EMPTY
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def behave(self) -> Behaviour:
        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                head, body = await read_request(reader)
                pairs = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
                self.heads.append({name.lower(): value for name, value in pairs})
                self.bodies.append(body)
                writer.write(self.answer)
                await writer.drain()

        return behave


def rows(database: Database, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Read or change the database as its superuser: a clock is moved there, nobody waits."""
    with psycopg.connect(libpq_url(database.superuser_url), row_factory=dict_row) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


class Hands:
    """The queue's functions, one call at a time, as a worker has them."""

    def __init__(self, database: Database) -> None:
        self._runner = asyncio.Runner()
        self.connection = self.run(queue.connect(libpq_url(database.app_url)))

    def __enter__(self) -> "Hands":
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.connection.close())
        self._runner.close()

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def due(self, webhook_id: str) -> queue.Due | None:
        found = self.run(queue.due(self.connection, ("", ""), [], 1000))
        return next((one for one in found if one.webhook_id == webhook_id), None)

    def take(self, webhook_id: str, room: int = 100) -> list[queue.Taken]:
        due = self.due(webhook_id)
        return list(self.run(queue.take(self.connection, [(due, room)]))) if due else []

    def complete(self, *done: queue.Done) -> list[queue.Health]:
        return list(self.run(queue.complete(self.connection, done)))


def ended(taken: queue.Taken, *, good: bool = True, decision: Decision | None = None) -> queue.Done:
    """What a worker would record of an attempt that went well, or not."""
    if good:
        outcome, usual = Outcome("delivered", "Fine.", status=200), Decision("delivered")
    else:
        outcome = Outcome("http_error", "No.", "Look.", status=500)
        usual = sending.judge(taken, outcome)
    keys = ["whsec_" + "A" * 32]
    request = sending.request_of(taken, keys, 1_700_000_000)
    return sending.done(taken, request, outcome, decision or usual, "fingerprint")
