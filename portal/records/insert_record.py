"""Store a new record in one statement.

It writes the row, its search words, its history, related rows and the quota count. The statement is
built once for each set of columns. A flush alone would cost more.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, insert
from sqlalchemy.orm import make_transient_to_detached

from portal.database.record import Record
from portal.database.session import send, session
from portal.fast.statements import Statement
from portal.records import search
from portal.records.audit import trail as audit
from portal.records.quotas import counts


def store(record: Record, terms: set[str], entry: Mapping[str, Any]) -> None:
    """Store a new record with its search terms and its audit entry, and add it to the session.

    It counts towards the tenant's quota. Raises QuotaReached when there is no room, Conflict or
    Invalid when a constraint of the database fails.
    """
    record.version = 1
    names = (column.name for column in type(record).__table__.columns)
    stored = {name: getattr(record, name) for name in names}
    given = {name: value for name, value in stored.items() if value is not None}
    statement, stamped = _written(type(record), tuple(given))
    found_by = {"noun": record.noun, "terms": sorted(terms)}
    counted = counts.asked(type(record))
    [(*stamps, taken)] = send(statement, {**given, **found_by, **entry, **counted})
    counts.created(record.tenant_id, type(record), taken)
    vars(record).update(stored, **dict(zip(stamped, stamps, strict=True)))
    make_transient_to_detached(record)  # its attributes are already stored
    session.add(record)


@lru_cache(100)
def _written(model: type[Record], given: tuple[str, ...]) -> tuple[Statement, tuple[str, ...]]:
    """Return the statement for these columns, and the names of those that the database fills."""
    stamped = [
        column
        for column in model.__table__.columns
        if column.server_default is not None and column.name not in given
    ]
    with_it = (search.TERMS, audit.ENTRY, *model.beside)
    row = (
        insert(model)
        .values({name: bindparam(name) for name in given})
        .returning(*stamped, counts.TAKEN)
        .add_cte(*(part.cte(f"with_it_{number}") for number, part in enumerate(with_it)))
    )
    return Statement(row), tuple(column.name for column in stamped)
