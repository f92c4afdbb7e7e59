"""The engine's own connections for look-ups and traces: one a thread, prepared.

A statement shares no transaction with the request that it is sent for.
"""

import threading
from typing import Any

import psycopg

from portal.core.config import libpq_url
from portal.core.deadlines import connection_settings
from portal.core.errors import Unavailable

Parameters = tuple[Any, ...]
Connection = psycopg.Connection[tuple[Any, ...]]


class _Held:
    """Closes its connection when the thread that it belongs to ends."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class Wire:
    """Asks PostgreSQL, from any thread. A connection that broke is made again, once a question."""

    def __init__(self, database_url: str) -> None:
        self._url = libpq_url(database_url)
        self._local = threading.local()

    def one(self, statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
        """Return the first row of the answer. Unavailable when the database does not answer.

        A question is asked again only if the connection was broken before it could be asked.
        """
        try:
            return self._ask(statement, parameters)
        except psycopg.OperationalError as error:
            if self._connected() and not self._local.fresh:
                self._forget()
                return self._again(statement, parameters)
            self._forget()
            raise away() from error

    def many(self, statement: str, rows: list[Parameters]) -> None:
        """One statement for each of the rows, in one transaction."""
        try:
            connection = self.connection()
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(statement, rows)
        except psycopg.OperationalError as error:
            self._forget()
            raise away() from error

    def connection(self) -> Connection:
        """Return this thread's connection."""
        held: _Held | None = getattr(self._local, "held", None)
        self._local.fresh = held is None or held.connection.closed
        if held is None or held.connection.closed:
            held = self._local.held = _Held(connect(self._url))
        return held.connection

    def close(self) -> None:
        """Give this thread's connection back."""
        self._forget()

    def _ask(self, statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
        return self.connection().execute(statement, parameters).fetchone()

    def _again(self, statement: str, parameters: Parameters) -> tuple[Any, ...] | None:
        try:
            return self._ask(statement, parameters)
        except psycopg.OperationalError as error:
            self._forget()
            raise away() from error

    def _connected(self) -> bool:
        return getattr(self._local, "held", None) is not None

    def _forget(self) -> None:
        self._local.held = None


def connect(url: str, application: str = "portal-keys") -> Connection:
    """Return a connection of the engine; `url` as libpq reads it."""
    connection = psycopg.connect(
        url,
        autocommit=True,
        # Traces of refusals and sources of guesses may be forgotten by a crash.
        **connection_settings(application, settings={"synchronous_commit": "off"}),
    )
    connection.prepare_threshold = 1
    return connection


def away() -> Unavailable:
    """Return the error of a question that PostgreSQL did not answer in time."""
    return Unavailable("Keys cannot be checked right now. Try again in a moment.")
