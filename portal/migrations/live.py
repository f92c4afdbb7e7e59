"""Change tables that are in use, with short lock waits and many small transactions.

A user's statement queues behind a migration that waits for a lock. So a migration waits for less
than half a second, fails, and is run again by `portal migrate`. A step that needs several locks
takes them with `lock`. PostgreSQL checks for a deadlock after a wait of one second
(`deadlock_timeout`); by then the migration has either all of the locks or none.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from alembic import op
from sqlalchemy.exc import DBAPIError

INDEX_PATIENCE = "300s"
BATCH = 1000


def run(statement: str, *values: Any) -> Sequence[Any]:
    """Run one statement, with `%s` for each value; return its rows."""
    bind = op.get_bind()
    if values:
        result = bind.exec_driver_sql(statement, values)
    else:
        result = bind.exec_driver_sql(statement, execution_options={"no_parameters": True})
    return result.all() if result.returns_rows else []


@contextmanager
def in_steps() -> Iterator[None]:
    """Commit each statement and each `transaction` in this context by itself.

    A migration that is killed in between runs again from its beginning, so each step must check
    whether it was done already.
    """
    with op.get_context().autocommit_block():
        yield


@contextmanager
def transaction(*tables: str, mode: str = "ACCESS EXCLUSIVE") -> Iterator[None]:
    """Run a step in one transaction, with these tables locked (see `lock`)."""
    run("BEGIN")
    try:
        lock(*tables, mode=mode)
        yield
        run("COMMIT")
    except BaseException:
        with suppress(DBAPIError):
            run("ROLLBACK")
        raise


def lock(*tables: str, mode: str = "ACCESS EXCLUSIVE") -> None:
    """Lock all of these tables until the transaction ends, or raise after half a second.

    The first lock may wait as long as any statement, because no lock is held yet. Later locks may
    wait only 100 ms, because users then wait for the locks that are held.
    """
    for table in tables:
        run(f"LOCK TABLE {table} IN {mode} MODE")
        run("SET LOCAL lock_timeout = '100ms'")


def try_again() -> None:
    """Fail this run of the migration as if a lock were not available, so that it is run again."""
    run("DO $$ BEGIN RAISE lock_not_available; END $$")


def exists(table: str) -> bool:
    [[found]] = run("SELECT to_regclass(%s) IS NOT NULL", table)
    return bool(found)


def index(name: str, definition: str, *, kind: str = "INDEX") -> None:
    """Create an index without blocking writers of the table; call it within `in_steps`.

    It waits for all running transactions, but nobody waits for it. An invalid index of a killed run
    is dropped and created again.
    """
    valid = run("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", name)
    if valid and valid[0][0]:
        return
    run("BEGIN")
    run(f"DROP INDEX IF EXISTS {name}")
    run("COMMIT")
    [[patience]] = run("SHOW lock_timeout")
    run(f"SET lock_timeout = '{INDEX_PATIENCE}'")
    run(f"CREATE {kind} CONCURRENTLY {name} ON {definition}")
    run(f"SET lock_timeout = '{patience}'")


def move(source: str, target: str, where: str) -> None:
    """Move rows from one table to another, both with the key (tenant_id, id), batch by batch.

    Writers wait for the current batch, so none of them misses a row that moves; readers do not
    wait.
    """
    last = ("", "")
    while keys := run(
        f"SELECT tenant_id, id FROM ONLY {source} WHERE {where}"  # noqa: S608  a migration's text
        f" AND (tenant_id, id) > (%s, %s) ORDER BY tenant_id, id LIMIT {BATCH}",
        *last,
    ):
        tenants, ids = (list(column) for column in zip(*keys, strict=True))
        with transaction(source, target, mode="SHARE ROW EXCLUSIVE"):
            run(
                f"WITH moved AS (DELETE FROM ONLY {source} WHERE (tenant_id, id) IN"  # noqa: S608
                f" (SELECT * FROM unnest(%s::text[], %s::text[])) RETURNING *)"
                f" INSERT INTO {target} SELECT * FROM moved ON CONFLICT DO NOTHING",
                tenants,
                ids,
            )
        last = (tenants[-1], ids[-1])
