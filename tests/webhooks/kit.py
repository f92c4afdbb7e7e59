"""Receivers with a behaviour that a test chooses, and the queue's own functions for tests."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from portal.core.config import libpq_url
from portal.delivery import sending
from portal.delivery.queue import queue
from portal.delivery.queue.policy import Decision
from portal.delivery.queue.worker_presence import Presence
from portal.outbound import Outcome
from tests import ROOT
from tests.databases import Database
from tests.outbound.sink import Behaviour, read_request, sink

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 0\r\n\r\n"
PATIENT = {"maxAttempts": 5, "backoff": "fixed", "timeoutMs": 30_000}
"""With this timeout the engine waits thirty seconds for a receiver that never answers."""


@contextmanager
def sinks(*behaviours: Any) -> Iterator[list[int]]:
    """Start a server for each behaviour, or pair of behaviour and TLS context, and yield their
    ports."""
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
    """A receiver that stores all requests: headers as {lower-case name: value}, and bodies."""

    answer: bytes = EMPTY
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def behave(self) -> Behaviour:
        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                self.keep(*await read_request(reader))
                writer.write(self.answer)
                await writer.drain()

        return behave

    def keep(self, head: bytes, body: bytes) -> None:
        pairs = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        self.heads.append({name.lower(): value for name, value in pairs})
        self.bodies.append(body)

    @property
    def ids(self) -> list[str]:
        """Return the `webhook-id` of all received requests, in their order."""
        return [head["webhook-id"] for head in self.heads]


@dataclass
class Gate(Mailbox):
    """A mailbox that answers the first few requests at once, and the others only when it is
    opened."""

    first: int = 0
    waiting: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop | None = None

    @property
    def behave(self) -> Behaviour:
        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.loop = asyncio.get_running_loop()
            while True:
                self.keep(*await read_request(reader))
                if len(self.heads) > self.first:
                    self.waiting += 1
                    await self.opened.wait()
                    self.waiting -= 1
                writer.write(self.answer)
                await writer.drain()

        return behave

    def open(self) -> None:
        assert self.loop is not None, "nobody has come yet"
        self.loop.call_soon_threadsafe(self.opened.set)


@contextmanager
def working(settings: dict[str, str], *program: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `portal worker` (or another program) in a process of its own, and kill it when the block
    ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", *(program or ("portal.ops.cli", "worker"))],
        cwd=ROOT,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pipesize=1 << 20,  # nobody reads it meanwhile, and a writer blocks when it is full
    )
    try:
        yield process
    finally:
        process.kill()
        print(process.communicate()[0])  # noqa: T201  shown with a failure


def said(process: "subprocess.Popen[str]", words: str) -> str:
    """Return the next line of the process's log that contains these words."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if words in line:
            return line
    raise AssertionError(f"it never said {words!r}:\n{''.join(seen)}")


def rows(database: Database, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Read or change the database as its superuser, for example to move a time instead of
    waiting."""
    with psycopg.connect(libpq_url(database.superuser_url), row_factory=dict_row) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


class Hands:
    """The queue's functions as a worker uses them, one call at a time."""

    def __init__(self, database: Database) -> None:
        self._runner = asyncio.Runner()
        self._url = libpq_url(database.app_url)
        self.presence = Presence()
        self.enter()

    def enter(self) -> bool:
        """Connect and take the lease. Tell whether the worker has a new number."""
        self.connection = self.run(queue.connect(self._url))
        return bool(self.run(self.presence.enter(self.connection)))

    def leave(self) -> None:
        """Lose the connection."""
        self.run(self.connection.close())
        self.presence.leave()

    def __enter__(self) -> "Hands":
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.connection.close())
        self._runner.close()

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def due(self, webhook_id: str) -> queue.DueEndpoint | None:
        found, _ = self.run(queue.due(self.connection, ("", ""), [], [], 1000, 100_000))
        return next((one for one in found if one.webhook_id == webhook_id), None)

    def take(self, webhook_id: str, room: int = 100) -> list[queue.LeasedDelivery]:
        due = self.due(webhook_id)
        if due is None:
            return []
        self.run(self.presence.renew(self.connection))
        assert self.presence.number is not None
        wanted = [(due, room)]
        return list(self.run(queue.take(self.connection, wanted, self.presence.number)))

    def look(self) -> None:
        """Look for dead workers."""
        self.run(self.presence.renew(self.connection))
        self.run(self.presence.look(self.connection))

    def complete(self, *done: queue.AttemptRecord) -> list[queue.Health]:
        return list(self.run(queue.complete(self.connection, done)))


def ended(
    taken: queue.LeasedDelivery, *, good: bool = True, decision: Decision | None = None
) -> queue.AttemptRecord:
    """Return the values that a worker would record for an attempt that succeeded, or failed."""
    if good:
        outcome, usual = Outcome("delivered", "Fine.", status=200), Decision("delivered")
    else:
        outcome = Outcome("http_error", "No.", "Look.", status=500)
        usual = sending.judge(taken, outcome)
    keys = ["whsec_" + "A" * 32]
    request = sending.request_of(taken, keys, 1_700_000_000)
    return sending.done(taken, request, outcome, decision or usual, "fingerprint")
