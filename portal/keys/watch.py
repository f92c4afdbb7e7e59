"""Hears of every change of a key, in milliseconds, and tells that it has.

One thread a process listens on a connection of its own. While it listens, snapshots are remembered;
while it does not, every question goes to the database. Once a second it compares the number of the
newest change, so that a lost notice costs a second and not more.
"""

import os
import secrets
import socket
import threading
import time
from typing import Any

import psycopg
import structlog

from portal.config import libpq_url
from portal.keys.cache import Cache
from portal.keys.clock import Clock
from portal.keys.slices import Slices
from portal.keys.wire import connect

log = structlog.stdlib.get_logger(__name__)

POLL_SECONDS = 1.0
GRACE_SECONDS = 0.05  # a committed change whose notice is still on its way
RETRY_SECONDS = 0.5
HEARTBEAT_POLLS = 5
ALIVE_SECONDS = 15
KEPT_ACKNOWLEDGEMENTS = 1000

SEQ = "SELECT seq, clock_timestamp() FROM key_change_seq"
BEAT = """
INSERT INTO key_verifier (id, host, process, seq, seen_at)
VALUES (%(id)s, %(host)s, %(process)s, %(seq)s, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, seen_at = excluded.seen_at
"""
ACKNOWLEDGE = """
INSERT INTO key_acknowledgement (seq, verifier_id, seen_at)
VALUES (%(seq)s, %(id)s, clock_timestamp()) ON CONFLICT DO NOTHING
"""
TIDY = """
WITH gone AS (
    DELETE FROM key_verifier WHERE seen_at < now() - interval '1 minute' RETURNING id
) DELETE FROM key_acknowledgement
WHERE seq < %s OR verifier_id IN (SELECT id FROM gone)
"""

Connection = psycopg.Connection[tuple[Any, ...]]


class Watch:
    """Keeps one cache, and one clock, true to the database, from `start` to `stop`."""

    def __init__(self, database_url: str, cache: Cache, slices: Slices, clock: Clock) -> None:
        self._url = libpq_url(database_url)
        self._cache = cache
        self._slices = slices
        self._clock = clock
        self.id = f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(4)}"
        self.seq = 0
        self.listening = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Begin to listen, in a thread of this process."""
        self._thread = threading.Thread(target=self._run, name="key-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and with it the remembering."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(POLL_SECONDS + 2)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with connect(self._url, "portal-key-watch") as connection:
                    self._connection = connection
                    self._listen(connection)
                    self._leave(connection)
            except psycopg.Error as error:
                reason = (str(error).strip().splitlines() or [""])[0]
                log.warning("key changes are not heard of", reason=reason)
                self._stopping.wait(RETRY_SECONDS)
            finally:
                self.listening.clear()
                self._cache.close()

    def _listen(self, connection: Connection) -> None:
        connection.execute("LISTEN key_changed")
        # In this order: a change between the two is noticed, and the cache is still empty.
        self.seq = self._newest(connection)
        self._beat(connection)
        self._cache.open()
        self.listening.set()
        polls, due = 0, time.monotonic() + POLL_SECONDS
        while not self._stopping.is_set():
            self._hear(connection, max(0.0, due - time.monotonic()))
            if time.monotonic() < due:
                continue
            if self._newest(connection) > self.seq:
                self._hear(connection, GRACE_SECONDS)
                self._catch_up(connection)
            polls, due = polls + 1, time.monotonic() + POLL_SECONDS
            if polls % HEARTBEAT_POLLS == 0:
                self._beat(connection)
                connection.execute(TIDY, (self.seq - KEPT_ACKNOWLEDGEMENTS,))

    def _hear(self, connection: Connection, seconds: float) -> None:
        """Apply what is told next, at most within these seconds, and acknowledge it then."""
        # What came with the answer to another statement is told first, without waiting.
        told = [_told(notice) for notice in connection.notifies(timeout=seconds, stop_after=1)]
        if not told:
            return
        names = [name for _, name in told]
        self._cache.evict(names)
        self._slices.end(names)
        newest = max(seq for seq, _ in told)
        if newest > self.seq:
            self._saw(connection, newest)

    def _catch_up(self, connection: Connection) -> None:
        newest = self._newest(connection)
        if newest > self.seq:
            log.warning("a notice of a key's change was lost", seen=self.seq, newest=newest)
            self._cache.flush()
            self._slices.end_all()
            self._saw(connection, newest)

    def _saw(self, connection: Connection, seq: int) -> None:
        self.seq = seq
        connection.execute(ACKNOWLEDGE, {"seq": seq, "id": self.id})
        self._beat(connection)

    def _beat(self, connection: Connection) -> None:
        facts = {"id": self.id, "host": socket.gethostname()[:200], "process": os.getpid()}
        connection.execute(BEAT, {**facts, "seq": self.seq})

    def _newest(self, connection: Connection) -> int:
        asked = self._clock.system()
        row = connection.execute(SEQ).fetchone()
        if row is None:
            return 0
        self._clock.learn(row[1], asked)
        return int(row[0])

    def _leave(self, connection: Connection) -> None:
        connection.execute("DELETE FROM key_verifier WHERE id = %s", (self.id,))


def _told(notice: psycopg.Notify) -> tuple[int, str]:
    seq, _, name = notice.payload.partition(" ")
    return int(seq), name
