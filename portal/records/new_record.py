"""Store new records with their search words, history, related rows and quota count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy.orm import make_transient_to_detached

from portal import fast
from portal.database.record import Record
from portal.database.session import flush, send, session
from portal.fast import insert_record, insert_records
from portal.records import search
from portal.records.audit import trail as audit
from portal.records.audit.models import AuditEntry
from portal.records.quotas import counts


@dataclass(frozen=True, slots=True)
class New:
    """A new record, its search terms and its audit entry."""

    record: Record
    terms: set[str]
    entry: Mapping[str, Any]


def store_all(made: Sequence[New]) -> None:
    """Store new records of one kind, as `store` does with each, in a few statements."""
    if not fast.uses("insert"):
        for new in made:
            store(new.record, new.terms, new.entry)
        return
    records = [new.record for new in made]
    model, tenant_id = type(records[0]), records[0].tenant_id
    rows = [_row(record) for record in records]
    paired = sorted(zip(rows, records, strict=True), key=lambda pair: sorted(pair[0]))
    for given, group in groupby(paired, key=lambda pair: tuple(sorted(pair[0]))):
        _insert(model, given, list(group))
    for insert in model.beside:
        names = insert.compile().params
        session.execute(insert, [{name: row[name] for name in names} for row in rows])
    found_by = [(new.record.id, term) for new in made for term in sorted(new.terms)]
    ids, terms = zip(*found_by, strict=True)
    values = {"tenant_id": tenant_id, "noun": model.noun, "ids": list(ids), "terms": list(terms)}
    send(search.ADD_ALL, values)
    entries = [
        {name.removeprefix("entry_"): value for name, value in new.entry.items()} for new in made
    ]
    enter = insert_records.statement(AuditEntry, tuple(audit.COLUMNS), ())
    send(enter, {"rows": insert_records.written(entries)})
    counts.took(tenant_id, model, len(records))  # last, because others wait for its locks


def _row(record: Record) -> dict[str, Any]:
    record.version = 1
    columns = type(record).__table__.columns
    stored = {column.name: getattr(record, column.name) for column in columns}
    return {name: value for name, value in stored.items() if value is not None}


def _insert(
    model: type[Record], given: tuple[str, ...], made: Sequence[tuple[dict[str, Any], Record]]
) -> None:
    """Insert rows with the same columns, and add their records to the session."""
    filled = insert_record.filled(model, given)
    statement = insert_records.statement(model, given, ("id", *filled))
    rows = send(statement, {"rows": insert_records.written(row for row, _ in made)})
    values = {id: dict(zip(filled, rest, strict=True)) for id, *rest in rows}
    nothing = dict.fromkeys(column.name for column in model.__table__.columns)
    for row, record in made:
        vars(record).update(nothing, **row, **values[record.id])
        make_transient_to_detached(record)  # its attributes are already stored
        session.add(record)


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
    counted = counts.parameters(type(record))
    [(*values, taken)] = send(statement, {**given, **_found_by(record, terms), **entry, **counted})
    counts.created(record.tenant_id, type(record), taken)
    vars(record).update(stored, **dict(zip(filled, values, strict=True)))
    make_transient_to_detached(record)  # its attributes are already stored
    session.add(record)


def _found_by(record: Record, terms: set[str]) -> dict[str, Any]:
    return {"noun": record.noun, "terms": sorted(terms)}
