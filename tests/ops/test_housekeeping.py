"""Jobs enter only the tenants that have something due, found by one query per job."""

import time
from collections.abc import Callable

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import JSON
from sqlalchemy.exc import OperationalError

from portal.core.config import libpq_url
from portal.core.deadlines import LOCK_SECONDS
from portal.core.jobs import Job, every_tenant
from portal.database import session as database_session
from portal.database.record import Record
from portal.database.session import session, transaction
from portal.features import RESOURCES
from portal.ops.worker import Worker, registered_jobs
from tests.databases import Database
from tests.keeping import Commits, keep_house

IDLE_TENANTS = 10_000
JOBS = {job.name: job for job in registered_jobs() if job.due}


def key(**columns: str) -> str:
    """Return SQL that creates a key of Acme, 200 days old; the columns are SQL expressions."""
    named = {"revoked_at": "NULL", "created_at": "now() - interval '200 days'", **columns}
    return (
        "INSERT INTO api_key (tenant_id, id, version, name, key_hash, prefix, key_prefix, last4,"
        f" {', '.join(named)}) VALUES (:acme, 'key_1', 1, 'Nightly', repeat('a', 64), 'sk-acme-',"
        f" 'sk-acme-aaaa', 'aaaa', {', '.join(named.values())});"
        " INSERT INTO api_key_runtime (tenant_id, key_id, last_used_at)"
        " VALUES (:acme, 'key_1', now())"
    )


def deleted(model: type[Record]) -> str:
    """Return SQL that inserts a record of Acme, deleted 31 days ago."""
    columns = model.__table__.columns
    needed = [c for c in columns if not (c.nullable or c.server_default or c.computed)]
    texts = {c.name: "{}" if isinstance(c.type, JSON) else "1" for c in needed}
    named = {**{name: f"'{text}'" for name, text in texts.items()}, "tenant_id": ":acme"}
    return (
        f"INSERT INTO {model.__tablename__} (is_deleted, deleted_at, {', '.join(named)})"
        f" VALUES (true, now() - interval '31 days', {', '.join(named.values())})"
    )


EVENT = (
    "INSERT INTO event (tenant_id, id, type, data, actor_id, actor_name, received_at)"
    " SELECT :acme, ulid_floor('evt', at) || '0000000000000000', 'a.b', '{}', 'a', 'A', at"
    " FROM (SELECT now() - interval 'AGE' AS at)"
)
BULK_JOB = (
    "INSERT INTO bulk_job (tenant_id, id, resource, verb, state, asked_by, asked_by_name,"
    " created_at, next_at) VALUES (:acme, 'job_1', 'webhooks', 'pause', 'STATE', 'per_1', 'Ada',"
    " now() - interval '2 days', now())"
)
DUE = {
    "forget old answers": (
        "INSERT INTO idempotency_key (tenant_id, actor_id, key, fingerprint, created_at)"
        " VALUES (:acme, 'a', 'k', '', now() - interval '25 hours')"
    ),
    **{
        f"purge deleted records: {one.model.__tablename__}": deleted(one.model)
        for one in RESOURCES
        if one.delete
    },
    "do bulk jobs": BULK_JOB.replace("STATE", "running"),
    "forget old bulk jobs": BULK_JOB.replace("STATE", "preview"),
    "forget old events": EVENT.replace("AGE", "31 days"),
    "forget ended sessions": (
        "INSERT INTO web_session (tenant_id, id, person_id, token_hash, subject_key, role,"
        " auth_version, revoked_at)"
        " VALUES (:acme, 'ses_1', 'per_1', 't', 's', 'admin', 1, now() - interval '2 days')"
    ),
    "release reservations": (
        "INSERT INTO spend_reservation (tenant_id, id, key_id, family_id, period_start, usd,"
        " bucket, expires_at) VALUES (:acme, 'res_1', 'key_1', 'key_1', now(), 1, 0, now())"
    ),
    "end planned keys": key(revoke_at="now()"),
    "finish rotations": key()
    + (
        "; INSERT INTO key_rotation (tenant_id, id, old_key_id, new_key_id, overlap, started_at,"
        " finish_at) VALUES (:acme, 'rot_1', 'key_1', 'key_2', '1h', now(), now())"
    ),
    "tell of expiring keys": key(expires_at="now() + interval '5 days'"),
    "tell of unused keys": key()
    + "; UPDATE api_key_runtime SET last_used_at = now() - interval '91 days'",
    "find weak keys": key(created_by_user_id="'per_1'")
    + (
        "; INSERT INTO person (tenant_id, id, issuer, subject, name, role, last_seen_at)"
        " VALUES (:acme, 'per_1', 'i', 's', 'P', 'admin', now() - interval '91 days')"
    ),
    "forget sealed keys": (
        "INSERT INTO sealed_key (tenant_id, id, key_id, purpose, secret_hash, sealed, created_by,"
        " expires_at) VALUES (:acme, 'sld_1', 'key_1', 'link', 'x', '', 'a', now())"
    ),
    "forget old uses of keys": (
        "INSERT INTO key_use (tenant_id, key_id, hour, aspect, what, calls, last_at) VALUES"
        " (:acme, 'key_1', now() - interval '93 days', 'all', '', 1, now())"
    ),
    "count records first": "DELETE FROM quota_count WHERE kind = 'webhooks' AND tenant_id = :acme",
    "measure storage": EVENT.replace("AGE", "2 minutes"),
    "queue due checks of connectors": (
        "WITH made AS (INSERT INTO connector (tenant_id, id, version, name)"
        " VALUES (:acme, 'cnn_1', 1, 'A') RETURNING tenant_id, id)"
        " INSERT INTO connector_standing (tenant_id, connector_id, next_check_at)"
        " SELECT tenant_id, id, now() - interval '1 minute' FROM made"
    ),
    "forget old checks": (
        "INSERT INTO connector_check (tenant_id, id, connector_id, state, reason, created_at)"
        " VALUES (:acme, 'chk_1', 'cnn_1', 'done', 'daily', now() - interval '91 days')"
    ),
    "forget old leases": (
        "INSERT INTO connector_lease (tenant_id, id, connector_id, key_id, application_id, kind,"
        " credential_version, created_at) VALUES (:acme, 'lse_1', 'cnn_1', 'key_1', 'app_1',"
        " 'token', 1, now() - interval '91 days')"
    ),
    "forget old inbound requests": (
        "INSERT INTO inbound_request (tenant_id, id, webhook_id, state, code, reason, method, url,"
        " headers, body, body_bytes, received_at) VALUES (:acme, 'inr_1', 'whk_1', 'accepted', 'a',"
        " 'a', 'POST', '/', '[]', '', 0, now() - interval '31 days')"
    ),
    "forget old attempts": (
        "INSERT INTO delivery_attempt (tenant_id, id, webhook_id, event_type, actor_id, actor_name,"
        " url, request_headers, request_body, signed_with) VALUES (:acme, ulid_floor('att', now()"
        " - interval '31 days') || '0', 'whk_1', 'a.b', 'a', 'A', '/', '[]', '', 'x')"
    ),
    "forget old deliveries": (
        "INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, state, created_at)"
        " SELECT :acme, ulid_floor('dlv', at) || '0', 'whk_1', 'evt_1', 'a.b', 'delivered', at"
        " FROM (SELECT now() - interval '32 days' AS at)"
    ),
}
NOBODY_KNOWS = {
    *(f"sweep secrets: {one.secrets}" for one in RESOURCES if one.secrets),
    "count records again",
    "measure storage anew",
}


@pytest.fixture
def settled(app: Flask, database: Database, tenants: tuple[str, str]) -> None:
    """Leave nothing due for Acme and Globex."""
    keep_house(app, database, [JOBS["count records first"], JOBS["measure storage"]])


@pytest.fixture
def asked(app: Flask) -> Callable[[Job], list[str]]:
    """Return `asked(job)`, which returns the tenants that have something due."""

    def ask(job: Job) -> list[str]:
        assert job.due is not None
        with app.app_context(), transaction():
            return list(session.scalars(job.due("", 100)))

    return ask


def insert(database: Database, statements: str) -> None:
    """Insert rows without foreign keys and triggers."""
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statements.replace(":acme", f"'{ACME}'"))


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("name", JOBS)
def test_the_worker_enters_a_tenant_with_something_due_until_it_is_done(
    name: str, app: Flask, database: Database, asked: Callable[[Job], list[str]]
) -> None:
    job = JOBS[name]
    if job.due is every_tenant:
        assert name in NOBODY_KNOWS, "a job that can say what is due enters no idle tenant"
        return
    assert asked(job) == []
    insert(database, DUE[name])
    assert asked(job) == [ACME]
    keep_house(app, database, [job])
    assert asked(job) == []


FORGET = {
    "forget old answers": "idempotency_key key",
    "forget ended sessions": "web_session id token_hash",
    "forget sealed keys": "sealed_key id secret_hash",
    "forget old uses of keys": "key_use what",
    "forget old checks": "connector_check id",
    "forget old leases": "connector_lease id",
    "forget old inbound requests": "inbound_request id",
}
SIX_MORE = """
INSERT INTO {table} SELECT (jsonb_populate_record(one, more)).* FROM {table} AS one,
    LATERAL (SELECT jsonb_object_agg(column_name, 'more' || n) AS more
        FROM generate_series(1, 6) AS n, unnest('{{{columns}}}'::text[]) AS column_name GROUP BY n)
"""


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("name", FORGET)
def test_a_job_deletes_a_few_rows_at_once_until_nothing_old_is_left(
    name: str, app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, *columns = FORGET[name].split()
    more = SIX_MORE.format(table=table, columns=",".join(columns))
    insert(database, f"{DUE[name]}; {more}")
    monkeypatch.setattr(database_session, "FORGOTTEN_AT_ONCE", 3)
    with app.app_context(), transaction(ACME):
        assert JOBS[name].run(ACME), "the job says that there may be more"
    left = f"SELECT count(*) FROM {table}"
    assert database.sql(left) == 4
    keep_house(app, database, [JOBS[name]])
    assert database.sql(left) == 0


def test_questions_are_the_portals_alone_and_give_ids_only(database: Database) -> None:
    functions = (
        "SELECT count(*), bool_and(p.prosecdef AND p.provolatile = 's' AND p.proretset"
        " AND p.prorettype = 'text'::regtype AND p.proconfig[1] = 'search_path=public, pg_temp'"
        " AND has_function_privilege('portal_app', p.oid, 'EXECUTE')"
        " AND NOT has_function_privilege('pg_monitor', p.oid, 'EXECUTE'))"
        " FROM pg_proc p WHERE pronamespace = 'public'::regnamespace"
        " AND pg_get_function_arguments(p.oid) LIKE 'after_tenant text, at_most integer%'"
    )
    count, as_they_should_be = database.sql(functions)
    assert count >= 17
    assert as_they_should_be


def test_the_portals_role_sees_no_row_by_what_the_questions_read(
    database: Database, tenants: tuple[str, str]
) -> None:
    insert(database, DUE["forget old answers"])
    with psycopg.connect(libpq_url(database.app_url)) as connection:
        assert connection.execute("SELECT * FROM idempotency_key").fetchall() == []
        assert connection.execute("SELECT due_answers('', 9, '1 day')").fetchall() == [(ACME,)]
        with pytest.raises(InsufficientPrivilege):
            connection.execute("DELETE FROM housekeeping_turn")


# ---------------------------------------------------------------- what it costs


@pytest.fixture
def idle(app: Flask, database: Database) -> None:
    """Create ten thousand tenants with counted records and measured storage."""
    kinds = [*session_kinds()]
    insert(
        database,
        "INSERT INTO tenant (id, slug, name, key_code) SELECT 'tnt_' || n, 't' || n, 'T',"
        f" lpad(to_hex(n), 4, '0') FROM generate_series(1, {IDLE_TENANTS}) n;"
        "INSERT INTO quota_stored (tenant_id, bytes) SELECT id, 0 FROM tenant;"
        "INSERT INTO quota_count (tenant_id, kind, part, live, room, of_limit)"
        f" SELECT id, kind, 0, 0, 0, 0 FROM tenant, unnest(ARRAY{kinds}) kind;"
        "ANALYZE tenant, quota_stored, quota_count",
    )


def session_kinds() -> set[str]:
    from portal.quotas.housekeeping import counted_models

    return {model.quota for model in counted_models()}


@pytest.mark.usefixtures("idle")
def test_ten_thousand_idle_tenants_cost_few_transactions_a_second(
    app: Flask, database: Database, asked: Callable[[Job], list[str]]
) -> None:
    rate = 0.0
    for job in registered_jobs():
        database.sql("DELETE FROM housekeeping_turn")
        with Commits(app) as commits:
            Worker(app, [job]).run_due()
        # A job that enters every tenant has entered some in this turn, and enters the others later
        # at the same cost.
        came_to = "SELECT count(*) FROM tenant, housekeeping_turn WHERE id <= after_tenant"
        entered = database.sql(came_to)
        rounds = IDLE_TENANTS / entered if entered else 1
        rate += commits.count * rounds / job.every.total_seconds()
    assert rate <= 20


@pytest.mark.parametrize(
    ("name", "table"),
    [("make room for events and deliveries", "event"), ("make room for the audit", "audit_entry")],
)
def test_a_job_does_not_wait_for_who_reads_a_whole_table(
    name: str, table: str, app: Flask, database: Database
) -> None:
    """Everybody who uses the table would wait behind it, for as long as it waits for a backup."""
    [job] = [job for job in registered_jobs() if job.name == name]
    newest = "SELECT relid::text FROM pg_partition_tree(%s) WHERE isleaf AND relid::text ~ '[0-9]$'"
    with psycopg.connect(libpq_url(database.superuser_url)) as backup:
        [*_, (last,)] = sorted(backup.execute(newest, (table,)))
        backup.execute(f"DROP TABLE {last}")
        backup.commit()
        backup.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
        begun = time.monotonic()
        with (
            app.app_context(),
            pytest.raises(OperationalError, match="lock timeout"),
            transaction(),
        ):
            job.run()
        assert time.monotonic() - begun < LOCK_SECONDS, "it waits for less than usual"
    keep_house(app, database, [job])
    assert database.sql(f"SELECT to_regclass('{last}')") == last
