"""Where the portal speaks to the driver itself: what every request does, at a third of the cost.

What SQLAlchemy does around a statement each time (its cache's key, its events, its result) costs as
much as PostgreSQL's answer. Everything but these few is for the session, which can do more.
"""

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg.pq import Escaping, ExecStatus, TransactionStatus
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import BindParameter, ClauseElement

DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


class Statement:
    """A statement that SQLAlchemy writes once, with its values by name.

    A list is one value: `= ANY(:names)`. What a parameter has a callable for is asked each time:
    the statement may be run by another application than the one that had it written.
    """

    def __init__(self, clause: ClauseElement) -> None:
        written = clause.compile(dialect=DIALECT)
        self.sql = str(written)
        # How each value is put on the wire, as the types of its columns say: JSON, for one.
        self._wired: Mapping[str, Callable[[Any], Any]] = written._bind_processors  # type: ignore[attr-defined]
        binds: Mapping[str, BindParameter[Any]] = written.binds  # type: ignore[attr-defined]
        self._asked: Mapping[str, Callable[[], Any]] = {
            name: bind.callable for name, bind in binds.items() if bind.callable is not None
        }
        self.fixed = self._for_the_wire(
            {
                name: value
                for name, value in written.params.items()
                if value is not None and name not in self._asked
            }
        )

    def _for_the_wire(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self._wired[name](value) if name in self._wired else value
            for name, value in values.items()
        }

    def send(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows, in the transaction of the connection; none of what answers none.

        Fails as SQLAlchemy's own would.
        """
        driver = _driver(connection)
        try:
            wired = self._for_the_wire(values) if self._wired else values
            asked = {name: ask() for name, ask in self._asked.items()} if self._asked else {}
            cursor = driver.execute(self.sql, {**self.fixed, **asked, **wired})
            return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []
        except psycopg.Error as error:
            raise _as_sqlalchemy_says(connection, self.sql, error) from error

    def alone(
        self, engine: Engine, settings: Mapping[str, str], values: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """The rows, in a transaction of their own: what a session does around one is saved."""
        with engine.connect() as connection:
            set_local(connection, settings)
            rows = self.send(connection, values)
            # An error leaves the transaction to the pool, which rolls it back.
            _told(connection, b"COMMIT")
            return rows


def set_local(connection: Connection, settings: Mapping[str, str]) -> None:
    """Set these until the transaction ends; begins it, in the same message, where none is open."""
    driver = _driver(connection)
    literal = Escaping(driver.pgconn).escape_literal
    said = [b"SET LOCAL %s = %s" % (name.encode(), bytes(literal(value.encode())))
            for name, value in settings.items()]  # fmt: skip
    if driver.pgconn.transaction_status == TransactionStatus.IDLE:
        said.insert(0, b"BEGIN")
    _told(connection, b"; ".join(said))


def _told(connection: Connection, command: bytes) -> None:
    """A command that answers nothing."""
    result = _driver(connection).pgconn.exec_(command)
    if result.status != ExecStatus.COMMAND_OK:
        error = psycopg.errors.error_from_result(result)
        raise _as_sqlalchemy_says(connection, "a command", error) from error


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    return connection.connection.driver_connection  # type: ignore[return-value]


def _as_sqlalchemy_says(connection: Connection, sql: str, error: psycopg.Error) -> Exception:
    # What has no code was not said by the server: libpq may take one more call to see why.
    if _driver(connection).broken or error.sqlstate is None:
        connection.exec_driver_sql("SELECT 1")  # raises, and lets go of the whole pool
    return DBAPIError.instance(sql, None, error, psycopg.Error)
