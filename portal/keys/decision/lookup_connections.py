"""Connections of the engine for look-ups and traces: one for each thread, with prepared statements.

A statement is not part of the transaction of the request that it is sent for.
"""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from portal.core.config import libpq_url
from portal.core.deadlines import LOCK_SECONDS, connection_settings
from portal.core.errors import PortalError, Unavailable
from portal.database import writability
from portal.fast import answer_limits

Parameters = tuple[Any, ...]
Connection = psycopg.Connection[tuple[Any, ...]]

ANSWER_SECONDS = 3.0
# A connection that was opened while the database was read-only stays so: a new one may write.
# PostgreSQL ends the session of a process that stood still in a transaction.
LOST = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
)


class _Held:
    """Close a connection when the thread that it belongs to ends."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # Not `__del__`: the garbage collector may call the connection's own first, which warns.
        weakref.finalize(self, connection.close)


class LookupConnections:
    """Query PostgreSQL, from any thread. A broken connection is replaced, once for each query."""

    def __init__(self, database_url: str) -> None:
        self._url = libpq_url(database_url)
        self._local = threading.local()

    def one(self, statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
        """Return the first row of the result. Raises Unavailable when PostgreSQL does not answer,
        and NotSaving for a write that it refuses.

        A query is retried only if it failed on a connection that existed before the call.
        """
        try:
            return self._ask(statement, parameters)
        except LOST as error:
            if self._connected() and not self._local.fresh:
                self._forget()
                return self._again(statement, parameters)
            self._forget()
            raise in_our_words(error) from error

    def many(self, statement: str, rows: list[Parameters]) -> None:
        """Execute the statement for each of the rows, in one transaction.

        Raises the errors of `transaction`.
        """
        with self.transaction() as cursor:
            cursor.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
        """Yield a cursor of this thread's connection, in a transaction.

        Raises Unavailable when PostgreSQL does not answer, and NotSaving for a write that it
        refuses.
        """
        try:
            connection = self.connection()
            with connection.transaction(), connection.cursor() as cursor:
                yield cursor
        except LOST as error:
            self._forget()
            raise in_our_words(error) from error

    def connection(self) -> Connection:
        """Return this thread's connection, and open it if there is none."""
        held: _Held | None = getattr(self._local, "held", None)
        self._local.fresh = held is None or held.connection.closed
        if held is None or held.connection.closed:
            held = self._local.held = _Held(connect(self._url))
        return held.connection

    def close(self) -> None:
        """Close this thread's connection."""
        self._forget()

    def _ask(self, statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
        return self.connection().execute(statement, parameters).fetchone()

    def _again(self, statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
        try:
            return self._ask(statement, parameters)
        except LOST as error:
            self._forget()
            raise in_our_words(error) from error

    def _connected(self) -> bool:
        return getattr(self._local, "held", None) is not None

    def _forget(self) -> None:
        self._local.held = None


def connect(
    url: str,
    application: str = "portal-keys",
    answer_seconds: float = ANSWER_SECONDS,
    lock_seconds: float = LOCK_SECONDS,
) -> Connection:
    """Return a connection of the engine; `url` has the format of libpq.

    It is closed when an answer takes longer than `answer_seconds`.
    """
    connection = answer_limits.connect(
        url,
        answer_seconds,
        # A crash may lose traces of refusals and sources of unknown keys.
        **connection_settings(
            application, lock_seconds=lock_seconds, settings={"synchronous_commit": "off"}
        ),
    )
    connection.prepare_threshold = 1
    return connection


def unavailable() -> Unavailable:
    """Return the error for a query that PostgreSQL did not answer in time."""
    return Unavailable("Keys cannot be checked right now. Try again in a moment.")


def in_our_words(error: Exception) -> PortalError:
    """Return the error for a query that failed with one of LOST: NotSaving if it was a write that
    PostgreSQL refuses now, otherwise Unavailable."""
    return writability.in_our_words(error) or unavailable()
