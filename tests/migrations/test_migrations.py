"""All migrations run up, down and up again, and end at the schema of the models."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, pool

from portal import migrations
from portal.core.config import libpq_url
from portal.migrations import comparison
from portal.ops import migrate
from tests import ROOT
from tests.databases import Database


def test_they_go_up_and_down_again(empty_database: Database) -> None:
    url = empty_database.owner_url
    assert migrate.upgrade(url) == migrations.head()
    migrate.downgrade(url, "base")
    with psycopg.connect(libpq_url(url)) as connection:
        left = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p', 'v', 'm', 'S') AND relname <> 'alembic_version'"
        ).fetchall()
    assert left == []
    assert migrate.upgrade(url) == migrations.head()


ATTEMPT = """
INSERT INTO delivery_attempt (tenant_id, id, webhook_id, event_type, actor_id, actor_name, url,
    request_headers, request_body, signed_with)
VALUES ('tnt_a', %s, 'whk_a', 'a.b', 'ada', 'Ada', 'https://x.example', '[]', '{}', 'abc')
"""


def test_attempts_of_before_they_were_kept_by_the_day_are_kept(empty_database: Database) -> None:
    ids = ["att_01J0000000000000000000000A", "dlv_01J0000000000000000000000A"]

    def rows(statement: str, *values: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(libpq_url(empty_database.superuser_url)) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def kept() -> list[str]:
        return [id for (id,) in rows("SELECT id FROM delivery_attempt ORDER BY id")]

    migrate.upgrade(empty_database.owner_url, "0030")
    rows("INSERT INTO tenant (id, slug, name, key_code) VALUES ('tnt_a', 'a', 'A', 'aaaa')")
    rows(
        "INSERT INTO webhook (tenant_id, id, version, name, retry_policy)"
        " VALUES ('tnt_a', 'whk_a', 1, 'A', '{}')"
    )
    for id in ids:
        rows(ATTEMPT, id)
    migrate.upgrade(empty_database.owner_url)
    assert kept() == ids
    rows(ATTEMPT, today := "att_7ZZZZZZZZZ000000000000000A")
    assert kept() == [ids[0], today, ids[1]]
    open_walls = (
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relforcerowsecurity"
    )
    assert rows(f"{open_walls} AND relname ~ '^delivery_attempt'") == []
    migrate.downgrade(empty_database.owner_url, "0030")
    assert kept() == [ids[0], today, ids[1]]


CONNECTOR = """
INSERT INTO connector (tenant_id, id, version, name, scope, user_id, owner_id, tags)
VALUES ('tnt_a', %s, 1, 'A', %s, %s, 'per_9', '["Europe West"]')
"""


def test_connectors_of_before_stay_with_their_persons_and_are_found_by_their_tags(
    empty_database: Database,
) -> None:
    def rows(statement: str, *values: str | None) -> list[tuple[Any, ...]]:
        with psycopg.connect(libpq_url(empty_database.superuser_url)) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    migrate.upgrade(empty_database.owner_url, "0050")
    rows("INSERT INTO tenant (id, slug, name, key_code) VALUES ('tnt_a', 'a', 'A', 'aaaa')")
    rows(CONNECTOR, "cnn_1", "user", "per_1")
    rows(CONNECTOR, "cnn_2", "org", None)
    noted = "SELECT record_id, scope, user_id FROM restricted_record ORDER BY 1"
    words = "SELECT term FROM search_term WHERE record_id = 'cnn_2' ORDER BY 1"
    for _ in ("once", "again"):
        migrate.upgrade(empty_database.owner_url)
        assert rows(noted) == [("cnn_1", "user", "per_1")]
        assert rows(words) == [("9",), ("europe",), ("per",), ("west",)]
        migrate.downgrade(empty_database.owner_url, "0050")


def test_people_and_tags_of_before_are_found_by_their_words(empty_database: Database) -> None:
    def rows(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(libpq_url(empty_database.superuser_url)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    migrate.upgrade(empty_database.owner_url, "0058")
    rows("INSERT INTO tenant (id, slug, name, key_code) VALUES ('tnt_a', 'a', 'A', 'aaaa')")
    rows(
        "INSERT INTO person (tenant_id, id, issuer, subject, name, email, role)"
        " VALUES ('tnt_a', 'per_1', 'i', 's', 'Ann Smith', 'ann@acme.example', 'viewer')"
    )
    rows("INSERT INTO search_term VALUES ('tnt_a', 'key', 'tag:blue team', 'key_1')")
    words = "SELECT kind, term FROM search_term WHERE term NOT LIKE 'tag:%' ORDER BY 1, 2"
    for _ in ("once", "again"):
        migrate.upgrade(empty_database.owner_url)
        found = rows(words)
        assert [term for kind, term in found if kind == "key"] == ["blue", "team"]
        people = [term for kind, term in found if kind == "person"]
        assert people == ["1", "acme", "ann", "example", "per", "smith"]
        migrate.downgrade(empty_database.owner_url, "0058")


PARTS = """
INSERT INTO quota_count (tenant_id, kind, part, live, room, of_limit)
SELECT 'tnt_a', kind, part, CASE part WHEN 0 THEN 5 WHEN 16 THEN -2 ELSE 0 END, 0, 5
FROM generate_series(0, 16) part CROSS JOIN unnest('{api_keys,webhooks}'::text[]) kind
"""


def test_what_was_given_back_beside_the_parts_is_counted_by_the_release_before(
    empty_database: Database,
) -> None:
    def rows(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(libpq_url(empty_database.superuser_url)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    migrate.upgrade(empty_database.owner_url)
    rows("INSERT INTO tenant (id, slug, name, key_code) VALUES ('tnt_a', 'a', 'A', 'aaaa')")
    rows(PARTS)
    migrate.downgrade(empty_database.owner_url, "0089")
    counted = "SELECT kind, sum(live), max(part) FROM quota_count GROUP BY kind ORDER BY kind"
    assert rows(counted) == [("api_keys", 3, 15), ("webhooks", 3, 15)]


def test_they_end_where_the_models_are(database: Database) -> None:
    engine = create_engine(database.owner_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=comparison.options(connection))
        differences = compare_metadata(context, migrate.all_models())
    assert not differences, f"a migration is missing or differs from the models: {differences}"


def test_a_new_migration_begins_with_nothing_but_what_was_changed(database: Database) -> None:
    alembic = str(Path(sys.executable).with_name("alembic"))
    urls = {
        "PORTAL_DATABASE_URL": database.app_url,
        "PORTAL_MIGRATION_DATABASE_URL": database.owner_url,
    }
    done = subprocess.run(
        [alembic, "check"], cwd=ROOT, env=os.environ | urls, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}{done.stderr[-4000:]}"
    assert "No new upgrade operations" in done.stdout
