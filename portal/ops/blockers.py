"""Find the sessions that block another session's lock, even after it stopped waiting."""

import threading
from contextlib import suppress
from typing import Self

import psycopg

from portal.core.config import libpq_url
from portal.core.deadlines import connection_settings

EVERY_SECONDS = 0.05
# PostgreSQL shows the transaction start of other roles' sessions only to a monitoring role.
WAITS = """
SELECT coalesce(wanted.relation::regclass::text, wanted.locktype), holder.pid, holder.usename,
    holder.application_name, to_char(holder.xact_start, 'HH24:MI:SS')
FROM pg_stat_activity AS waiter
JOIN pg_locks AS wanted ON wanted.pid = waiter.pid AND NOT wanted.granted
CROSS JOIN unnest(pg_blocking_pids(waiter.pid)) AS blocking(pid)
JOIN pg_stat_activity AS holder ON holder.pid = blocking.pid
WHERE waiter.pid = %s AND waiter.wait_event_type = 'Lock' LIMIT 3
"""


class Blockers:
    """Watch the session `pid` from another session of the same role, inside the context."""

    def __init__(self, url: str, pid: int) -> None:
        self._url, self._pid = libpq_url(url), pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.last: list[str] = []
        # One sentence for each session that blocked it at its last wait.

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        # Ignore database errors: only an error message depends on the result.
        with suppress(psycopg.Error), self._connected() as connection:
            while not self._over.wait(EVERY_SECONDS):
                if found := connection.execute(WAITS, (self._pid,)).fetchall():
                    self.last = [_sentence(*row) for row in found]

    def _connected(self) -> "psycopg.Connection[tuple[str, ...]]":
        settings = connection_settings("portal-migrate-watch")
        return psycopg.connect(self._url, autocommit=True, **settings)


def _sentence(wanted: str, pid: str, role: str, application: str, since: str | None) -> str:
    started = f", in a transaction since {since} UTC" if since else ""
    return f"{wanted} is in use by process {pid} ({role}, {application or 'no name'}{started})."
