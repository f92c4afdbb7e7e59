"""Send prepared statements to PostgreSQL in one message and read all the answers.

Without BEGIN and COMMIT, the statements of one message are one transaction (libpq, "Pipeline
Mode"). This takes a third of the processor time of BEGIN, a statement and COMMIT as three messages.
A thread also waits once for PostgreSQL and for the other threads of its process, not three times.
psycopg's own pipeline costs as much as it saves.

psycopg lets other threads run in nearly every call of libpq, seven times for one statement. Under
load each time wakes a thread, mostly in vain, so this uses as few calls as it can.
"""

import select
import threading
from collections.abc import MutableMapping, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import abc
from psycopg._preparing import Prepare
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

WRITER = "value writer"  # in a connection's `info`
READERS = "row readers by statement"
MOST_READERS = 100


class Ask(NamedTuple):
    """A statement with `$1` for its first value, and the values."""

    sql: bytes
    values: Sequence[Any]


class _Query(NamedTuple):
    """A statement as psycopg knows those that it has prepared: by its text and the types (OIDs) of
    its values."""

    query: bytes
    types: tuple[int, ...]


class _Sent(NamedTuple):
    """Hold a prepared statement with its values, ready for libpq."""

    query: _Query
    name: bytes
    values: Any
    formats: Any


_Info = MutableMapping[Any, Any]
"""A pooled connection's own dictionary, which lives as long as the connection."""


def run(driver: psycopg.Connection[Any], info: _Info, asks: Sequence[Ask]) -> list[tuple[Any, ...]]:
    """Run statements and return the rows of the last one.

    They are a transaction of their own if none is open. `info` keeps the connection's value writer
    and row readers. Raises psycopg.Error: statements that PostgreSQL refused changed nothing, but
    those of a connection that was lost may have been carried out.
    """
    sent = [_prepared(driver, info, ask) for ask in asks]
    one_call = len(sent) == 1 and not _may_be_interrupted()
    results = _alone(driver.pgconn, sent[0]) if one_call else _together(driver.pgconn, sent)
    for one, result in zip(sent, results[: len(sent)], strict=True):
        _require(driver, one.query, result)
    if len(results) > len(sent):  # what was to be checked when all are carried out
        raise _error(driver, results[-1])
    return _rows(driver, info, sent[-1].query, results[-1])


def commit(driver: psycopg.Connection[Any]) -> None:
    """Commit the open transaction, if there is one. Raises psycopg.Error."""
    if _may_be_interrupted():
        driver.commit()
    elif driver.pgconn.transaction_status != TransactionStatus.IDLE:
        result = driver.pgconn.exec_(b"COMMIT")
        if result.status != ExecStatus.COMMAND_OK:
            raise _error(driver, result)


def _may_be_interrupted() -> bool:
    """Tell whether this thread handles signals: a handler runs only between two calls of libpq, so
    one that waits for PostgreSQL would keep a worker from ending."""
    return threading.current_thread() is threading.main_thread()


def _alone(pgconn: PGconn, one: _Sent) -> list[PGresult]:
    return [pgconn.exec_prepared(one.name, one.values, one.formats)]


def _together(pgconn: PGconn, sent: Sequence[_Sent]) -> list[PGresult]:
    pgconn.enter_pipeline_mode()
    for one in sent:
        pgconn.send_query_prepared(one.name, one.values, one.formats)
    pgconn.pipeline_sync()
    results = _answers(pgconn)
    pgconn.exit_pipeline_mode()
    return results


def _prepared(driver: psycopg.Connection[Any], info: _Info, ask: Ask) -> _Sent:
    """Prepare a statement if the connection does not know it yet.

    psycopg keeps the names, because it forgets them when it has PostgreSQL forget them.
    """
    if WRITER not in info:
        info[WRITER], info[READERS] = Transformer(driver), {}
    writer, known = info[WRITER], driver._prepared
    values = writer.dump_sequence(ask.values, [PyFormat.AUTO] * len(ask.values))
    query = _Query(ask.sql, writer.types or ())
    state, name = known.get(query, prepare=True)  # type: ignore[arg-type]
    if state == Prepare.SHOULD:
        result = driver.pgconn.prepare(name, *query)
        _require(driver, query, result)
        info[READERS].pop(query, None)
    known.maybe_add_to_cache(query, state, name)  # type: ignore[arg-type]
    if state == Prepare.SHOULD:
        known.validate(query, state, name, [result])
        driver.wait(known.maintain_gen(driver))  # drops the statement that was unused longest
    return _Sent(query, name, values, writer.formats)


def _rows(
    driver: psycopg.Connection[Any], info: _Info, query: _Query, result: PGresult
) -> list[tuple[Any, ...]]:
    """Return the rows of a result; none for a command that returns no rows."""
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
    reader.set_pgresult(None, set_loaders=False)  # keep nothing of a caller's data
    return rows


def _answers(pgconn: PGconn) -> list[PGresult]:
    """Return the results of all statements, once the last is here."""
    watched = select.poll()
    while pgconn.flush():
        watched.register(pgconn.socket, select.POLLIN | select.POLLOUT)
        watched.poll()
        pgconn.consume_input()  # PostgreSQL may wait for us to read before it reads on
    watched.register(pgconn.socket, select.POLLIN)
    results: list[PGresult] = []
    while True:
        while pgconn.is_busy():
            watched.poll()
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.status == ConnStatus.BAD:  # libpq gave it up: nothing comes any more
                raise psycopg.OperationalError(pgconn.get_error_message())
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)
        pgconn.get_result()  # None, which needs no wait: the end of this statement's answers


def _require(driver: psycopg.Connection[Any], query: _Query, result: PGresult) -> None:
    """Raise the error that a result holds, if any."""
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return
    error = _error(driver, result)
    if isinstance(error, psycopg.errors.FeatureNotSupported):
        # A migration has changed what the statement returns: prepare it again the next time.
        driver._prepared.validate(query, Prepare.YES, b"", [result])
    raise error


def _error(driver: psycopg.Connection[Any], result: PGresult) -> psycopg.Error:
    """Return the error that a result holds."""
    error = psycopg.errors.error_from_result(result, driver.info.encoding)
    if error.sqlstate is None and driver.broken:
        # libpq has no code for a lost connection, and psycopg no class for what has no code.
        return psycopg.OperationalError(str(error))
    return error
