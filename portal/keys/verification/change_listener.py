"""Receive every change of a key within milliseconds, and acknowledge it.

One thread of each process listens on a connection of its own. While it listens, snapshots are
cached; otherwise every verification queries PostgreSQL. Several times a second it reads the number
of the newest change, so that a lost notice delays a change by no more than that. A process that has
had no answer for `stale_seconds` responds with 503 instead of a result that may be stale, and
connects anew: another process of the server may answer.
"""

import os
import secrets
import socket
import threading
import time
from typing import Any

import psycopg
import structlog

from portal.core.config import libpq_url
from portal.core.deadlines import elapsed
from portal.keys.decision.clock import Clock
from portal.keys.decision.lookup_connections import connect
from portal.keys.limits.admission import CallAdmission
from portal.keys.verification.cache import Cache
from portal.keys.verification.heartbeat import Heartbeat

log = structlog.stdlib.get_logger(__name__)

POLLS = 5  # queries within `stale_seconds`
LOCK_WAITS = 10  # within `stale_seconds`; during one, no notice is heard
GRACE_SECONDS = 0.05  # for the notice of a committed change to arrive
RETRY_SECONDS = 0.5
TIDY_SECONDS = 30.0
CONNECTION = "portal-key-watch"

Connection = psycopg.Connection[tuple[Any, ...]]


class ChangeListener:
    """Keep one cache, one clock and the meters consistent with PostgreSQL, from `start` to
    `stop`."""

    def __init__(
        self,
        database_url: str,
        cache: Cache,
        meters: CallAdmission,
        clock: Clock,
        stale_seconds: float,
        mark: str,
    ) -> None:
        self._url = libpq_url(database_url)
        # The name tells other processes which secret key this one has
        # (portal.ops.secrets.key_rotation).
        self._name = f"{CONNECTION} {mark}"
        self._cache = cache
        self._meters = meters
        self._clock = clock
        self._stale_seconds = stale_seconds
        self._heard_at = elapsed()
        self.id = f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(4)}"
        self._heartbeat = Heartbeat(self.id, clock, stale_seconds, self._connect)
        self.seq = 0
        self.listening = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_current(self) -> bool:
        """Tell whether PostgreSQL has answered within `stale_seconds`, so that the cache is
        valid."""
        return elapsed() - self._heard_at < self._stale_seconds

    def start(self) -> None:
        """Start to listen, in a thread of this process."""
        self._thread = threading.Thread(target=self._run, name="key-watch", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Let the thread end soon, and do not wait for it."""
        self._stopping.set()

    def stop(self) -> None:
        """Stop the thread. This closes the cache."""
        self.leave()
        if self._thread is not None:
            self._thread.join(self._stale_seconds + 2)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._attend()
            except psycopg.Error as error:
                reason = (str(error).strip().splitlines() or [""])[0]
                log.warning("key changes cannot be received", reason=reason)
                self._stopping.wait(RETRY_SECONDS)
            except Exception:
                # Without this thread the process would answer 503 until somebody starts it again.
                log.exception("key changes cannot be received")
                self._stopping.wait(RETRY_SECONDS)

    def _attend(self) -> None:
        """Listen on one connection until it ends or takes too long to answer, then close the
        cache."""
        try:
            with self._connect() as connection:
                self._listen(connection)
                self._heartbeat.leave(connection)
        finally:
            self.listening.clear()
            self._cache.close()

    def _connect(self) -> Connection:
        # An answer that takes longer proves nothing: the process is stale when it comes.
        seconds = self._stale_seconds
        return connect(self._url, self._name, seconds, seconds / LOCK_WAITS)

    def _listen(self, connection: Connection) -> None:
        connection.execute("LISTEN key_changed")
        # After LISTEN: a change from here on sends a notice, and the cache is still empty.
        asked_at = elapsed()
        self._saw(connection, self._beat(connection))  # memory is empty, so it knows all of them
        self._cache.open()
        self._meters.forget_all()
        self._heard_at = asked_at
        self.listening.set()
        tidy_at = time.monotonic() + TIDY_SECONDS
        while not (self._stopping.is_set() or self._heartbeat.needs_new_session):
            self._hear_until(connection, time.monotonic() + self._stale_seconds / POLLS)
            asked_at = elapsed()
            self._catch_up(connection, self._beat(connection))
            self._heard_at = asked_at
            if time.monotonic() > tidy_at:
                self._heartbeat.tidy(connection, self.seq)
                tidy_at = time.monotonic() + TIDY_SECONDS

    def _hear_until(self, connection: Connection, due: float) -> None:
        while (left := due - time.monotonic()) > 0 and not self._stopping.is_set():
            self._hear(connection, left)

    def _hear(self, connection: Connection, seconds: float) -> None:
        """Wait for the next notice, for at most this long, then apply and acknowledge it."""
        newest = self._apply(connection, seconds)
        if newest <= self.seq:
            return
        # All notices of one transaction have its number. Those that are still on their way come
        # before the answer to a query.
        self._beat(connection)
        self._saw(connection, max(newest, self._apply(connection, 0)))

    def _apply(self, connection: Connection, seconds: float) -> int:
        """Forget what the next notices name, and return their highest number; 0 if none came."""
        # Notices that arrived with the result of another statement come first, without waiting.
        changes = [
            _change_in(notice) for notice in connection.notifies(timeout=seconds, stop_after=1)
        ]
        names = [name for _, name in changes]
        self._cache.evict(names)
        self._meters.forget(names)
        return max((seq for seq, _ in changes), default=0)

    def _catch_up(self, connection: Connection, newest: int) -> None:
        """Clear the cache if the notice of a change up to `newest` does not arrive."""
        ends = time.monotonic() + GRACE_SECONDS
        while newest > self.seq and (left := ends - time.monotonic()) > 0:
            self._hear(connection, left)
        if newest > self.seq:
            log.warning("a notice of a key's change was lost", seen=self.seq, newest=newest)
            self._cache.flush()
            self._meters.forget_all()
            self._saw(connection, newest)

    def _saw(self, connection: Connection, seq: int) -> None:
        self.seq = seq
        self._heartbeat.acknowledge(connection, seq)
        self._beat(connection)

    def _beat(self, connection: Connection) -> int:
        return self._heartbeat.beat(connection, self.seq)


def _change_in(notice: psycopg.Notify) -> tuple[int, str]:
    seq, _, name = notice.payload.partition(" ")
    return int(seq), name
