"""Send prepared statements to PostgreSQL in one message and read all the results.

Without BEGIN and COMMIT, the statements of one message are one transaction (libpq, "Pipeline
Mode"). This takes a third of the processor time of BEGIN, a statement and COMMIT as three messages.
A thread also waits once for PostgreSQL and for the other threads of its process, not three times.
psycopg's own pipeline costs as much as it saves.

psycopg lets other threads run in nearly every call of libpq, seven times for one statement. Under
load, each call wakes another thread, mostly in vain, so this module makes as few calls as it can.
"""

import asyncio
import re
import select
import threading
from collections.abc import AsyncIterator, Generator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import abc
from psycopg._preparing import Prepare
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import dict_row

from portal.core.deadlines import LOCK_SECONDS, connection_settings
from portal.fast.answer_limits import (
    ANSWER_SECONDS,
    INTERVAL_SECONDS,
    Result,
    is_of_the_wait,
    limited,
    no_answer,
)

# Statements that are always answered from an index, whatever the statistics say about a table that
# is empty now and holds a million rows a minute later. Without enable_material, they cannot keep a
# table's rows in memory and compare all of them with each row of another one.
PLANNING = {
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
}
WRITER = "value writer"  # in a connection's `info`
READERS = "row readers by statement"
MOST_READERS = 100


class Ask(NamedTuple):
    """A statement with `$1` for its first value, and its values."""

    sql: bytes
    values: Sequence[Any]


BEGIN, COMMIT = Ask(b"BEGIN", ()), Ask(b"COMMIT", ())


def numbered(sql: str) -> tuple[bytes, list[str]]:
    """Replace each `%(name)s` in a statement by `$1` and so on; return it with the names."""
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        name = found[1]
        return "%" if name is None else f"${names.setdefault(name, len(names) + 1)}"

    return re.sub(r"%\(([^)]+)\)s|%%", number, sql).encode(), list(names)


class _Query(NamedTuple):
    """Identify a statement as psycopg's cache of prepared statements does.

    It does so by the statement's text and the types (OIDs) of its values.
    """

    query: bytes
    types: tuple[int, ...]


class _Sent(NamedTuple):
    """Hold a statement with its values, ready for libpq. It is already prepared unless `is_new`."""

    query: _Query
    name: bytes
    values: Any
    formats: Any
    is_new: bool


_Driver = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]
_Info = MutableMapping[Any, Any]
"""The dictionary of a pooled connection, which lives as long as the connection."""


def run(
    driver: psycopg.Connection[Any], info: _Info, asks: Sequence[Ask], places: Sequence[int] = (-1,)
) -> list[list[tuple[Any, ...]]]:
    """Run statements and return the rows of each one at these places, of the last if not given.

    They are a transaction of their own if none is open. `info` stores the connection's value writer
    and row readers. Raise psycopg.Error: statements that PostgreSQL refused changed nothing, but
    those sent on a lost connection may have been executed.
    """
    with limited(driver):
        sent = [_prepared(driver, info, ask) for ask in asks]
        one_call = len(sent) == 1 and not _may_be_interrupted()
        results = _alone(driver.pgconn, sent[0]) if one_call else _together(driver.pgconn, sent)
    for one, result in zip(sent, results[: len(sent)], strict=True):
        _require(driver, one.query, result)
    if len(results) > len(sent):  # a check at the end of all statements failed
        raise _error(driver, results[-1])
    return [_rows(driver, info, sent[place].query, results[place]) for place in places]


def is_refusal(error: BaseException) -> bool:
    """Tell whether PostgreSQL refused a statement, and so rolled back its transaction.

    If PostgreSQL closes the connection instead, the outcome of the transaction is unknown.
    """
    return isinstance(error, psycopg.Error) and error.diag.severity_nonlocalized == "ERROR"


class Connection(psycopg.AsyncConnection[dict[str, Any]]):
    """Connect an event loop to PostgreSQL, to send several statements in one message."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._kept: dict[Any, Any] = {}

    async def wait(
        self,
        gen: PQGen[Result],
        interval: float = INTERVAL_SECONDS,
        timeout: float | None = None,
    ) -> Result:
        """Wait for an answer (called by psycopg), like `answer_limits.Connection`."""
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        try:
            return await super().wait(gen, interval, ANSWER_SECONDS)
        except psycopg.OperationalError as error:
            if not is_of_the_wait(self, error):
                raise
            self.pgconn.finish()
            raise no_answer(ANSWER_SECONDS) from error

    async def ask(self, *asks: Ask) -> list[list[tuple[Any, ...]]]:
        """Run statements in one message and return the rows of each.

        This is like `run`, but the statements may begin and end a transaction. If the caller is
        cancelled before they end, or their results take longer than ANSWER_SECONDS, the connection
        is closed.
        """
        return [rows for rows, _ in await self._results(asks)]

    async def send(self, *asks: Ask) -> list[list[dict[str, Any]]]:
        """Run statements like `ask`. A row is a dictionary with the names of the columns."""
        return [_named(result, rows) for rows, result in await self._results(asks)]

    async def _results(self, asks: Sequence[Ask]) -> list[tuple[list[tuple[Any, ...]], PGresult]]:
        async with self.lock:
            try:
                async with asyncio.timeout(ANSWER_SECONDS) as limit:
                    planned = _planned_together(self, self._kept, asks)
                    sent, results = await _exchanged(self, planned)
            except BaseException as error:
                self.pgconn.finish()  # results may still be on their way
                if isinstance(error, TimeoutError) and limit.expired():
                    raise no_answer(ANSWER_SECONDS) from error
                raise
            answers = []
            for one, result in zip(sent, results[: len(sent)], strict=True):
                if one.is_new:
                    _note_prepared(self, self._kept, one, result)
                else:
                    _require(self, one.query, result)
                    answers.append((_rows(self, self._kept, one.query, result), result))
            if len(results) > len(sent):  # a check at the end of all statements failed
                raise _error(self, results[-1])
            await self.wait(self._prepared.maintain_gen(self))
            return answers


async def connect(url: str, application: str, lock_seconds: float = LOCK_SECONDS) -> Connection:
    """Open a connection for an event loop, for statements that are planned once.

    `url` is one for libpq.
    """
    settings = connection_settings(application, lock_seconds=lock_seconds, settings=PLANNING)
    connection = await Connection.connect(url, autocommit=True, row_factory=dict_row, **settings)
    connection.prepare_threshold = 0  # planning over all partitions happens once
    return connection


async def hear(connection: Connection, seconds: float) -> list[psycopg.Notify]:
    """Return the notifications that came, as soon as there is one, or none after `seconds`.

    `Connection.notifies` looks ten times a second; this sleeps until the server sends something.
    """
    if found := await _come(connection):
        return found
    loop, socket, is_readable = asyncio.get_running_loop(), connection.fileno(), asyncio.Event()
    loop.add_reader(socket, is_readable.set)
    try:
        async with asyncio.timeout(seconds):
            await is_readable.wait()
    except TimeoutError:
        return []
    finally:
        loop.remove_reader(socket)
    return await _come(connection)


async def _come(connection: Connection) -> list[psycopg.Notify]:
    return [notice async for notice in connection.notifies(timeout=0)]


@asynccontextmanager
async def rolled_back(connection: Connection) -> AsyncIterator[None]:
    """Roll back the transaction if the block raises."""
    try:
        yield
    except BaseException:
        try:
            await connection.rollback()
        except psycopg.Error:
            await connection.close()  # which rolls back as well
        raise


def commit(driver: psycopg.Connection[Any]) -> None:
    """Commit the open transaction, if there is one. Raise psycopg.Error.

    PostgreSQL takes the COMMIT of a failed transaction for a ROLLBACK, which is no error to it.
    """
    status = driver.pgconn.transaction_status
    if status == TransactionStatus.INERROR:
        raise psycopg.errors.InFailedSqlTransaction("a statement failed: nothing was committed")
    if _may_be_interrupted():
        driver.commit()
    elif status != TransactionStatus.IDLE:
        with limited(driver):
            result = driver.pgconn.exec_(b"COMMIT")
        if result.status != ExecStatus.COMMAND_OK:
            raise _error(driver, result)


def _may_be_interrupted() -> bool:
    """Tell whether this thread handles signals, which only the main thread does.

    A signal handler runs only between two calls of libpq, so a call that waits for PostgreSQL would
    keep a worker from ending.
    """
    return threading.current_thread() is threading.main_thread()


def _alone(pgconn: PGconn, one: _Sent) -> list[PGresult]:
    return [pgconn.exec_prepared(one.name, one.values, one.formats)]


def _together(pgconn: PGconn, sent: Sequence[_Sent]) -> list[PGresult]:
    pgconn.enter_pipeline_mode()
    for one in sent:
        pgconn.send_query_prepared(one.name, one.values, one.formats)
    pgconn.pipeline_sync()
    results = _waited(pgconn)
    pgconn.exit_pipeline_mode()
    return results


async def _exchanged(
    driver: psycopg.AsyncConnection[Any], planned: Sequence[_Sent]
) -> tuple[list[_Sent], list[PGresult]]:
    """Send statements, each new one after its text. Return all that was sent, and the results."""
    pgconn, sent = driver.pgconn, []
    pgconn.enter_pipeline_mode()
    for one in planned:
        if one.is_new:
            pgconn.send_prepare(one.name, *one.query)
            sent.append(one)
        pgconn.send_query_prepared(one.name, one.values, one.formats)
        sent.append(one._replace(is_new=False))
    pgconn.pipeline_sync()
    results = await _awaited(pgconn)
    pgconn.exit_pipeline_mode()
    return sent, results


def _prepared(driver: psycopg.Connection[Any], info: _Info, ask: Ask) -> _Sent:
    """Prepare a statement if the connection does not know it yet."""
    one = _planned(driver, info, ask)
    if one.is_new:
        _note_prepared(driver, info, one, driver.pgconn.prepare(one.name, *one.query))
        driver.wait(driver._prepared.maintain_gen(driver))  # drops the least recently used
    return one


def _planned(driver: _Driver, info: _Info, ask: Ask) -> _Sent:
    """Return a statement with the name that it has or will have.

    psycopg stores the names, because it forgets a name when it makes PostgreSQL forget the
    statement.
    """
    if WRITER not in info:
        info[WRITER], info[READERS] = Transformer(driver), {}
    writer, known = info[WRITER], driver._prepared
    values = writer.dump_sequence(ask.values, [PyFormat.AUTO] * len(ask.values))
    query = _Query(ask.sql, writer.types or ())
    state, name = known.get(query, prepare=True)  # type: ignore[arg-type]
    is_new = state == Prepare.SHOULD
    if not is_new:
        known.maybe_add_to_cache(query, state, name)  # type: ignore[arg-type]
    return _Sent(query, name, values, writer.formats, is_new)


def _planned_together(driver: _Driver, info: _Info, asks: Sequence[Ask]) -> list[_Sent]:
    """Plan the statements of one message. A new statement is prepared only once."""
    planned, new = [], dict[_Query, bytes]()
    for ask in asks:
        one = _planned(driver, info, ask)
        if one.is_new and (name := new.setdefault(one.query, one.name)) != one.name:
            one = one._replace(name=name, is_new=False)
        planned.append(one)
    return planned


def _note_prepared(driver: _Driver, info: _Info, one: _Sent, result: PGresult) -> None:
    """Record that PostgreSQL has prepared a statement."""
    _require(driver, one.query, result)
    info[READERS].pop(one.query, None)
    known = driver._prepared
    known.maybe_add_to_cache(one.query, Prepare.SHOULD, one.name)  # type: ignore[arg-type]
    known.validate(one.query, Prepare.SHOULD, one.name, [result])


def _rows(driver: _Driver, info: _Info, query: _Query, result: PGresult) -> list[tuple[Any, ...]]:
    """Return the rows of a result, or an empty list for a command that returns none."""
    if not result.nfields:
        return []
    readers: dict[_Query, abc.Transformer] = info[READERS]
    reader = readers.get(query)
    if is_new := reader is None:
        if len(readers) >= MOST_READERS:
            readers.clear()
        reader = readers[query] = Transformer(driver)
    reader.set_pgresult(result, set_loaders=is_new)
    rows = reader.load_rows(0, result.ntuples, tuple)
    reader.set_pgresult(None, set_loaders=False)  # do not keep a caller's data
    return rows


def _named(result: PGresult, rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    if not rows:
        return []
    names = [(result.fname(n) or b"").decode() for n in range(result.nfields)]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _waited(pgconn: PGconn) -> list[PGresult]:
    """Wait for the results of all statements, and return them."""
    watched, answers = select.poll(), _answers(pgconn)
    try:
        while True:
            watched.register(pgconn.socket, next(answers))
            watched.poll()
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def _awaited(pgconn: PGconn) -> list[PGresult]:
    """Wait like `_waited`, in an event loop."""
    answers = _answers(pgconn)
    try:
        while True:
            await _ready(pgconn.socket, next(answers))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def _ready(socket: int, events: int) -> None:
    """Wait until a socket can be read, or also until it can be written to, as `events` requires."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(socket, wake)
    if events & select.POLLOUT:
        loop.add_writer(socket, wake)
    try:
        await ready
    finally:
        loop.remove_reader(socket)
        if events & select.POLLOUT:
            loop.remove_writer(socket)


def _answers(pgconn: PGconn) -> Generator[int, None, list[PGresult]]:
    """Return the results of all statements. Until the last one is there, yield what to wait for."""
    while pgconn.flush():
        yield select.POLLIN | select.POLLOUT
        pgconn.consume_input()  # PostgreSQL may not read on until we have read its results
    results: list[PGresult] = []
    while True:
        while pgconn.is_busy():
            yield select.POLLIN
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.status == ConnStatus.BAD:  # libpq has given up: no result comes any more
                raise psycopg.OperationalError(pgconn.get_error_message())
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)
        pgconn.get_result()  # None, which needs no wait: the end of this statement's results


def _require(driver: _Driver, query: _Query, result: PGresult) -> None:
    """Raise the error that a result holds, if any."""
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return
    error = _error(driver, result)
    if isinstance(error, psycopg.errors.FeatureNotSupported):
        # A migration has changed what the statement returns: prepare it again the next time.
        driver._prepared.validate(query, Prepare.YES, b"", [result])
    raise error


def _error(driver: _Driver, result: PGresult) -> psycopg.Error:
    """Return the error that a result holds, as an exception."""
    error = psycopg.errors.error_from_result(result, driver.info.encoding)
    if error.sqlstate is None:
        # libpq has no code for a lost connection, and psycopg no class for an error without a code.
        # It may not know yet that the connection is lost.
        return psycopg.OperationalError(str(error))
    return error
