"""Calls are counted once, also when the answer to a COMMIT is lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from flask import Flask
from psycopg import Connection
from sqlalchemy import event

from portal.database.session import db
from portal.keys.verification.use_counts import Usage
from tests.cast import Api
from tests.databases import Database

CALLS = """
SELECT ARRAY[
    (SELECT request_count FROM api_key_runtime WHERE key_id = %s),
    (SELECT sum(calls) FROM key_use WHERE key_id = %s AND aspect = 'call'),
    (SELECT sum(calls) FROM key_hour)
]::int[]
"""


@contextmanager
def answers_lost(after: Callable[[Connection], None]) -> Iterator[None]:
    """Do this instead of each COMMIT, and close the connection without an answer."""

    def lose(connection: object) -> None:
        raw = connection.connection.dbapi_connection  # type: ignore[attr-defined]
        after(raw)
        raw.close()

    event.listen(db.engine, "commit", lose)
    try:
        yield
    finally:
        event.remove(db.engine, "commit", lose)


@pytest.mark.parametrize("what_happened", [Connection.commit, Connection.rollback])
def test_a_lost_answer_counts_no_call_twice_and_loses_none(
    app: Flask, ada: Api, database: Database, what_happened: Callable[[Connection], None]
) -> None:
    key = ada.create("api-keys")
    usage = Usage()
    usage.note(key["tenant_id"], key["id"], datetime.now(UTC), 3, scope="a:read")
    with app.app_context():
        with answers_lost(what_happened):
            usage.flush()
        usage.note(key["tenant_id"], key["id"], datetime.now(UTC), 4, scope="a:read")
        usage.flush()  # finds out what became of the first write, and writes what is left
        usage.flush()
    assert database.sql(CALLS, key["id"], key["id"]) == [7, 7, 7]
