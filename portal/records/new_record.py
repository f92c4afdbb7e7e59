"""Store a new record with its search words, its history, related rows and its quota count."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import make_transient_to_detached

from portal import fast
from portal.database.record import Record
from portal.database.session import flush, send, session
from portal.fast import insert_record
from portal.records import search
from portal.records.audit import trail as audit
from portal.records.quotas import counts


def store(record: Record, terms: set[str], entry: Mapping[str, Any]) -> None:
    """Store a new record with its search terms and its audit entry, and add it to the session.

    It counts towards the tenant's quota. Raises QuotaReached when there is no room, Conflict or
    Invalid when a constraint of the database fails.
    """
    if fast.uses("insert"):
        _store_in_one_statement(record, terms, entry)
        return
    session.add(record)
    flush()
    counts.take(record.tenant_id, type(record))
    for insert in type(record).beside:
        session.execute(insert, {name: getattr(record, name) for name in insert.compile().params})
    send(search.ADD, _found_by(record, terms) | {"tenant_id": record.tenant_id, "id": record.id})
    send(audit.ENTER, entry)


def _store_in_one_statement(record: Record, terms: set[str], entry: Mapping[str, Any]) -> None:
    record.version = 1
    names = (column.name for column in type(record).__table__.columns)
    stored = {name: getattr(record, name) for name in names}
    given = {name: value for name, value in stored.items() if value is not None}
    beside = (search.TERMS, audit.ENTRY, *type(record).beside)
    statement, filled = insert_record.statement(type(record), tuple(given), beside, counts.TAKEN)
    counted = counts.asked(type(record))
    [(*values, taken)] = send(statement, {**given, **_found_by(record, terms), **entry, **counted})
    counts.created(record.tenant_id, type(record), taken)
    vars(record).update(stored, **dict(zip(filled, values, strict=True)))
    make_transient_to_detached(record)  # its attributes are already stored
    session.add(record)


def _found_by(record: Record, terms: set[str]) -> dict[str, Any]:
    return {"noun": record.noun, "terms": sorted(terms)}
