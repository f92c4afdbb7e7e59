"""When keys were used: gathered in memory, written every few seconds, off the request's path.

A write for each call would make every request of a busy key wait for the same row. What a process
has gathered is kept until the database has taken it; an admin sees it at most INTERVAL later.
"""

import logging
import threading
from collections import defaultdict
from datetime import datetime
from multiprocessing.util import Finalize
from typing import NamedTuple

from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from portal.db import SET_SCOPE, db

log = logging.getLogger("portal.keys.usage")
INTERVAL = 10  # seconds

# Sorted ids, so that two processes lock rows in the same order; forward only, so that the slower
# of them takes nothing back.
WRITE = text(
    """
    UPDATE api_key_runtime AS runtime
    SET last_used_at = greatest(runtime.last_used_at, used.last_at),
        request_count = runtime.request_count + used.calls
    FROM (
        SELECT runtime.key_id, used.last_at, used.calls
        FROM unnest(
            CAST(:ids AS text[]), CAST(:moments AS timestamptz[]), CAST(:calls AS bigint[])
        ) AS used (key_id, last_at, calls)
        JOIN api_key_runtime AS runtime
            ON runtime.tenant_id = :tenant_id AND runtime.key_id = used.key_id
        ORDER BY runtime.key_id FOR UPDATE OF runtime
    ) AS used
    WHERE runtime.tenant_id = :tenant_id AND runtime.key_id = used.key_id
    """
)


class Use(NamedTuple):
    """What one key did since the last writing."""

    last_at: datetime
    calls: int


class Usage:
    """The uses that this process has not written yet. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Use] = {}

    def note(self, tenant_id: str, key_id: str, at: datetime, calls: int = 1) -> None:
        """Remember that a key opened a door."""
        key = (tenant_id, key_id)
        with self._lock:
            before = self._waiting.get(key)
            if before is None:
                self._waiting[key] = Use(at, calls)
            else:
                self._waiting[key] = Use(max(before.last_at, at), before.calls + calls)

    def flush(self) -> int:
        """Write what was gathered, on a connection of its own; gives the number of keys.

        Needs an application context. What the database does not take is kept for the next time.
        """
        with self._lock:
            taken, self._waiting = self._waiting, {}
        by_tenant: dict[str, dict[str, Use]] = defaultdict(dict)
        for (tenant_id, key_id), use in taken.items():
            by_tenant[tenant_id][key_id] = use
        for tenant_id, uses in by_tenant.items():
            try:
                with db.engine.begin() as connection:
                    _write(connection, tenant_id, uses)
            except SQLAlchemyError:
                log.warning("the use of %d keys could not be written yet", len(uses))
                for key_id, use in uses.items():
                    self.note(tenant_id, key_id, *use)
        return len(taken)


def _write(connection: Connection, tenant_id: str, uses: dict[str, Use]) -> None:
    connection.execute(SET_SCOPE, {"tenant_id": tenant_id, "credential": ""})
    ids = sorted(uses)
    connection.execute(
        WRITE,
        {
            "tenant_id": tenant_id,
            "ids": ids,
            "moments": [uses[key_id].last_at for key_id in ids],
            "calls": [uses[key_id].calls for key_id in ids],
        },
    )


usage = Usage()


def init_app(app: Flask) -> None:
    """Write regularly from a thread that begins with the first request, and once at the end."""
    begun = threading.Event()
    stopping = threading.Event()

    def write() -> None:
        with app.app_context():
            usage.flush()

    def write_regularly() -> None:
        while not stopping.wait(INTERVAL):
            write()

    def end() -> None:
        stopping.set()
        write()

    def begin() -> None:
        # With the first request and not before: a server may fork after it has loaded the
        # application, and threads do not survive that.
        if not begun.is_set() and not app.testing:
            begun.set()
            threading.Thread(target=write_regularly, name="key-usage", daemon=True).start()
            # As atexit, and in a server's worker processes too, which end without that.
            Finalize(None, end, exitpriority=10)

    app.before_request(begin)
