"""Send the statements of every request directly to the driver, at a third of the cost.

The overhead of SQLAlchemy for each statement (its cache key, its events, its result) costs as much
as PostgreSQL's answer. All statements but these few use the session, which can do more.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from importlib import resources
from typing import Any, NamedTuple, Self

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus
from sqlalchemy import Connection, Engine, PoolProxiedConnection, TextClause, func, select
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import BindParameter, ClauseElement

from portal import fast
from portal.core.threads.precedence import give_way
from portal.fast import answer_limits, pipeline
from portal.fast.pipeline import BEGIN, Ask

NO_SETTINGS: Mapping[str, str] = {}
# A plan for every tenant knows only how many rows an average one has: it would read a whole table
# to find some rows of a small one, those of a big tenant first. An index finds them for all.
PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
# How many rows have a value depends on it, and so does the plan that finds them.
PLANNED_ANEW = {"plan_cache_mode": "force_custom_plan"}
PLANNED_AS_USUAL = {"plan_cache_mode": "auto", "enable_seqscan": "on"}


class Dialect(PGDialect_psycopg):
    """Commit like this module; otherwise behave like SQLAlchemy's dialect for psycopg."""

    supports_statement_cache = True

    def connect(self, *arguments: Any, answer_seconds: float | None = None, **named: Any) -> Any:
        """Open a connection (called by SQLAlchemy with its `connect_args`).

        It is closed when an answer takes longer than `answer_seconds`.
        """
        connection = answer_limits.Connection[Any].connect(*arguments, **named)
        connection.answer_seconds = answer_seconds
        return connection

    def do_execute(self, *arguments: Any, **named: Any) -> None:
        """Run a statement (called by SQLAlchemy)."""
        give_way()
        super().do_execute(*arguments, **named)  # type: ignore[no-untyped-call]

    def do_commit(self, dbapi_connection: Any) -> None:
        """Commit the transaction of a pooled connection (called by SQLAlchemy)."""
        pipeline.commit(_driver(dbapi_connection))


DIALECT_NAME = "postgresql+portal"  # in the address of a database
registry.register(DIALECT_NAME.replace("+", "."), __name__, Dialect.__name__)
DIALECT = Dialect()  # type: ignore[no-untyped-call]


class Statement:
    """A statement that SQLAlchemy compiles once, with named values.

    A list is one value: `= ANY(:names)`. A parameter with a callable is evaluated at each run: the
    statement may be run by another application than the one that had it compiled.

    PostgreSQL plans it for each run if it expects more of that, and always the same way if it
    `is_planned_once`: that is for long statements whose best plan depends on no value. They use an
    index wherever there is one.
    """

    def __init__(self, clause: ClauseElement, *, is_planned_once: bool = False) -> None:
        self.clause = clause
        self.is_planned_once = is_planned_once
        written = clause.compile(dialect=DIALECT)
        self.sql = str(written)
        # Converts each value for the wire as the type of its column requires, for example to JSON.
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

    @classmethod
    def of_file(cls, package: str, name: str) -> Self:
        """Return the statement in a file of a package. `:name` is a parameter there."""
        return cls(TextClause(resources.files(package).joinpath(name).read_text()))

    def _for_the_wire(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self._wired[name](value) if name in self._wired else value
            for name, value in values.items()
        }

    def send(
        self,
        connection: Connection,
        values: Mapping[str, Any],
        settings: Mapping[str, str] = NO_SETTINGS,
    ) -> list[tuple[Any, ...]]:
        """Run in the transaction of the connection, after applying `settings`; return all rows.

        Begin a transaction if none is open. Raise the same errors as SQLAlchemy.
        """
        return send_together(connection, [Bound(self, values)], settings)[0]

    def alone(
        self, engine: Engine, settings: Mapping[str, str], values: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Run in a transaction of its own, with one message in each direction; return all rows.

        Raise the same errors as SQLAlchemy.
        """
        return together_alone(engine, settings, [Bound(self, values)])[0]

    def bound(self, values: Mapping[str, Any]) -> Ask:
        """Return the statement with these values, in the form that is sent."""
        sql, names = self._numbered
        every = self.everything(values)
        return Ask(sql, [every[name] for name in names])

    def everything(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return these values and those of the statement itself, in the form that is sent."""
        wired = self._for_the_wire(values) if self._wired else values
        asked = {name: ask() for name, ask in self._asked.items()}
        return {**self.fixed, **asked, **wired}

    @cached_property
    def _numbered(self) -> tuple[bytes, list[str]]:
        return pipeline.numbered(self.sql)


class Bound(NamedTuple):
    """Hold a statement with its values, for a thread or an event loop to send."""

    statement: Statement
    values: Mapping[str, Any]

    @property
    def ask(self) -> Ask:
        """Return the statement in the form that is sent."""
        return self.statement.bound(self.values)


def send_together(
    connection: Connection, bound: Sequence[Bound], settings: Mapping[str, str] = NO_SETTINGS
) -> list[list[tuple[Any, ...]]]:
    """Run statements like `Statement.send`, in one message; return the rows of each."""
    if not fast.uses("statements"):
        return _send_plainly(connection, bound, settings)
    give_way()
    asks, places = _in_turn(bound, settings)
    if bound[-1].statement.is_planned_once:
        asks.append(setting(PLANNED_AS_USUAL))
    before = _beginning(connection)
    places = [len(before) + place for place in places]
    return _sent(connection.connection, [*before, *asks], lambda: connection, places)


def together_alone(
    engine: Engine, settings: Mapping[str, str], bound: Sequence[Bound]
) -> list[list[tuple[Any, ...]]]:
    """Run statements like `Statement.alone`, in one message; return the rows of each."""
    if not fast.uses("statements"):
        with engine.begin() as connection:
            return _send_plainly(connection, bound, settings)
    asks, places = _in_turn(bound, settings)
    pooled = engine.raw_connection()  # SQLAlchemy's own takes twice as long to create
    try:
        return _sent(pooled, asks, lambda: Connection(engine, pooled), places)
    finally:
        pooled.close()


def _in_turn(bound: Sequence[Bound], settings: Mapping[str, str]) -> tuple[list[Ask], list[int]]:
    """Return statements with the settings that precede each, and the places of the statements."""
    asks, places = list[Ask](), list[int]()
    for one in bound:
        if one.statement.is_planned_once:
            settings = {**settings, **PLANNED_ONCE}
        elif asks and bound[len(places) - 1].statement.is_planned_once:
            settings = {**settings, **PLANNED_AS_USUAL}
        if settings:
            asks.append(setting(settings))
        places.append(len(asks))
        asks.append(one.ask)
        settings = NO_SETTINGS
    return asks, places


def _send_plainly(
    connection: Connection, bound: Sequence[Bound], settings: Mapping[str, str]
) -> list[list[tuple[Any, ...]]]:
    if settings:
        set_local(connection, settings)
    answers = []
    for statement, values in bound:
        found = connection.execute(statement.clause, values)  # type: ignore[call-overload]
        answers.append([tuple(row) for row in found] if found.returns_rows else [])
    return answers


def set_local(connection: Connection, settings: Mapping[str, str]) -> None:
    """Apply settings until the transaction ends. Begin it in the same message if none is open."""
    if not fast.uses("statements"):
        calls = (func.set_config(name, value, True) for name, value in settings.items())
        connection.execute(select(*calls))
        return
    asks = [*_beginning(connection), setting(settings)]
    _sent(connection.connection, asks, lambda: connection)


def _beginning(connection: Connection) -> list[Ask]:
    status = _driver(connection.connection).pgconn.transaction_status
    return [BEGIN] if status == TransactionStatus.IDLE else []


def setting(settings: Mapping[str, str]) -> Ask:
    """Return the statement that applies these settings until the transaction ends."""
    return Ask(_set(tuple(settings)), list(settings.values()))


@cache
def _set(names: tuple[str, ...]) -> bytes:
    calls = (f"set_config('{name}', ${n}, true)" for n, name in enumerate(names, 1))
    return f"SELECT {', '.join(calls)}".encode()


def _sent(
    pooled: PoolProxiedConnection,
    asks: Sequence[Ask],
    connection: Callable[[], Connection],
    places: Sequence[int] = (-1,),
) -> list[list[tuple[Any, ...]]]:
    """Run statements and return the rows of those at some places. `connection` is called after an
    error."""
    driver = _driver(pooled)
    try:
        return pipeline.run(driver, pooled.info, asks, places)
    except psycopg.Error as error:
        sql = ";\n".join(asks[place].sql.decode() for place in places)
        raise _as_sqlalchemy_says(connection(), sql, error) from error
    finally:
        if pooled.is_valid and driver.pgconn.pipeline_status != PipelineStatus.OFF:
            pooled.invalidate()  # interrupted: results are still on their way


def _driver(pooled: PoolProxiedConnection) -> psycopg.Connection[Any]:
    return pooled.driver_connection  # type: ignore[return-value]


def _as_sqlalchemy_says(connection: Connection, sql: str, error: psycopg.Error) -> Exception:
    # An error without a code is not the server's: libpq may need one more call to find the cause.
    if _driver(connection.connection).broken or error.sqlstate is None:
        connection.exec_driver_sql("SELECT 1")  # raises, and drops the pool's connections
    return DBAPIError.instance(sql, None, error, psycopg.Error)
