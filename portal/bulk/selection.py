"""Find the records of a job, and judge at its preview what would become of each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from sqlalchemy import ARRAY, String, any_, literal, text

from portal.bulk.acts import Act, Kind
from portal.bulk.models import BulkJob
from portal.core.errors import BadRequest, FieldError, Invalid
from portal.core.threads.precedence import give_way
from portal.database.actor import Actor
from portal.database.audience import as_member
from portal.database.record import missing
from portal.database.session import session
from portal.records import listing
from portal.records.audit.trail import as_json
from portal.records.listing import Query

MOST = 10_000  # records of one job
NOT_HERE = frozenset({"limit", "cursor", "sort", "count"})  # these choose no records
DELETED = "It is deleted."
SAME = "It has these values already."
TOO_MANY = (
    f"These are more than {MOST:,} records, and a job has at most so many. Narrow the filter."
)

# In one statement, because a job may have 10,000 rows.
STORE = text("""
INSERT INTO bulk_row
    (tenant_id, job_id, number, record_id, record_name, version, state, reason, changes)
SELECT :tenant_id, :job_id, number, record_id, record_name, version, state, reason, changes
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS judged (
    number int, record_id text, record_name text, version int, state text, reason text,
    changes jsonb
)
""")


class Given(dict[str, str]):
    """The parameters of a filter, as a query string has them."""

    def getlist(self, key: str) -> list[str]:
        """Return the value of a parameter as a list."""
        return [self[key]]


def sent(query: str) -> dict[str, str]:
    """Return the filter that a page sends as a query string. Raises Invalid for a parameter that
    is there twice; one without a value is kept, so that it is refused."""
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)
    if len(given) < len(pairs):
        raise Invalid.field("filter", "Give each parameter once.")
    return given


def query_of(kind: Kind, given: Mapping[str, str], without: frozenset[str] = NOT_HERE) -> Query:
    """Return the checked query of a filter, which must not have the parameters `without`. Raises
    Invalid that names the wrong one."""
    try:
        return listing.parse(kind.listing, Given(given), without)
    except BadRequest as error:
        raise Invalid(
            [FieldError(f"filter.{one.field}", one.message) for one in error.errors]
        ) from None


def judged(
    actor: Actor, kind: Kind, act: Act, command: Any, ids: Sequence[str] | None, query: Query
) -> list[dict[str, Any]]:
    """Return the rows of a job, the newest record first. Raises Invalid for too many.

    What is not open to the actor is left out, as in a filtered list. An id of no record that the
    actor sees gets a row with the reason.
    """
    found = _found(actor, kind, act, ids, query)
    if len(found) > MOST:
        raise Invalid.field("filter", TOO_MANY)
    rows = [_judged(act, command, row) for row in found]
    if ids is not None:
        rows += _unknown(kind, sorted(set(ids) - {row["record_id"] for row in rows}))
    return [{"number": number, **row} for number, row in enumerate(rows, 1)]


def store(job: BulkJob, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the rows of a job."""
    session.execute(
        STORE,
        {"tenant_id": job.tenant_id, "job_id": job.id, "rows": orjson.dumps(rows).decode()},
    )


def _found(
    actor: Actor, kind: Kind, act: Act, ids: Sequence[str] | None, query: Query
) -> Sequence[Any]:
    model = kind.resource.model
    who = as_member(actor)
    if ids is None:
        statement = listing.narrowed(who, kind.listing, query)
    else:
        named = model.id == any_(literal(list(ids), ARRAY(String)))
        statement = model.seen_by(who).where(named, model.is_deleted.is_(False))
    label = getattr(model, kind.label).label("record_name")
    columns = [
        model.id,
        model.version,
        model.is_deleted,
        label,
        *(_column(model, name) for name in act.reads),
    ]
    # A child of another record is newer than it, and has its turn before the other is changed.
    statement = statement.with_only_columns(*columns).order_by(model.id.desc())
    return session.execute(statement.limit(MOST + 1)).all()


def _column(model: Any, name: str) -> Any:
    return getattr(model, name).label(name)


def _judged(act: Act, command: Any, row: Any) -> dict[str, Any]:
    give_way()
    reason = DELETED if row.is_deleted else act.cannot(row, command)
    changes = {} if reason else act.changes(row, command)
    if act.is_edit and not (reason or changes):
        reason = SAME
    return {
        "record_id": row.id,
        "record_name": row.record_name[:200],
        "version": row.version,
        "state": "skipped" if reason else "waiting",
        "reason": reason,
        "changes": as_json(changes),
    }


def _unknown(kind: Kind, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    for record_id in ids:
        yield {
            "record_id": record_id,
            "record_name": "",
            "version": 0,
            "state": "skipped",
            "reason": missing(kind.resource.model, record_id).detail,
            "changes": {},
        }
