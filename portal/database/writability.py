"""Check whether the database accepts writes, as far as this process has seen.

Reads may work when writes do not. A test write checks this, at most every few seconds, however
often it is queried. It writes and commits a row that belongs to this process alone, so that no
process waits for another one's row. Then it spills half a megabyte to disk and discards it. Both
are needed: on a full disk, a row may still fit into an existing page, and a read-only server can
spill. The errors of requests count, too.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog
from flask import Flask, current_app
from sqlalchemy import String, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.errors import NotSaving
from portal.database.base import Base, new_id
from portal.database.session import db, limit_answers, session

log = structlog.stdlib.get_logger(__name__)

EVERY = 5.0  # seconds for which the result of a test write is valid
HELD = 15.0  # seconds that writes count as failing after a request failed with it
UNSEEN = 60.0  # seconds without a failed write, after which writes may have worked in between
FORGOTTEN = text("now() - interval '1 day'")  # rows of processes that have ended

# Separate limits, whatever the role has: a result that comes late is useless.
LIMITS = "SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '1s'"
ANSWER_SECONDS = 3.0  # for a server that does not enforce them
# 30,000 rows exceed this memory, so they are spilled to the disk that holds the tables.
SPILL = (
    "SET LOCAL work_mem = '64kB'; SET LOCAL temp_tablespaces = ''; "
    "SELECT count(*) FROM generate_series(1, 30000)"
)
MAY_NOT_SPILL = "53400"  # the server's temp_file_limit, which does not mean that writes fail


@dataclass(frozen=True, slots=True)
class Trouble:
    """Describe why writes fail, and what an operator can do about it."""

    what: str
    remedy: str


# Errors that the server returns for any statement that writes, by SQLSTATE.
TROUBLES = {
    "53100": Trouble("the database server's disk is full", "Make room on it."),
    "25006": Trouble(
        "the database may only be read",
        "It is a standby, or default_transaction_read_only is on: see PORTAL_DATABASE_URL.",
    ),
}
# Errors that it may return for the test write only.
TOO_SLOW = {
    "57014": Trouble("a test write took more than 2 s", "See what the database waits for."),
    "55P03": Trouble(
        "a test write waited 1 s for a lock", "See pg_locks for who holds the table write_probe."
    ),
}


class Failing(NamedTuple):
    """Hold since when this process has seen writes fail, again and again, and why."""

    since: datetime
    trouble: Trouble


class WriteProbe(Base):
    """The row that a process writes to prove that writes work. It belongs to no tenant."""

    __tablename__ = "write_probe"

    process: Mapped[str] = mapped_column(String(40), primary_key=True)
    written_at: Mapped[datetime] = mapped_column(server_default=func.now())


def code_of(error: BaseException | None) -> str:
    """Return the SQLSTATE that the server sent, or an empty string."""
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")


def in_our_words(error: BaseException) -> NotSaving | None:
    """Return the error for people if a statement failed because writes fail, otherwise None."""
    trouble = TROUBLES.get(code_of(error))
    return None if trouble is None else NotSaving(trouble.what)


class Writes:
    """Hold what one process knows about writes."""

    def __init__(self) -> None:
        self.every, self.held, self.unseen = EVERY, HELD, UNSEEN
        self._row = {"process": new_id("prc")}
        self._lock = threading.Lock()
        self._asked: float | None = None
        self._found: Trouble | None = None
        self._met: tuple[float, Trouble] | None = None
        self._since: datetime | None = None
        self._found_at = self._seen_at = 0.0

    def failing(self) -> Failing | None:
        """Return why writes fail and since when, or None. Test again if the last result is old.

        While one thread tests, the others get the previous result.
        """
        if self._lock.acquire(blocking=self._asked is None):
            try:
                if self._asked is None or time.monotonic() - self._asked >= self.every:
                    self._found = self._prove()
                    self._asked = time.monotonic()
                    self._found_at = self._asked if self._found else self._found_at
            finally:
                self._lock.release()
        return self._judge()

    def note(self, error: BaseException) -> None:
        """Take the error of a failed request into account."""
        if trouble := TROUBLES.get(code_of(error)):
            self._met = (time.monotonic(), trouble)
            self._judge()

    def _judge(self) -> Failing | None:
        met = self._met
        is_fresh = met is not None and time.monotonic() - met[0] < self.held
        trouble = self._found or (met[1] if met and is_fresh else None)
        if trouble is None:
            if self._since is not None:
                log.warning("database writes work again")
            self._since = None
            return None
        seen_at = max(self._found_at, met[0] if met else 0.0)
        if self._since is None or seen_at - self._seen_at > self.unseen:
            log.error("database writes fail", reason=trouble.what)
            self._since = datetime.now(UTC)
        self._seen_at = seen_at
        return Failing(self._since, trouble)

    def _prove(self) -> Trouble | None:
        try:
            self._write()
            self._spill()
        except DBAPIError as error:
            code = code_of(error)
            known = TROUBLES.get(code) or TOO_SLOW.get(code)
            return known or Trouble(
                f"the database refused a test write ({code or 'it went away'})", "See its log."
            )
        except PoolTimeout:
            return self._found  # this process has no free connection: writes may still work
        return None

    def _write(self) -> None:
        old = select(WriteProbe.process).where(WriteProbe.written_at < FORGOTTEN)
        gone = delete(WriteProbe).where(
            WriteProbe.process.in_(old.with_for_update(skip_locked=True).scalar_subquery())
        )
        mine = insert(WriteProbe).values(self._row)
        written: Any = mine.on_conflict_do_update(
            index_elements=["process"], set_={"written_at": func.now()}
        )
        with db.engine.begin() as connection:
            limit_answers(connection, ANSWER_SECONDS)
            connection.exec_driver_sql(LIMITS)
            connection.execute(written)
            connection.execute(gone)

    def _spill(self) -> None:
        try:
            with db.engine.begin() as connection:
                limit_answers(connection, ANSWER_SECONDS)
                connection.exec_driver_sql(f"{LIMITS}; {SPILL}")
        except DBAPIError as error:
            if code_of(error) != MAY_NOT_SPILL:
                raise


def init_app(app: Flask) -> None:
    """Create the application's `Writes`."""
    app.extensions["portal.writability"] = Writes()


def known() -> Writes:
    """Return the `Writes` of the running application."""
    found: Writes = current_app.extensions["portal.writability"]
    return found


@contextmanager
def if_possible() -> Iterator[None]:
    """Run a write that reads do not depend on: skip it if writes fail."""
    try:
        with session.begin_nested():
            yield
    except DBAPIError as error:
        if code_of(error) not in TROUBLES:
            raise
        known().note(error)
