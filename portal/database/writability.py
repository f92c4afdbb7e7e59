"""Whether saving works right now, as far as this process has seen. Reading may, when it does not.

A test write proves it, at most every few seconds, however often somebody asks: a row of this
process's own is written and committed, so that nobody waits for anybody's row; then half a megabyte
is spilled to disk and thrown away. Both are needed. A row may still find room in a page that is
there when the disk is full, and a read-only server spills. What requests fail with counts, too.
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

from portal.core.errors import NotSaving, PortalError
from portal.database.base import Base, new_id
from portal.database.session import db, session

log = structlog.stdlib.get_logger(__name__)

EVERY = 5.0  # seconds that a test write is good for
HELD = 15.0  # seconds that saving counts as failing after a request failed with it
FORGOTTEN = text("now() - interval '1 day'")  # rows of processes that ended

# Own limits, whatever the role has: an answer that comes late is none.
LIMITS = "SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '1s'"
# 30,000 rows are more than this memory holds, so they go to the disk where the tables are.
SPILL = (
    "SET LOCAL work_mem = '64kB'; SET LOCAL temp_tablespaces = ''; "
    "SELECT count(*) FROM generate_series(1, 30000)"
)
MAY_NOT_SPILL = "53400"  # the server's temp_file_limit, which says nothing of saving


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why saving does not work, and what an operator does about it."""

    what: str
    remedy: str


# What the server says to any statement that saves, by SQLSTATE.
TROUBLES = {
    "53100": Trouble("the database server's disk is full", "Make room on it."),
    "25006": Trouble(
        "the database may only be read",
        "It is a standby, or default_transaction_read_only is on: see PORTAL_DATABASE_URL.",
    ),
}
# What it may say to the test write besides.
TOO_SLOW = {
    "57014": Trouble("a test write took more than 2 s", "See what the database waits for."),
    "55P03": Trouble(
        "a test write waited 1 s for a lock", "See pg_locks for who holds the table write_probe."
    ),
}


class Failing(NamedTuple):
    """Saving has not worked since a moment."""

    since: datetime
    trouble: Trouble


class WriteProbe(Base):
    """The row that a process writes to prove that it can; of no tenant."""

    __tablename__ = "write_probe"

    process: Mapped[str] = mapped_column(String(40), primary_key=True)
    written_at: Mapped[datetime] = mapped_column(server_default=func.now())


def code_of(error: BaseException | None) -> str:
    """Return the SQLSTATE that the server gave, or nothing."""
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")


def in_our_words(error: BaseException) -> PortalError | None:
    """Return what a person reads when a statement failed because saving does not work; else
    None."""
    trouble = TROUBLES.get(code_of(error))
    return None if trouble is None else NotSaving(trouble.what)


class Writes:
    """What one process knows of saving."""

    def __init__(self) -> None:
        self.every, self.held = EVERY, HELD
        self._row = {"process": new_id("prc")}
        self._lock = threading.Lock()
        self._asked: float | None = None
        self._found: Trouble | None = None
        self._met: tuple[float, Trouble] | None = None
        self._since: datetime | None = None

    def failing(self) -> Failing | None:
        """Return why saving does not work and since when, or None; proves it if the last proof is
        old.

        While one thread proves it, others are told what was known before.
        """
        if self._lock.acquire(blocking=self._asked is None):
            try:
                if self._asked is None or time.monotonic() - self._asked >= self.every:
                    self._found = self._prove()
                    self._asked = time.monotonic()
            finally:
                self._lock.release()
        return self._judge()

    def note(self, error: BaseException) -> None:
        """Take into account what a request failed with."""
        if trouble := TROUBLES.get(code_of(error)):
            self._met = (time.monotonic(), trouble)
            self._judge()

    def _judge(self) -> Failing | None:
        met = self._met
        is_fresh = met is not None and time.monotonic() - met[0] < self.held
        trouble = self._found or (met[1] if met and is_fresh else None)
        if trouble is None:
            if self._since is not None:
                log.warning("saving works again")
            self._since = None
            return None
        if self._since is None:
            log.error("saving does not work", reason=trouble.what)
            self._since = datetime.now(UTC)
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
            return self._found  # this process has no connection to spare, which says nothing
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
            connection.exec_driver_sql(LIMITS)
            connection.execute(written)
            connection.execute(gone)

    def _spill(self) -> None:
        try:
            with db.engine.begin() as connection:
                connection.exec_driver_sql(f"{LIMITS}; {SPILL}")
        except DBAPIError as error:
            if code_of(error) != MAY_NOT_SPILL:
                raise


def init_app(app: Flask) -> None:
    """Give the application its knowledge."""
    app.extensions["portal.database.writability"] = Writes()


def known() -> Writes:
    """Return what the running process knows of saving."""
    found: Writes = current_app.extensions["portal.database.writability"]
    return found


@contextmanager
def if_possible() -> Iterator[None]:
    """Write what reading can do without: it is left out while saving does not work."""
    try:
        with session.begin_nested():
            yield
    except DBAPIError as error:
        if code_of(error) not in TROUBLES:
            raise
        known().note(error)
