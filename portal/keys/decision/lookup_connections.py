"""Connections of the engine for look-ups and traces, with prepared statements.

A statement is not part of the transaction of the request that it is sent for.
"""

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
    """Close a connection when nobody has it any more."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # Not `__del__`: the garbage collector may call the connection's own first, which warns.
        weakref.finalize(self, connection.close)


class LookupConnections:
    """Query PostgreSQL, from any thread, with as many connections as threads query at once.

    A broken connection is replaced, once for each query.
    """

    def __init__(self, database_url: str) -> None:
        self._url = libpq_url(database_url)
        self._idle: list[_Held] = []  # the last one first, so that few are used

    def one(self, statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
        """Return the first row of the result. Raises Unavailable when PostgreSQL does not answer,
        and NotSaving for a write that it refuses.

        A query is retried only if it failed on a connection that existed before the call.
        """
        if (held := self._taken()) is not None:
            try:
                return self._ask(held, statement, parameters)
            except LOST:
                self.close()
        try:
            return self._ask(_Held(connect(self._url)), statement, parameters)
        except LOST as error:
            raise in_our_words(error) from error

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
        """Yield a cursor in a transaction.

        Raises Unavailable when PostgreSQL does not answer, and NotSaving for a write that it
        refuses.
        """
        try:
            held = self._taken() or _Held(connect(self._url))
            with held.connection.transaction(), held.connection.cursor() as cursor:
                yield cursor
        except LOST as error:
            self.close()
            raise in_our_words(error) from error
        self._idle.append(held)

    def close(self) -> None:
        """Close the idle connections."""
        while self._taken() is not None:
            pass

    def _taken(self) -> _Held | None:
        """Take an idle connection out of the list; None if there is none that works."""
        while True:
            try:
                held = self._idle.pop()  # of two threads, each gets another one
            except IndexError:
                return None
            if not answer_limits.has_ended(held.connection):
                return held

    def _ask(self, held: _Held, statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
        row = held.connection.execute(statement, parameters).fetchone()
        self._idle.append(held)
        return row


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
