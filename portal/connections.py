"""How many connections to PostgreSQL the portal takes, and whether each is a session of its own."""

from typing import Any

import psycopg

from portal import dbrole
from portal.config import Config
from portal.db import POOL_SIZE
from portal.front.application import KEY_THREADS, THREADS

# Beside the pool: one for each thread that looks for keys, and those that listen, count, give back
# and write.
OF_A_WEB_PROCESS = POOL_SIZE + THREADS + KEY_THREADS + 4
OF_A_WORKER = POOL_SIZE + 3  # those that take, record and listen
ROUNDS = 5
LIMITS = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int,
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))
"""


def needed(config: Config) -> int:
    """What the processes of this machine may take, with one worker."""
    return config.web_workers * OF_A_WEB_PROCESS + OF_A_WORKER


def allowed(config: Config) -> int:
    """How many PostgreSQL lets in as our role."""
    with dbrole.connect(config.database_url) as connection:
        row = connection.execute(LIMITS).fetchone()
    assert row is not None  # noqa: S101  it has always one
    return int(str(row[0]))


def are_sessions(config: Config) -> bool:
    """Whether a connection stays with one server process: not so behind a pooler that gives it away
    after each transaction, which loses what LISTEN and locks of a session need."""
    with (
        dbrole.connect(config.database_url) as one,
        dbrole.connect(config.database_url) as other,
    ):
        one.autocommit = True
        first = _process(one)
        for _ in range(ROUNDS):
            with other.transaction():
                if _process(other) == first or _process(one) != first:
                    return False
    return True


def _process(connection: "psycopg.Connection[Any]") -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0
