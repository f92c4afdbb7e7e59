"""The table of saved views."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Index, Integer, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.database.base import Base

ID_PREFIX = "viw"


class SavedViewRow(Base):
    """A view of one list. It belongs to a person, who may share it with the tenant."""

    __tablename__ = "saved_view"
    __table_args__ = (
        Index("ix_saved_view_owner", "tenant_id", "list", "owner_id"),
        Index("ix_saved_view_shared", "tenant_id", "list", "id", postgresql_where="is_shared"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    list: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(80))
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    is_shared: Mapped[bool] = mapped_column(Boolean, server_default="false")
    is_default: Mapped[bool] = mapped_column(Boolean, server_default="false")
    position: Mapped[int] = mapped_column(Integer, server_default="0")
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())

    __mapper_args__ = {"version_id_col": version, "eager_defaults": True}
