"""Say that this process verifies keys and what it has received, and read the newest change number.

What keeps memory current is the number that is read, not the row that is written. So a database
that refuses the row, because it may only be read, its disk is full or the table is locked, still
proves what the process has to know: that it answers, and that no change has a higher number.
Notices arrive as before.

Without its row the process looks silent to others, and nobody is told that it has heard of a
change. That is safe: the process receives a change like every other one, and refuses a revoked key
no later. While the database may only be read, no key can be revoked at all. If the host is really
cut off then, it answers 503 `stale_seconds` later.

A standby proves nothing: a change that its primary has committed may reach it at any time later.
PostgreSQL refuses to LISTEN there, so a process is never current on one.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from psycopg.errors import (
    DiskFull,
    LockNotAvailable,
    QueryCanceled,
    ReadOnlySqlTransaction,
)

from portal.keys.decision.clock import Clock

log = structlog.stdlib.get_logger(__name__)

AGAIN_SECONDS = 5.0  # until a write is tried again after one was refused
LOCK_AGAIN_SECONDS = 1.0  # the same, after another transaction held a lock for too long
KEPT_ACKNOWLEDGEMENTS = 1000
REFUSALS = (ReadOnlySqlTransaction, DiskFull, LockNotAvailable, QueryCanceled)

# One statement, so that what it reads is no older than what it writes: the process may answer VALID
# for another `stale_seconds` after `seen_at`.
BEAT = """
WITH seen AS (
    INSERT INTO key_verifier (id, host, process, seq, seen_at, stale_seconds)
    VALUES (%(id)s, %(host)s, %(process)s, %(seq)s, clock_timestamp(), %(stale)s)
    ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, seen_at = excluded.seen_at
) SELECT seq, clock_timestamp() FROM key_change_seq
"""
READ = "SELECT seq, clock_timestamp() FROM key_change_seq"
ACKNOWLEDGE = """
INSERT INTO key_acknowledgement (seq, verifier_id, seen_at)
SELECT seq, %(id)s, clock_timestamp() FROM unnest(%(seqs)s::bigint[]) AS seq
ON CONFLICT DO NOTHING
"""
TIDY = """
WITH gone AS (
    DELETE FROM key_verifier WHERE seen_at < now() - interval '1 hour' RETURNING id
) DELETE FROM key_acknowledgement
WHERE seq < %(oldest)s OR verifier_id IN (SELECT id FROM gone)
"""
LEAVE = "DELETE FROM key_verifier WHERE id = %(id)s"

Connection = psycopg.Connection[tuple[Any, ...]]


class Heartbeat:
    """Write the row of one verifier, and correct its clock. `connect` opens another session."""

    def __init__(
        self,
        verifier_id: str,
        clock: Clock,
        stale_seconds: float,
        connect: Callable[[], Connection],
    ) -> None:
        self._id = verifier_id
        self._clock = clock
        self._stale_seconds = stale_seconds
        self._connect = connect
        self._refused_at: float | None = None
        self._again_at = 0.0
        self._owed: deque[int] = deque(maxlen=KEPT_ACKNOWLEDGEMENTS)
        self.needs_new_session = False
        """Tell whether another session could write, which the present one cannot."""

    def beat(self, connection: Connection, seq: int) -> int:
        """Store that this process is alive and has received `seq`, if the database can be written.

        Return the number of the newest change. The query also corrects the clock.
        """
        asked = self._clock.system()
        facts = {"host": socket.gethostname()[:200], "process": os.getpid(), "seq": seq}
        row = self._write(connection, BEAT, facts | {"stale": self._stale_seconds})
        if row is None:
            asked, row = self._clock.system(), _read(connection)
        assert row is not None  # noqa: S101 - the table always has one row
        self._clock.learn(row[1], asked)
        if self._owed:
            self._acknowledge_owed(connection)
        return int(row[0])

    def acknowledge(self, connection: Connection, seq: int) -> None:
        """Store when this process had received the change `seq`; later, if that is refused now."""
        self._owed.append(seq)
        self._acknowledge_owed(connection)

    def _acknowledge_owed(self, connection: Connection) -> None:
        if self._write(connection, ACKNOWLEDGE, {"seqs": list(self._owed)}) is not None:
            self._owed.clear()

    def tidy(self, connection: Connection, seq: int) -> None:
        """Delete the rows of processes that have ended, and old acknowledgements."""
        self._write(connection, TIDY, {"oldest": seq - KEPT_ACKNOWLEDGEMENTS})

    def leave(self, connection: Connection) -> None:
        """Delete the row of this process, which ends or begins another session."""
        self._write(connection, LEAVE, {})
        self._refused_at, self.needs_new_session = None, False

    def _write(
        self, connection: Connection, statement: str, values: dict[str, Any]
    ) -> tuple[Any, ...] | None:
        """Return the first row of a statement that writes, empty if it has none; None if the
        database refuses it, or has refused one a moment ago."""
        refused_at = self._refused_at
        if refused_at is not None and time.monotonic() < self._again_at:
            return None
        try:
            done = connection.execute(statement, {"id": self._id, **values})
        except REFUSALS as error:
            self._note_refusal(error, is_first=refused_at is None)
            return None
        if refused_at is not None:
            log.warning("this process can say again what it has received")
            self._refused_at = None
        return (done.fetchone() if done.description else None) or ()

    def _note_refusal(self, error: psycopg.Error, is_first: bool) -> None:
        is_held = isinstance(error, LockNotAvailable | QueryCanceled)
        self._refused_at = time.monotonic()
        self._again_at = self._refused_at + (LOCK_AGAIN_SECONDS if is_held else AGAIN_SECONDS)
        if is_first:
            reason = error.diag.message_primary
            log.warning("this process cannot say what it has received", reason=reason)
        elif isinstance(error, ReadOnlySqlTransaction):
            self.needs_new_session = self._may_another_write()

    def _may_another_write(self) -> bool:
        """Tell whether a new session may write: PostgreSQL decides that when a session begins."""
        try:
            with self._connect() as another:
                return another.execute("SHOW transaction_read_only").fetchone() == ("off",)
        except psycopg.Error:
            return False


def _read(connection: Connection) -> tuple[Any, ...] | None:
    """Read the newest number. The session's limit for locks is for what is written: this waits for
    one until the session's limit for answers."""
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = 0")
        return connection.execute(READ).fetchone()
