"""Count calls in PostgreSQL, in batches: one statement for many costs little more than for one.

One thread of each process sends the batches, one after the other; the calls that arrive while one
runs are the next batch. No call waits for a locked row. A call whose rows another transaction holds
is retried a moment later, and delays no other call.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import orjson
import psycopg
import structlog
from psycopg.errors import (
    DeadlockDetected,
    LockNotAvailable,
    QueryCanceled,
    ReadOnlySqlTransaction,
)

from portal.core.config import libpq_url
from portal.core.deadlines import connection_settings
from portal.core.errors import Conflict, FieldError, UnknownOutcome
from portal.fast import answer_limits, pipeline
from portal.fast.pipeline import Ask
from portal.keys.decision.lookup_connections import LOST, in_our_words, unavailable
from portal.keys.limits.window_leases import Lender

log = structlog.stdlib.get_logger(__name__)

ANSWER_SECONDS = 2.5  # until a call that could not be counted fails
ATTEMPT_SECONDS = 1.1  # for one answer of PostgreSQL: a call can be sent twice before it fails
END_MILLISECONDS = 200  # to wait for the end of a server process that did not answer
AGAIN_SECONDS = 0.002  # until a call whose rows were locked is retried; doubled each time
LONGEST_AGAIN_SECONDS = 0.05
# A call whose rows stay locked fails before its caller gives up: it was certainly not counted.
BEFORE_THE_END_SECONDS = 0.3
LARGEST_BATCH = 200
RETURNED_AT_ONCE = 20  # leases and slices returned by one statement
STATEMENT_SECONDS = 1.0  # a batch takes milliseconds, and waits for no lock
ALONE_SECONDS = 0.25  # for a call that is counted alone, after its batch took too long
HOLD_SECONDS = 600  # until a reservation that nobody settles expires
LEND_SECONDS = 30.0  # for which a process may use a slice of a budget
ADMIT = b"SELECT * FROM admit_calls($1::text::jsonb, $2, $3)"
RETURN = "SELECT return_slices(%s::text::jsonb)"
WHO = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
LIMIT = "SELECT set_config('statement_timeout', %s, false)"
RUNNING = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = ANY (%s)"
# A pid is used again, and the one that libpq tells may be that of a pooler.
END = """
SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity
WHERE pid = %s AND backend_start = %s AND application_name = %s
"""
APPLICATION = "portal-key-counting"
BUSY = "BUSY"
HELD_UP = (QueryCanceled, LockNotAvailable, DeadlockDetected)
MAY_BE_COUNTED = (
    "The database gave no answer, so this call may have been counted. Ask again in a moment; a call"
    " that repeats its own reservation_id takes nothing twice."
)
TOO_MUCH = FieldError(
    "estimated_usd", "A key reserves and spends less than 1,000,000,000 US dollars in one period."
)

Arguments = dict[str, Any]
"""The arguments for one call, by the names that admit_calls reads."""


class Counted(NamedTuple):
    """A row of the result of admit_calls; see there."""

    n: int
    refused: str | None
    slot: int | None
    until_ms: int | None
    requests_used: int
    requests_lent: int
    tokens_used: int
    tokens_lent: int
    uses: int | None
    spent_usd: Any
    reserved_usd: Any
    period_end: Any
    lent_usd: Any
    lent_ms: int


class Call(Protocol):
    """A call to be counted, and what to do with the result."""

    may_be_counted: bool
    """True once it was sent and no answer came: PostgreSQL may have counted it."""

    @property
    def arguments(self) -> Arguments:
        """Return the arguments for admit_calls."""

    def repeat(self) -> None:
        """Prepare to be sent again, after its answer was lost."""

    def counted(self, row: Counted) -> Any:
        """Return the result for the caller, and store what was lent. Runs even if nobody waits."""

    def failed(self) -> None:
        """Undo what was taken for the call, as far as it cannot have been counted."""


class _Result(NamedTuple):
    """Hold the result for the caller: a value, or an error to raise."""

    value: Any
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class _Waiting:
    call: Call
    reply: Callable[[_Result], None]
    until: float
    again_at: float = 0.0
    tries: int = 0

    def result(self, row: Counted) -> _Result:
        try:
            return _Result(self.call.counted(row))
        except Exception as error:  # noqa: BLE001 - the caller handles it
            return _Result(None, error)

    def fail(self, error: Exception) -> None:
        self.call.failed()
        self.reply(
            _Result(None, UnknownOutcome(MAY_BE_COUNTED) if self.call.may_be_counted else error)
        )

    def put_off(self, now: float) -> None:
        self.again_at = now + min(LONGEST_AGAIN_SECONDS, AGAIN_SECONDS * 2**self.tries)
        self.tries += 1


class BatchCounter:
    """Count calls, from any thread. The first call starts the thread, in the caller's process."""

    def __init__(self, database_url: str) -> None:
        self._url = libpq_url(database_url)
        self._some = threading.Condition()
        self._new: deque[_Waiting] = deque()
        self._held: list[_Waiting] = []
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._connection: psycopg.Connection[Any] | None = None
        self.lender: Lender = ()
        """The process of PostgreSQL that counts; after it has ended, the last one that did."""
        self._kept: dict[Any, Any] = {}  # what the pipeline stores for the connection
        self._answers = _Answers()
        self._waking: asyncio.AbstractEventLoop | None = None  # the loop that will wake the thread
        self._returning: psycopg.Connection[Any] | None = None

    def count(self, call: Call) -> Any:
        """Count a call in PostgreSQL. Wait in this thread, and return the result of `counted`.

        Raises UnknownOutcome when PostgreSQL does not answer, Unavailable when it cannot be
        reached, or another transaction holds the call's rows for too long, and NotSaving while the
        database cannot be written.
        """
        future: Future[_Result] = Future()
        self._add(call, future.set_result)
        self._wake()
        try:
            result, error = future.result(ANSWER_SECONDS)
        except TimeoutError:
            raise UnknownOutcome(MAY_BE_COUNTED) from None
        if error is not None:
            raise error
        return result

    async def counted(self, call: Call) -> Any:
        """Do the same as `count`, in an event loop.

        All calls of a process must use the same loop.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._add(call, partial(self._answers.put, loop, future))
        # After the other requests that have arrived, so that their calls are in the same batch.
        if self._waking is not loop:
            self._waking = loop
            loop.call_soon(self._wake)
        # A timeout ends only the waiting: the call may be counted nevertheless.
        late = _Result(None, UnknownOutcome(MAY_BE_COUNTED))
        end = loop.call_later(ANSWER_SECONDS, _settle, future, late)
        try:
            return await future
        finally:
            end.cancel()

    def _add(self, call: Call, reply: Callable[[_Result], None]) -> None:
        self._new.append(_Waiting(call, reply, time.monotonic() + ANSWER_SECONDS))

    def _wake(self) -> None:
        """Start the thread, or let it look for new calls."""
        self._waking = None
        with self._some:
            if self._thread is None or not self._thread.is_alive():
                self._start()
            self._some.notify()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="key-counting", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:  # the system has room for no more threads
            log.error("calls of keys cannot be counted", reason=str(error))
            while self._new:
                self._new.popleft().fail(unavailable())
        else:
            self._thread = thread  # not before: the next call must start one that did not start

    def still_running(self, lenders: AbstractSet[Lender]) -> set[Lender]:
        """Return those of these processes of PostgreSQL that have not ended.

        One that has may have ended in a crash, which forgets what was lent in the last half second.
        Call this from the thread that returns slices.
        """
        pids = [pid for pid, _ in filter(None, lenders)]
        return set(self._for_returns().execute(RUNNING, (pids,))) & set(lenders)

    def return_slices(self, given: Sequence[Arguments]) -> list[int]:
        """Return leases and slices to PostgreSQL, and give the positions of the accepted ones.

        One statement returns only a few: their rows stay locked until all are done, and calls of
        these keys wait for them. Those of a statement that PostgreSQL gave up are not accepted.
        Call this from one thread only, and not from the one that counts.
        """
        returning, done = self._for_returns(), list[int]()
        for first in range(0, len(given), RETURNED_AT_ONCE):
            some = _as_json(given[first : first + RETURNED_AT_ONCE])
            try:
                done += [first + n for (n,) in returning.execute(RETURN, (some,))]
            except (LockNotAvailable, QueryCanceled) as error:
                log.warning("some leases and slices wait", reason=type(error).__name__)
            except LOST:
                returning.close()  # a session that may only read would stay so
                raise
        return done

    def _for_returns(self) -> psycopg.Connection[Any]:
        self._returning = _unless_ended(self._returning) or connect(self._url)
        return self._returning

    def stop(self) -> None:
        """Answer the calls that wait, and stop the thread until the next call."""
        with self._some:
            ending, self._thread, self._stopping = self._thread, None, True
            self._some.notify()
        if ending is not None:
            ending.join(ANSWER_SECONDS)
        if self._returning is not None:
            self._returning.close()
        self._stopping = False

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        while batch := self._next_batch():
            if waiting := _waited_for(batch):
                self._count(waiting)
        if self._connection is not None:
            self._connection.close()

    def _count(self, batch: list[_Waiting]) -> None:
        try:
            rows = self._sent(batch)
        except HELD_UP as error:  # what was counted of it was rolled back
            if len(batch) == 1:
                batch[0].fail(_in_our_words(error))
            else:
                self._one_by_one(batch)
        except LOST as error:
            for one in batch:
                one.fail(_in_our_words(error))
        except psycopg.DataError:  # one of them asks for too much
            self._one_by_one(batch)
        except Exception:
            log.exception("a batch of calls could not be counted")
            self._one_by_one(batch)
        else:
            self._deliver_all(batch, rows)

    def _next_batch(self) -> list[_Waiting]:
        """Wait for calls, and return those to be counted now. Empty after `stop`."""
        with self._some:
            while True:
                now = time.monotonic()
                batch = [one for one in self._held if one.again_at <= now]
                self._held = [one for one in self._held if one.again_at > now]
                while self._new and len(batch) < LARGEST_BATCH:
                    batch.append(self._new.popleft())
                if batch or (self._stopping and not self._held):
                    return batch
                next_at = min((one.again_at for one in self._held), default=None)
                self._some.wait(None if next_at is None else max(0.001, next_at - now))

    def _deliver_all(self, batch: Sequence[_Waiting], rows: Sequence[Counted]) -> None:
        now, done = time.monotonic(), []
        for one, row in zip(batch, rows, strict=True):
            if row.refused != BUSY:
                done.append((one, one.result(row)))
            elif now > one.until - BEFORE_THE_END_SECONDS:
                one.fail(unavailable())
            else:
                one.put_off(now)
                self._held.append(one)
        # Together: otherwise the next calls come one by one too, and each batch has only a few.
        for one, result in done:
            one.reply(result)

    def _one_by_one(self, batch: Sequence[_Waiting]) -> None:
        """Count each call alone, so that only the call that causes the error fails.

        If one takes too long, the other calls of its tenant fail, too: those of other tenants have
        waited long enough.
        """
        slow = set[str]()
        self._limit_statements(ALONE_SECONDS)
        for one in batch:
            tenant_id = one.call.arguments["tenant"]
            if tenant_id in slow:
                one.fail(unavailable())
            elif alone := _waited_for([one]):
                try:
                    self._deliver_all(alone, self._sent(alone))
                except Exception as error:  # noqa: BLE001 - its caller gets the error
                    one.fail(_in_our_words(error))
                    if isinstance(error, HELD_UP):
                        slow.add(tenant_id)
        self._limit_statements(STATEMENT_SECONDS)

    def _limit_statements(self, seconds: float) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):  # then it is replaced, by one with the usual limit
                self._connection.execute(LIMIT, (f"{seconds:.3f}s",))

    def _sent(self, batch: list[_Waiting]) -> list[Counted]:
        """Return the rows for these calls. A connection that broke is replaced once, for those that
        are still waited for: the others leave the batch. Raises one of HELD_UP if they take too
        long."""
        try:
            return self._rows([one.call.arguments for one in batch])
        except LOST as error:
            # None could be opened, or they would take too long again.
            if self._connection is None or isinstance(error, HELD_UP):
                raise
            self._broke(batch, error)
        batch[:] = _waited_for(batch)
        for one in batch:
            one.call.repeat()
        try:
            return self._rows([one.call.arguments for one in batch]) if batch else []
        except LOST as error:
            self._broke(batch, error)
            raise

    def _broke(self, batch: Sequence[_Waiting], error: psycopg.Error) -> None:
        """Forget the connection, if there is one, and note what it was sent and did not refuse.

        One that only refused is kept, unless it was opened while the database could only be read.
        """
        is_refusal = pipeline.is_refusal(error)
        if self._connection is not None and not is_refusal:
            for one in batch:
                one.call.may_be_counted = True
        if not is_refusal or isinstance(error, ReadOnlySqlTransaction):
            self._forget()

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()  # the driver may not know yet that the server is gone
        self._connection = None

    def _connect(self) -> psycopg.Connection[Any]:
        """Return a new connection. End the server's process of the one before, which may still
        count what it was sent."""
        connection = connect(self._url)
        if self.lender:
            with suppress(psycopg.Error):
                connection.execute(END, (END_MILLISECONDS, *self.lender, APPLICATION))
        [self.lender] = connection.execute(WHO)
        return connection

    def _rows(self, arguments: Sequence[Arguments]) -> list[Counted]:
        self._connection = _unless_ended(self._connection)
        if self._connection is None:
            self._connection, self._kept = self._connect(), {}
        values = _as_json(arguments), HOLD_SECONDS, int(LEND_SECONDS * 1000)
        [rows] = pipeline.run(self._connection, self._kept, [Ask(ADMIT, values)])
        return [Counted(*row) for row in rows]


class _Answers:
    """Pass results on to an event loop, all results of a batch in one step of the loop."""

    def __init__(self) -> None:
        self._given: deque[tuple[asyncio.Future[Any], _Result]] = deque()
        self._woken: asyncio.AbstractEventLoop | None = None

    def put(
        self, loop: asyncio.AbstractEventLoop, waiting: "asyncio.Future[Any]", result: _Result
    ) -> None:
        """Pass on a result, from any thread."""
        self._given.append((waiting, result))
        if self._woken is loop:
            return
        self._woken = loop
        try:
            loop.call_soon_threadsafe(self._pass_on)
        except RuntimeError:  # the loop is closed, so nobody waits
            self._woken = None

    def _pass_on(self) -> None:
        self._woken = None  # first: a result that is added from now on must wake the loop again
        while self._given:
            _settle(*self._given.popleft())


def _settle(waiting: "asyncio.Future[Any]", result: _Result) -> None:
    if waiting.done():
        return
    if result.error is None:
        waiting.set_result(result.value)
    else:
        waiting.set_exception(result.error)


def _waited_for(batch: Sequence[_Waiting]) -> list[_Waiting]:
    """Return the calls whose callers still wait, and drop the others."""
    now, waiting = time.monotonic(), []
    for one in batch:
        if now > one.until:
            one.fail(unavailable())
        else:
            waiting.append(one)
    return waiting


def _unless_ended(connection: psycopg.Connection[Any] | None) -> psycopg.Connection[Any] | None:
    """Return an idle connection, or None if there is none or it has ended."""
    if connection is None or not answer_limits.has_ended(connection):
        return connection
    connection.close()
    return None


def _in_our_words(error: Exception) -> Exception:
    """Return the error for the caller of a call that could not be counted."""
    if isinstance(error, psycopg.errors.NumericValueOutOfRange):
        return Conflict(TOO_MUCH.message, errors=[TOO_MUCH])
    return in_our_words(error) if isinstance(error, LOST) else error


def _as_json(rows: Sequence[Arguments]) -> str:
    numbered = [{"n": n, **row} for n, row in enumerate(rows)]
    return orjson.dumps(numbered, default=str).decode()


def connect(url: str) -> psycopg.Connection[Any]:
    """Return a connection to count calls with; `url` has the format of libpq."""
    connection = answer_limits.connect(
        url,
        ATTEMPT_SECONDS,
        **connection_settings(
            APPLICATION,
            statement_seconds=STATEMENT_SECONDS,
            lock_seconds=0.5,
            # A crash may lose the counts of a minute. What it must not lose sets this for itself.
            settings={**pipeline.PLANNING, "synchronous_commit": "off"},
        ),
    )
    connection.prepare_threshold = 0
    return connection
