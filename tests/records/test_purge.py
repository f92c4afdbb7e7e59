"""Test that records deleted 30 days ago are purged: row, search terms, secrets; not the history.

The tests move the time of the deletion, never the clock: the database's own clock decides.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME
from sqlalchemy.exc import DBAPIError

from portal.connectors.models import Connector
from portal.core.config import libpq_url
from portal.core.jobs import Job, due_by
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.session import session, transaction
from portal.ops.worker import registered_jobs
from portal.records import purge
from portal.records.purge import BATCH
from portal.secretstore import SecretRef, store
from portal.webhooks import service
from tests.cast import GUS, Api
from tests.databases import Database
from tests.keeping import keep_house
from tests.resources import MINIMAL, RESOURCES

JOBS = [job for job in registered_jobs() if job.name.startswith(("purge", "sweep"))]
TABLES = {one.name: str(one.model.__tablename__) for one in RESOURCES if one.delete}
Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def sql(database: Database) -> Sql:
    """Return `sql(statement, values)`, which runs as superuser and sees every tenant."""

    def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(libpq_url(database.superuser_url)) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def work(app: Flask, database: Database) -> Callable[[], None]:
    """Return a function that lets the worker run every job of this kind once."""

    def turn(jobs: Sequence[Job] = JOBS) -> None:
        keep_house(app, database, jobs)

    return turn


def deleted(ada: Api, sql: Sql, resource: str, ago: str, **body: Any) -> str:
    """Create and delete a record so long ago, and return its id."""
    made = ada.create(resource, **{**MINIMAL[resource], **body})
    assert ada.delete(f"/{resource}/{made['id']}").status_code == 204
    moved = "SET deleted_at = now() - %s::interval WHERE id = %s"
    sql(f"UPDATE {TABLES[resource]} {moved}", ago, made["id"])
    return str(made["id"])


def owners(app: Flask, kind: str, tenant: str = ACME) -> list[str]:
    with app.app_context(), transaction(tenant):
        return store().owners(tenant, kind)


@pytest.mark.parametrize(("resource", "table"), TABLES.items())
def test_what_was_deleted_long_ago_is_gone_with_all_it_had(
    ada: Api, app: Flask, sql: Sql, work: Callable[[], None], resource: str, table: str
) -> None:
    old = deleted(ada, sql, resource, "30 days 1 minute")
    work()
    for name, column in ((table, "id"), ("search_term", "record_id")):
        assert sql(f"SELECT 1 FROM {name} WHERE {column} = %s", old) == []
    assert old not in owners(app, resource)
    actions = sql("SELECT action FROM audit_entry WHERE record_id = %s ORDER BY occurred_at", old)
    assert [action.rpartition(".")[2] for (action,) in actions] == ["created", "deleted", "purged"]
    assert ada.post(f"/{resource}/{old}/restore").status_code == 404


@pytest.mark.parametrize("resource", TABLES)
def test_what_can_still_be_restored_stays(
    ada: Api, sql: Sql, work: Callable[[], None], resource: str
) -> None:
    young = deleted(ada, sql, resource, "29 days 23 hours 59 minutes")
    work()
    restored = ada.post(f"/{resource}/{young}/restore")
    assert restored.status_code == 200, restored.text
    if resource == "connectors":
        assert (restored.json or {})["credential_fields"] == ["token"]


@pytest.mark.parametrize("table", ["search_term", "nothing", "connector; DROP TABLE connector"])
def test_a_table_that_the_worker_may_not_read_is_refused(
    app: Flask, database: Database, table: str
) -> None:
    """It would look empty to the worker, and what was deleted would never be purged."""
    question = due_by("due_purges", table, timedelta(days=30))
    with pytest.raises(DBAPIError, match="the worker may read"), app.app_context(), transaction():
        session.execute(question("", 100))


def test_what_lives_stays_without_what_it_named(
    ada: Api, sql: Sql, work: Callable[[], None]
) -> None:
    connector = ada.create("connectors", **MINIMAL["connectors"])
    body = {**MINIMAL["webhooks"], "connector_id": connector["id"]}
    webhook = ada.create("webhooks", **body)
    ada.delete(f"/connectors/{connector['id']}")
    sql("UPDATE connector SET deleted_at = now() - interval '31 days'")
    work()
    path = f"/webhooks/{webhook['id']}"
    left = ada.get(path).json or {}
    assert (left["connector_id"], left["version"]) == (None, webhook["version"] + 1)
    last = (ada.get(f"{path}/history").json or {})["items"][0]
    assert last["changes"]["connector_id"] == [connector["id"], None]
    assert last["actor_name"] == "Housekeeping"


def test_two_features_that_name_a_record_both_let_go_of_it(
    ada: Api, sql: Sql, work: Callable[[], None]
) -> None:
    released: list[str] = []

    def releaser(_actor: Actor, ids: Sequence[str]) -> Sequence[str]:
        released.extend(ids)
        return ids

    purge.release(Connector, releaser)
    old = ada.create("connectors", **MINIMAL["connectors"])
    webhook = ada.create("webhooks", **{**MINIMAL["webhooks"], "connector_id": old["id"]})
    ada.delete(f"/connectors/{old['id']}")
    sql("UPDATE connector SET deleted_at = now() - interval '31 days'")
    work()
    assert released == [old["id"]]
    assert (ada.get(f"/webhooks/{webhook['id']}").json or {})["version"] == webhook["version"] + 1


def test_a_connector_outlives_the_webhook_that_it_named(
    ada: Api, sql: Sql, work: Callable[[], None]
) -> None:
    webhook = ada.create("webhooks", **MINIMAL["webhooks"])
    body = {**MINIMAL["connectors"], "webhook_endpoint_id": webhook["id"], "scope": "user"}
    connector = ada.create("connectors", **body)
    ada.delete(f"/webhooks/{webhook['id']}")
    sql("UPDATE webhook SET deleted_at = now() - interval '31 days'")
    work()
    assert sql("SELECT 1 FROM webhook") == []
    last = (ada.get(f"/connectors/{connector['id']}/history").json or {})["items"][0]
    assert last["changes"]["webhook_endpoint_id"] == [webhook["id"], None]


def test_a_connector_of_many_webhooks_is_purged_bit_by_bit(
    ada: Api, sql: Sql, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "RELEASED_AT_ONCE", 2)
    connector = ada.create("connectors", **MINIMAL["connectors"])["id"]
    for _ in range(3):
        ada.create("webhooks", **{**MINIMAL["webhooks"], "connector_id": connector})
    ada.delete(f"/connectors/{connector}")
    sql("UPDATE connector SET deleted_at = now() - interval '31 days'")
    left = []
    for _ in range(2):
        work()
        left += sql("SELECT count(*) FROM webhook WHERE connector_id IS NOT NULL")
        left += sql("SELECT count(*) FROM connector")
    assert left == [(1,), (1,), (0,), (0,)]


def test_other_tenants_lose_only_what_is_theirs(
    ada: Api, api: Callable[[str], Api], sql: Sql, work: Callable[[], None]
) -> None:
    theirs = api(GUS).create("webhooks", **MINIMAL["webhooks"])
    deleted(ada, sql, "webhooks", "31 days")
    work()
    assert sql("SELECT id FROM webhook") == [(theirs["id"],)]


def test_many_go_in_batches(app: Flask, sql: Sql, tenants: tuple[str, str]) -> None:
    sql(
        "INSERT INTO event_type (tenant_id, id, name, version, is_deleted, deleted_at)"
        " SELECT %s, 'evy_' || n, 'type.' || n, 1, true, now() - interval '31 days'"
        " FROM generate_series(1, %s) AS n",
        ACME,
        BATCH + 1,
    )
    [job] = [job for job in JOBS if job.name == "purge deleted records: event_type"]
    with app.app_context():
        for purged in (BATCH, 1, 0):
            with transaction(ACME):
                assert job.run(ACME) == purged


def test_a_slow_store_is_asked_for_as_many_as_there_is_time_for(
    app: Flask, ada: Api, sql: Sql, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that waits for it for long is ended, and nothing would ever be purged."""
    monkeypatch.setattr(purge, "SECONDS", -1.0)
    for _ in range(2):
        deleted(ada, sql, "webhooks", "31 days")
    [job] = [job for job in JOBS if job.name == "purge deleted records: webhook"]
    with app.app_context(), transaction(ACME):
        assert job.run(ACME) == 1
    work()
    assert sql("SELECT count(*) FROM webhook") == [(0,)]


def test_a_secret_without_a_record_is_deleted_and_no_other(
    ada: Api, app: Flask, sql: Sql, work: Callable[[], None]
) -> None:
    kept = ada.create("connectors", **MINIMAL["connectors"])["id"]
    orphan = SecretRef(ACME, "connectors", new_id("cnn"), "credentials")
    with app.app_context(), transaction(ACME):
        store().put(orphan, {"token": "left behind"}, cas=0)
    sql("UPDATE secret_version SET created_at = now() - interval '2 hours'")
    work()
    with app.app_context(), transaction(ACME):
        assert not store().head(orphan).is_live
        assert store().head(SecretRef(ACME, "connectors", kept, "credentials")).is_live
