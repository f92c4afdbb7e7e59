"""Compare the PostgreSQL connections that the portal needs with those it can get."""

from typing import Any, NamedTuple

import psycopg
from sqlalchemy import text

from portal.core.config import Config
from portal.database import app_role
from portal.database.session import POOL_SIZE, session, transaction
from portal.delivery.queue import queue
from portal.events.publishing.group_commit import CONNECTIONS as PUBLISHING
from portal.front.application import KEY_THREADS, SLOTS
from portal.keys.verification import change_listener

# In addition to the pool: those that publish, one for each look-up that may run at once, and one
# each to listen, count, give back and write.
OF_A_WEB_PROCESS = POOL_SIZE + SLOTS + KEY_THREADS + 4 + PUBLISHING
OF_A_WORKER = POOL_SIZE + 5  # to claim and record, and for three engines to listen
ROUNDS = 5
LIMITS = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int,
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))
"""
PROCESSES = {change_listener.CONNECTION: "a web process", queue.CONNECTION: "a worker"}
# Every web process and every worker keeps one connection with this application name open.
RUNNING = text("""
SELECT DISTINCT split_part(application_name, ' ', 1), split_part(application_name, ' ', 2),
    split_part(application_name, ' ', 3), coalesce(host(client_addr), 'this machine')
FROM pg_stat_activity
WHERE datname = current_database() AND split_part(application_name, ' ', 1) = ANY (:names)
ORDER BY 1, 4, 2, 3
""")


class Process(NamedTuple):
    """A running process: what it is and where, its keys and its secret store.

    One of an earlier release says less; then a text is empty.
    """

    what: str
    keys: str
    store: str
    address: str


def running() -> list[Process]:
    """Return the processes of the portal that are connected. Call it outside a transaction."""
    with transaction():
        rows = session.execute(RUNNING, {"names": list(PROCESSES)}).all()
    return [Process(PROCESSES[name], keys, store, address) for name, keys, store, address in rows]


def needed(config: Config) -> int:
    """Return the maximum number of connections of this machine's processes, with one worker."""
    return config.web_workers * OF_A_WEB_PROCESS + OF_A_WORKER


def allowed(config: Config) -> int:
    """Return the number of connections that PostgreSQL allows to the portal's role."""
    with app_role.connect(config.database_url) as connection:
        row = connection.execute(LIMITS).fetchone()
    assert row is not None  # noqa: S101  always one row
    return int(str(row[0]))


def are_sessions(config: Config) -> bool:
    """Tell whether a connection stays with one server process.

    Behind a pooler in transaction mode it does not, and LISTEN and session locks are lost.
    """
    with (
        app_role.connect(config.database_url) as one,
        app_role.connect(config.database_url) as other,
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
