"""Give up on a PostgreSQL that keeps its connections open and no longer answers.

The settings of `portal.core.deadlines` do not find a server process that is stopped: its kernel
still acknowledges what it is sent, and it looks at none of its own deadlines. So the client limits
each wait for an answer, too. A connection that passes the limit is closed without waiting for the
server, and the next one is served by another process of it.
"""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
import structlog
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn

from portal.core.deadlines import STATEMENT_SECONDS

log = structlog.stdlib.get_logger(__name__)

GRACE_SECONDS = 1.0  # for the server, which should notice the end of its own limit first
ANSWER_SECONDS = STATEMENT_SECONDS + GRACE_SECONDS
LOOK_SECONDS = 0.25  # between two looks at the calls that block
INTERVAL_SECONDS = 0.1  # between two looks for a signal, as psycopg has it

Row_co = TypeVar("Row_co", covariant=True)
Result = TypeVar("Result")


class Connection(psycopg.Connection[Row_co]):
    """Connect like psycopg, and close the connection when an answer takes too long.

    A wait with a timeout of its own, such as the one for notifications, is not limited further.
    """

    answer_seconds: float | None = None
    """The limit; without one, a call waits for as long as it takes."""

    def wait(
        self,
        gen: PQGen[Result],
        interval: float = INTERVAL_SECONDS,
        timeout: float | None = None,
    ) -> Result:
        """Wait for an answer (called by psycopg). Raise OperationalError after the limit."""
        if timeout is not None or self.answer_seconds is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.answer_seconds)
        except psycopg.OperationalError as error:
            if not is_of_the_wait(self, error):
                raise
            self.close()
            raise no_answer(self.answer_seconds) from error


def connect(url: str, answer_seconds: float, **settings: Any) -> Connection[tuple[Any, ...]]:
    """Open a connection that commits each statement; `url` has the format of libpq."""
    connection = Connection.connect(url, autocommit=True, **settings)
    connection.answer_seconds = answer_seconds
    return connection


def is_of_the_wait(driver: psycopg.BaseConnection[Any], error: psycopg.Error) -> bool:
    """Tell whether an error comes from neither the server nor a connection that has ended.

    psycopg has no public class for the end of a wait.
    """
    return error.sqlstate is None and not driver.closed


def no_answer(seconds: float) -> psycopg.OperationalError:
    """Return the error for an answer that took too long."""
    return psycopg.OperationalError(f"PostgreSQL did not answer within {seconds:g} s")


# ---------------------------------------------------------------- calls of libpq that block


@contextmanager
def limited(driver: psycopg.Connection[Any]) -> Iterator[None]:
    """Limit the calls of libpq in the block, which wait by themselves, like `Connection.wait`.

    After the limit they fail like on a connection that the server has closed.
    """
    seconds = getattr(driver, "answer_seconds", None)
    if seconds is None:
        yield
        return
    pgconn = driver.pgconn
    _calls.begin(pgconn, seconds)
    try:
        yield
    finally:
        _calls.end(pgconn)


def has_ended(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether an idle connection was closed, by us or by the server: it has something to read.

    What is sent on it would be lost, and nobody would know whether it was done.
    """
    if connection.closed:
        return True
    idle = select.poll()
    idle.register(connection.fileno(), select.POLLIN)
    return bool(idle.poll(0))


class _BlockingCalls:
    """Break the connections whose calls take too long, from one thread of the process.

    A call that asked for the time itself would need six more calls of libpq (see `pipeline`).
    """

    def __init__(self) -> None:
        self._running: dict[PGconn, float] = {}
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._breaking = threading.Lock()

    def begin(self, pgconn: PGconn, seconds: float) -> None:
        """Break this connection in so many seconds, unless `end` is called before."""
        if self._thread is None:
            self._start()
        self._running[pgconn] = time.monotonic() + seconds

    def end(self, pgconn: PGconn) -> None:
        """Leave this connection alone. Its socket may be closed after this, and its number taken by
        another one, so wait until it is not being broken any more."""
        if self._running.pop(pgconn, None) is None:
            with self._breaking:
                pass

    def forget(self) -> None:
        """Start again in a process that was forked, which has none of the threads."""
        self._running, self._thread = {}, None
        self._starting, self._breaking = threading.Lock(), threading.Lock()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="answers", daemon=True)
                try:
                    thread.start()
                except (RuntimeError, MemoryError) as error:
                    raise psycopg.OperationalError(f"no wait can be limited: {error}") from error
                self._thread = thread  # not before: the next call must start it if this one did not

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self._break_late()
            except Exception:
                log.exception("waits for PostgreSQL could not be limited")

    def _break_late(self) -> None:
        now = time.monotonic()
        late = [pgconn for pgconn, until in list(self._running.items()) if until < now]
        for pgconn in late:
            with self._breaking:
                if self._running.pop(pgconn, None) is not None:
                    _break(pgconn)


def _break(pgconn: PGconn) -> None:
    """Make the kernel report the end of a connection to the thread that waits for it."""
    # An error means that it was closed in this moment.
    with suppress(psycopg.Error, OSError):
        same = socket.socket(fileno=pgconn.socket)  # needs no further file descriptor
        try:
            same.shutdown(socket.SHUT_RDWR)
        finally:
            same.detach()
    log.warning("PostgreSQL does not answer, so a connection to it is given up")


_calls = _BlockingCalls()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_calls.forget)
