"""The database of the oldest release that can upgrade, with a history and active users.

`releases/0030.sql.gz` is the pg_dump of that release. Its code is not here: `Traffic` runs the
statements with which it wrote and read the busiest tables, as the role of that release, with that
role's timeouts. Each of them has to work before, during and after the migration.
"""

import gzip
import re
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from portal_devtools.identity_provider.people import ACME

from portal.core.config import libpq_url
from portal.core.deadlines import connection_settings
from portal.ops import embedded_postgres
from tests import ROOT
from tests.databases import Database, fresh_database

DUMP = ROOT / "tests/migrations/releases/0030.sql.gz"
WEBHOOKS = 5
DAYS = 29

# The rows of a month: `many` deliveries, each with its event and an attempt; tests of webhooks,
# whose ids have another prefix; and keys.
HISTORY = """
SET session_replication_role = replica;
SELECT ensure_day_partitions(14);
INSERT INTO tenant (id, slug, name, key_code) VALUES ('{tenant}', 'acme', 'Acme', 'acme');
INSERT INTO webhook (tenant_id, id, version, name, url, enabled, retry_policy)
SELECT '{tenant}', 'whk_' || n, 1, 'Orders ' || n, 'https://hooks.example/' || n, true,
    '{{"maxAttempts": 5, "backoff": "exponential", "timeoutMs": 5000}}'
FROM generate_series(1, {webhooks}) AS n;
INSERT INTO endpoint (tenant_id, webhook_id) SELECT tenant_id, id FROM webhook;
CREATE TEMP TABLE made AS
SELECT n, 'whk_' || n % {webhooks} + 1 AS webhook,
    now() - {days} * interval '1 day' * (1 - n / {many}::float8) AS at
FROM generate_series(1, {many}) AS n;
INSERT INTO event (tenant_id, id, type, data, occurred_at, received_at, actor_id, actor_name)
SELECT '{tenant}', ulid_floor('evt', at) || lpad(n::text, 16, '0'), 'order.created',
    jsonb_build_object('number', n), at, at, 'ada', 'Ada' FROM made;
INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, state, attempts, created_at,
    completed_at, outcome, status)
SELECT '{tenant}', ulid_floor('dlv', at) || lpad(n::text, 16, '0'), webhook,
    ulid_floor('evt', at) || lpad(n::text, 16, '0'), 'order.created', 'delivered', 1, at, at,
    'succeeded', 200 FROM made;
INSERT INTO delivery_attempt (tenant_id, id, webhook_id, event_type, created_at, completed_at,
    actor_id, actor_name, url, request_headers, request_body, signed_with, outcome, status,
    delivery_id, event_id, number)
SELECT '{tenant}', CASE WHEN n % 20 = 0 THEN 'dlv' ELSE 'att' END
        || substr(ulid_floor('att', at), 4) || lpad(n::text, 16, '0'),
    webhook, 'order.created', at, at, 'system', 'Delivery', 'https://hooks.example/', '[]',
    repeat(md5(n::text), 32), 'abc', 'succeeded', 200,
    CASE WHEN n % 20 > 0 THEN ulid_floor('dlv', at) || lpad(n::text, 16, '0') END,
    ulid_floor('evt', at) || lpad(n::text, 16, '0'), 1 FROM made;
INSERT INTO api_key (tenant_id, id, version, name, key_hash, prefix, key_prefix, last4)
SELECT '{tenant}', 'key_' || n, 1, 'Key ' || n, repeat(md5(n::text), 2), 'sk-acme-', 'sk-acme-abcd',
    'wxyz' FROM generate_series(1, {many} / 20) AS n;
INSERT INTO api_key_runtime (tenant_id, key_id) SELECT tenant_id, id FROM api_key;
ANALYZE;
"""


def restored(database: Database) -> None:
    """Fill an empty database with the dump of the release."""
    _psql(database, gzip.decompress(DUMP.read_bytes()))


def lived_in(database: Database, deliveries: int) -> None:
    """Fill an empty database with the dump and a month of history with so many deliveries."""
    restored(database)
    sizes = {"tenant": ACME, "webhooks": WEBHOOKS, "days": DAYS, "many": deliveries}
    _psql(database, HISTORY.format(**sizes).encode())


def _psql(database: Database, text: bytes) -> None:
    command = [embedded_postgres.programs() / "psql", "--quiet", "--set=ON_ERROR_STOP=1"]
    subprocess.run(
        [*command, libpq_url(database.superuser_url)],
        input=text,
        stdout=subprocess.DEVNULL,
        check=True,
    )


KEPT = """
SELECT 'attempts', count(*), sum(hashtextextended(id || webhook_id || request_body || outcome, 0))
FROM delivery_attempt
UNION ALL SELECT 'deliveries', count(*), sum(hashtextextended(id || state, 0)) FROM delivery
UNION ALL SELECT 'events', count(*), sum(hashtextextended(id || data::text, 0)) FROM event
UNION ALL SELECT 'keys', count(*), sum(hashtextextended(id || key_hash, 0)) FROM api_key
ORDER BY 1
"""


def contents(database: Database) -> list[Any]:
    """Return the number of rows of each large table, and a checksum of them."""
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        return connection.execute(KEPT).fetchall()


OF_ONE_DAY = re.compile(r"_(\d{8}|\d{6})(?!\d)")


def schema(database: Database) -> list[str]:
    """Return the sorted parts of pg_dump's schema, without partitions of single days and months.

    It dumps a copy, because PostgreSQL writes some conditions differently after a dump and restore.
    """
    with fresh_database(f"test_copy_{secrets.token_hex(4)}", migrated=False) as copy:
        _psql(copy, _dump(database))
        whole = _dump(copy).decode().partition("\n--\n-- PostgreSQL database dump complete")[0]
    parts = re.split(r"\n+--\n-- Name: ", whole)[1:]
    return sorted(part for part in parts if not OF_ONE_DAY.search(part.partition("\n")[0]))


def _dump(database: Database) -> bytes:
    command = [embedded_postgres.programs() / "pg_dump", "--schema-only"]
    url = libpq_url(database.superuser_url)
    return subprocess.run([*command, url], capture_output=True, check=True).stdout


# --- its users ------------------------------------------------------------------------------------

PUBLISH = """
INSERT INTO event (tenant_id, id, type, data, actor_id, actor_name)
VALUES (%(tenant)s, %(event)s, 'order.created', '{"number": 1}', 'ada', 'Ada')
"""
ENQUEUE = """
INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type)
VALUES (%(tenant)s, %(delivery)s, %(webhook)s, %(event)s, 'order.created')
"""
LEASE = """
UPDATE delivery SET state = 'in_flight', token = token + 1, attempts = attempts + 1
WHERE tenant_id = %(tenant)s AND id = %(delivery)s
"""
COMPLETE = """
UPDATE delivery SET state = 'delivered', outcome = 'succeeded', completed_at = now()
WHERE tenant_id = %(tenant)s AND id = %(delivery)s AND token = 1
"""
ATTEMPT = """
INSERT INTO delivery_attempt (tenant_id, actor_id, actor_name, completed_at, id, webhook_id,
    delivery_id, event_id, number, event_type, url, request_headers, request_body, signed_with,
    outcome)
SELECT %(tenant)s::text, 'system', 'Delivery', now(), %(attempt)s::text, %(webhook)s::text,
    %(delivery)s::text, %(event)s::text,
    1, 'order.created', 'https://hooks.example/', '[]', '{}', 'abc', 'succeeded'
WHERE EXISTS (
    SELECT FROM delivery WHERE tenant_id = %(tenant)s::text AND id = %(delivery)s::text)
ON CONFLICT DO NOTHING
"""
SEEN = """
UPDATE webhook SET last_delivery_at = now(), last_delivery_status = 'succeeded'
WHERE tenant_id = %(tenant)s AND id = %(webhook)s
"""
ENDPOINT = """
UPDATE endpoint e SET throttles = 0 FROM webhook w
WHERE e.tenant_id = %(tenant)s AND e.webhook_id = %(webhook)s
AND w.tenant_id = e.tenant_id AND w.id = e.webhook_id
"""
BEGIN_TEST = """
INSERT INTO delivery_attempt (tenant_id, id, webhook_id, event_type, actor_id, actor_name, url,
    request_headers, request_body, signed_with)
VALUES (%(tenant)s, %(test)s, %(webhook)s, 'order.created', 'ada', 'Ada',
    'https://hooks.example/', '[]', '{}', 'abc')
"""
TESTS_OF_THIS_MINUTE = """
SELECT created_at FROM delivery_attempt WHERE tenant_id = %(tenant)s
AND created_at > now() - interval '1 minute' AND delivery_id IS NULL ORDER BY created_at DESC
"""
FINISH_TEST = """
UPDATE delivery_attempt SET outcome = 'succeeded', completed_at = now()
WHERE tenant_id = %(tenant)s AND id = %(test)s
"""
# Erase the data of an event, whose row may be moving to another table at the moment.
ERASE = """
UPDATE delivery_attempt SET response_body = response_body || 'erased'
WHERE tenant_id = %(tenant)s AND id = (SELECT id FROM delivery_attempt WHERE tenant_id = %(tenant)s
    AND id > 'dlv_' || %(somewhere)s ORDER BY id LIMIT 1)
"""
LOG = """
SELECT id, outcome, request_body FROM delivery_attempt
WHERE tenant_id = %(tenant)s AND webhook_id = %(webhook)s ORDER BY id DESC LIMIT 50
"""
ONE = "SELECT outcome FROM delivery_attempt WHERE tenant_id = %(tenant)s AND id = %(attempt)s"
DELIVERIES = """
SELECT id FROM delivery WHERE tenant_id = %(tenant)s AND webhook_id = %(webhook)s
ORDER BY id DESC LIMIT 50
"""
ADMIT = """
SELECT refused FROM admit_key(%(tenant)s, %(key)s, 1000000, 1, 1, NULL, 0, 0, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, false)
"""


class Traffic:
    """Users of that release, who work inside the context.

    `failures` lists errors, statements over their timeout, and statements that did not find their
    row.
    """

    def __init__(self, database: Database) -> None:
        self._url = libpq_url(database.app_url)
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(work,))
            for work in (self._deliver, self._deliver, self._test, self._read, self._admit)
        ]
        self.done = 0
        self.attempts: list[str] = []
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, work: "Callable[[Session], None]") -> None:
        settings = connection_settings("the oldest release")
        with psycopg.connect(self._url, autocommit=True, **settings) as connection:
            while not self._over.wait(0.005):
                try:
                    work(Session(connection))
                    self.done += 1
                except (psycopg.Error, AssertionError) as error:
                    self.failures.append(f"{work.__name__}: {error}")

    def _deliver(self, session: "Session") -> None:
        with session.transaction():
            session.run(PUBLISH, 1)
            session.run(ENQUEUE, 1)
        with session.transaction():
            session.run(LEASE, 1)
        with session.transaction():
            session.run(COMPLETE, 1)
            session.run(ATTEMPT, 1)
            session.run(SEEN, 1)
            session.run(ENDPOINT, 1)
        self.attempts.append(session.values["attempt"])
        with session.transaction():
            session.run(ONE, 1)

    def _test(self, session: "Session") -> None:
        with session.transaction():
            session.run(TESTS_OF_THIS_MINUTE)
            session.run(BEGIN_TEST, 1)
        self.attempts.append(session.values["test"])
        with session.transaction():
            session.run(FINISH_TEST, 1)
            session.run(SEEN, 1)
        with session.transaction():
            session.run(ERASE, 1)

    def _read(self, session: "Session") -> None:
        with session.transaction():
            session.run(LOG, 50)
            session.run(DELIVERIES, 50)

    def _admit(self, session: "Session") -> None:
        with session.transaction():
            session.run(ADMIT, 1)


class Session:
    """A user's connection, and the ids of the rows that it works on now."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        with connection.transaction():
            moment = "SELECT substr(ulid_floor('x', clock_timestamp()), 2)"
            new = str(connection.execute(moment).fetchone()[0]) + secrets.token_hex(8).upper()  # type: ignore[index]
        kinds = {"event": "evt", "delivery": "dlv", "attempt": "att", "test": "dlv"}
        self.values = {name: prefix + new for name, prefix in kinds.items()} | {
            "tenant": ACME,
            "webhook": f"whk_{secrets.randbelow(WEBHOOKS) + 1}",
            "key": f"key_{secrets.randbelow(5) + 1}",
            "somewhere": new[1:8],
        }

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._connection.transaction():
            self._connection.execute("SELECT set_config('app.tenant_id', %s, true)", (ACME,))
            yield

    def run(self, statement: str, rows: int | None = None) -> None:
        """Run a statement, which has to return or change so many rows."""
        found = self._connection.execute(statement, self.values).rowcount
        assert rows is None or found == rows, f"{found} rows instead of {rows}: {statement}"
