"""The tables of bulk jobs: a row for each job, and one for each record of a job."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, String, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.database.record import BelowRecord
from portal.database.session import CONSTRAINTS

STATES = ("preview", "running", "done", "cancelled")
ROW_STATES = ("waiting", "done", "failed", "skipped", "cancelled")
UNDONE = ("failed", "skipped", "cancelled")
RUNNING = "state = 'running'"


class BulkJob(BelowRecord):
    """Something to do to many records.

    `filter` and `arguments` are what the asker sent. `asker` is who confirmed it, so that the
    worker can act for them. A worker takes a running job at `next_at`, and holds the job's row
    until its step ends, which is the fence against a second worker.
    """

    __tablename__ = "bulk_job"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        Index(
            "uq_bulk_job_open",
            "tenant_id",
            "asked_by",
            "resource",
            "verb",
            unique=True,
            postgresql_where=RUNNING,
        ),
        Index("ix_bulk_job_due", "tenant_id", "next_at", postgresql_where=RUNNING),
        Index("ix_bulk_job_asked", "tenant_id", "asked_by", "id"),
        Index("ix_bulk_job_made", "tenant_id", "created_at"),
    )
    id_prefix: ClassVar[str] = "job"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    resource: Mapped[str] = mapped_column(String(40))
    verb: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12), server_default="preview")
    filter: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    asked_by: Mapped[str] = mapped_column(String(80))
    asked_by_name: Mapped[str] = mapped_column(String(200))
    asker: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    total: Mapped[int] = mapped_column(Integer, server_default="0")
    done: Mapped[int] = mapped_column(Integer, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, server_default="0")
    skipped: Mapped[int] = mapped_column(Integer, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    confirmed_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    cancelled_by_name: Mapped[str | None] = mapped_column(String(200))

    @property
    def waiting(self) -> int:
        """Return how many records are left to do; of a cancelled job, how many were left."""
        return self.total - self.done - self.failed - self.skipped

    @property
    def is_open(self) -> bool:
        """Tell whether the job can still do something."""
        return self.state in ("preview", "running")


class BulkRow(BelowRecord):
    """One record of a job.

    `version` is that of the record at the preview: if it is another one when the row's turn comes,
    the row is skipped. `changes` maps a field to its values before and after.
    """

    __tablename__ = "bulk_row"
    __table_args__ = (
        CheckConstraint(f"state IN {ROW_STATES}", name="state"),
        ForeignKeyConstraint(
            ["tenant_id", "job_id"],
            ["bulk_job.tenant_id", "bulk_job.id"],
            name="fk_bulk_row_job",
            ondelete="CASCADE",
        ),
        Index("ix_bulk_row_state", "tenant_id", "job_id", "state", "number"),
    )

    job_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    record_id: Mapped[str] = mapped_column(String(40))
    record_name: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(12), server_default="waiting")
    reason: Mapped[str] = mapped_column(Text, server_default="")
    changes: Mapped[dict[str, list[Any]]] = mapped_column(JSONB, server_default="{}")
    done_at: Mapped[datetime | None]


CONSTRAINTS |= {
    "uq_bulk_job_open": (
        "verb",
        "A job of this kind of yours is running. Wait until it ends, or cancel it.",
    ),
}
