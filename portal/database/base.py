"""The base of all models, and the ids of records."""

from datetime import datetime

from sqlalchemy import DateTime, MetaData
from sqlalchemy.orm import DeclarativeBase
from ulid import ULID

NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    """The parent of every model; a moment is always stored with its zone."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True)}


def new_id(prefix: str, at: datetime | None = None) -> str:
    """Return a ULID with a type prefix, `app_01K…`: made by the server only, ordered by time.

    `at` is for whoever knows the time better than this machine's clock.
    """
    return f"{prefix}_{ULID.from_datetime(at) if at else ULID()}"
