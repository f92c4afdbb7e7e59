"""The minimal cost of REST: a Flask view, plain psycopg with its pool, and orjson.

It sends the statements of the portal's own REST (`BENCH_STATEMENTS`) as the superuser, without
authentication, row-level security and transactions.
"""

import os
from pathlib import Path
from typing import Any

import orjson
from flask import Flask, Response
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from tests.bench.rivals import database_url

STATEMENTS: dict[str, Any] = orjson.loads(Path(os.environ["BENCH_STATEMENTS"]).read_bytes())
pool = ConnectionPool(
    database_url(),
    min_size=4,
    max_size=16,
    kwargs={"row_factory": dict_row, "autocommit": True},
    open=True,
)
app = Flask(__name__)


@app.get("/keys/<id>")
def one(id: str) -> Response:
    asked = STATEMENTS["get"]
    with pool.connection() as connection:
        row = connection.execute(asked["sql"], {**asked["values"], "id": id}).fetchone()
    return _answer(row)


@app.get("/keys")
def some() -> Response:
    asked = STATEMENTS["list"]
    with pool.connection() as connection:
        rows = connection.execute(asked["sql"], asked["values"]).fetchall()
    return _answer({"items": rows[:50]})  # the 51st only shows that there are more


def _answer(document: Any) -> Response:
    return Response(orjson.dumps(document, default=str), content_type="application/json")
