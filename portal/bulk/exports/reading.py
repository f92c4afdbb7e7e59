"""Read the documents of a query with a cursor of PostgreSQL, so that memory stays the same."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask
from sqlalchemy import Select

from portal.core.deadlines import PART_SECONDS
from portal.database.actor import Actor
from portal.database.session import db
from portal.fast.plain_rows import Rows
from portal.fast.statements import set_local
from portal.records import health

AT_ONCE = 250  # records in memory
# It says nothing to PostgreSQL while the client takes a part.
IDLE_SECONDS = 2 * PART_SECONDS


def documents(
    app: Flask, actor: Actor, rows: Rows, statement: Select[Any]
) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the documents of a statement with the columns of `rows`, as of one moment.

    It has a connection of its own: it goes on when the request and its transaction have ended.
    """
    with app.app_context():
        engine = db.engine
    with engine.connect() as pooled, pooled.begin():
        set_local(
            pooled,
            {
                "app.tenant_id": actor.tenant_id,
                "idle_in_transaction_session_timeout": f"{IDLE_SECONDS:.0f}s",
            },
        )
        with app.app_context():  # some values are read from the settings when it begins
            result = pooled.execution_options(yield_per=AT_ONCE).execute(statement)
        with result as found:
            for batch in found.partitions():
                documents = [health.with_health(rows.model, rows.document(row)) for row in batch]
                yield [rows.model.shown_to(actor, one) for one in documents]
