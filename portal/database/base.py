"""Define the base class of all models, and the ids of records."""

from datetime import MAXYEAR, datetime

from sqlalchemy import DateTime, MetaData
from sqlalchemy.orm import DeclarativeBase
from ulid import ULID

from portal.database.dry_run import note_id

NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    """Base class of every model. A timestamp is always stored with its time zone."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: DateTime(timezone=True)}


def new_id(prefix: str, at: datetime | None = None) -> str:
    """Return a ULID with a type prefix, `app_01K…`, ordered by time. Only the server makes ids.

    `at` is for a caller that knows the time better than this machine's clock.
    """
    made = str(ULID.from_datetime(at) if at else ULID())
    note_id(made)
    return f"{prefix}_{made}"


def time_of(some_id: str) -> datetime | None:
    """Return the time at which an id was made, by the clock of its server.

    Return None for a time so late that nothing was made then: anybody can write such an id.
    """
    try:
        made = ULID.from_str(some_id.partition("_")[2]).datetime
    except ValueError:
        return None
    return made if made.year < MAXYEAR else None  # a caller may add some minutes
