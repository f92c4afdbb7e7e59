"""Record the SQL that the portal sends, where it reaches the driver."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any
from unittest.mock import patch

import psycopg

from portal.fast.statements import Statement


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Record the SQL that this thread sends within the block, with its values.

    It leaves out BEGIN, COMMIT, and loans for a tenant's requests, which come once a second.
    """
    sent: list[tuple[str, Any]] = []
    execute, bound, here = psycopg.Cursor.execute, Statement.bound, get_ident()
    execute_many = psycopg.Cursor.executemany

    def heard(cursor: Any, sql: Any, values: Any = None, **options: Any) -> Any:
        if get_ident() == here and "lend_rate" not in str(sql):
            sent.append((str(sql), values))
        return execute(cursor, sql, values, **options)

    def heard_many(cursor: Any, sql: Any, rows: Any, **options: Any) -> None:
        if get_ident() == here:
            sent.extend((str(sql), values) for values in rows)
        execute_many(cursor, sql, rows, **options)

    def heard_statement(statement: Statement, values: Any) -> Any:
        if get_ident() == here and "lend_rate" not in statement.sql:
            sent.append((statement.sql, statement.everything(values)))
        return bound(statement, values)

    with (
        patch.object(psycopg.Cursor, "execute", heard),
        patch.object(psycopg.Cursor, "executemany", heard_many),
        patch.object(Statement, "bound", heard_statement),
    ):
        yield sent
