"""Run all jobs of the worker at once, and count their transactions."""

from collections.abc import Sequence
from types import TracebackType

from flask import Flask
from sqlalchemy import event

from portal.core.jobs import Job
from portal.database.session import db
from portal.ops.worker import Worker, registered_jobs
from tests.databases import Database


def keep_house(app: Flask, database: Database, jobs: Sequence[Job] | None = None) -> None:
    """Run every job as if it were due, whenever it ran last. Fail if one fails."""
    database.sql("DELETE FROM housekeeping_turn")
    Worker(app, registered_jobs() if jobs is None else jobs).run_due()
    failed = "SELECT string_agg(job, ', ') FROM housekeeping_turn WHERE failures > 0"
    assert database.sql(failed) is None


class Commits:
    """Count the transactions that the portal ends within the block."""

    def __init__(self, app: Flask) -> None:
        self.count = 0
        with app.app_context():
            self._engine = db.engine

    def __enter__(self) -> "Commits":
        for end in ("commit", "rollback"):
            event.listen(self._engine, end, self._one_more)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for end in ("commit", "rollback"):
            event.remove(self._engine, end, self._one_more)

    def _one_more(self, _: object) -> None:
        self.count += 1
