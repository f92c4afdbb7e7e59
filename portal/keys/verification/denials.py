"""Store for a while why calls were refused: the trace behind a request id, never a raw key.

Denials are written in batches. Their number is limited in memory and in the table, so that an
attacker can fill neither.
"""

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from portal.keys.decision.decision import Check
from portal.keys.decision.lookup_connections import LookupConnections

WAITING = 2_000  # denials that wait to be written; further ones are only counted
SHARE = 400  # of them for one tenant
KEPT = 20_000  # of one tenant
KEPT_DAYS = 14

ENTER = "SELECT set_config('app.tenant_id', %s, true)"
WRITE = """
INSERT INTO key_denial (tenant_id, request_id, denied_at, key_id, code, source, trace)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Denial:
    """One refused call."""

    tenant_id: str
    request_id: str
    denied_at: datetime
    key_id: str | None
    code: str
    source: str | None
    checks: tuple[Check, ...]

    @property
    def row(self) -> tuple[Any, ...]:
        """Return the values for a row of the table."""
        trace = orjson.dumps([check.document() for check in self.checks]).decode()
        return (self.tenant_id, self.request_id, self.denied_at, self.key_id, self.code,
                self.source, trace)  # fmt: skip


class Denials:
    """The denials that this process has not written yet. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Denial] = []
        self._written: list[Denial] = []  # by a transaction that goes on
        self._shares = Counter[str]()  # of the tenants in what waits

    def note(self, denial: Denial) -> None:
        """Queue a denial, unless too many wait already, in all or of its tenant."""
        with self._lock:
            self._queue(denial)

    def _queue(self, denial: Denial) -> None:
        if len(self._waiting) < WAITING and self._shares[denial.tenant_id] < SHARE:
            self._shares[denial.tenant_id] += 1
            self._waiting.append(denial)

    def waiting(self, tenant_id: str, request_id: str) -> Denial | None:
        """Return the denial of a request of which the table may know nothing yet, or None."""
        with self._lock:
            return next(
                (
                    d
                    for d in self._waiting + self._written
                    if (d.tenant_id, d.request_id) == (tenant_id, request_id)
                ),
                None,
            )

    def flush(self, wire: LookupConnections) -> int:
        """Write what waits, and return the number.

        After an error, which is raised again, the denials wait for the next time.
        """
        with self._lock:
            taken = self._written = self._take()
        try:
            for tenant_id in sorted({denial.tenant_id for denial in taken}):
                rows = [denial.row for denial in taken if denial.tenant_id == tenant_id]
                with wire.transaction() as cursor:
                    cursor.execute(ENTER, (tenant_id,))
                    cursor.executemany(WRITE, rows)
        except Exception:
            with self._lock:
                for denial in taken + self._take():
                    self._queue(denial)
            raise
        finally:
            self._written = []
        return len(taken)

    def _take(self) -> list[Denial]:
        taken, self._waiting = self._waiting, []
        self._shares.clear()
        return taken
