"""A tenant with few records whose neighbour, in the same tables, has many of each kind."""

from collections.abc import Callable
from contextlib import ExitStack

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME
from sqlalchemy import text

from portal.core.config import libpq_url
from portal.database.session import db
from tests.cast import ADA, GUS, Api, Pages
from tests.databases import Database

MANY = 6_000
NEIGHBOURS = """
INSERT INTO application (tenant_id, id, display_name, slug, version)
SELECT %(tenant)s, 'app_' || n, 'App ' || n, 'app-' || n, 1
FROM generate_series(1, %(many)s) AS n;
INSERT INTO connector (tenant_id, id, name, type, provider, auth_type, config, sync_status, version)
SELECT %(tenant)s, 'cnn_' || n, 'Splunk ' || n, 'siem', 'splunk', 'bearer', '{}', 'healthy', 1
FROM generate_series(1, %(many)s) AS n;
INSERT INTO webhook (tenant_id, id, name, url, event_types, enabled, retry_policy, version)
SELECT %(tenant)s, 'whk_' || n, 'Hook ' || n, 'https://hooks.example/', '["*"]', true, '{}', 1
FROM generate_series(1, %(many)s) AS n;
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, scopes, version)
SELECT %(tenant)s, 'key_' || n, 'Key ' || n, encode(sha256(n::text::bytea), 'hex'), 'sk-acme-',
    'sk-acme-s777', 'abcd', '[]', 1
FROM generate_series(1, %(many)s) AS n;
"""
PAGES = ("/", "/applications", "/connectors", "/keys", "/webhooks", "/event-types", "/deliveries",
         "/events", "/audit", "/search?q=key")  # fmt: skip
READ_WHOLE = """
SELECT relname, seq_tup_read FROM pg_stat_user_tables
WHERE relname IN ('application', 'connector', 'webhook', 'api_key')
"""


@pytest.fixture
def neighbour(app: Flask, tenants: tuple[str, str], database: Database) -> None:
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        for statement in NEIGHBOURS.split(";\n")[:-1]:
            connection.execute(statement, {"tenant": ACME, "many": MANY})
        connection.execute("VACUUM ANALYZE")


def test_no_page_of_a_small_tenant_reads_the_records_of_a_big_one(
    neighbour: None, gus: Api, browse: Callable[..., Pages], app: Flask, database: Database
) -> None:
    gus.post("/api-keys", {"name": "Nightly export"})
    person = browse(GUS)
    before = read_whole(app, database)
    for path in PAGES:
        assert person.get(path).status_code == 200, path
        after = read_whole(app, database)
        assert after == before, path


def test_the_neighbour_itself_sees_how_long_its_lists_are(
    neighbour: None, browse: Callable[..., Pages]
) -> None:
    ada = browse(ADA)
    for path in ("/applications", "/connectors", "/keys", "/webhooks"):
        assert f"{MANY:,}" in ada.get(f"{path}?view=all").text, path


def read_whole(app: Flask, database: Database) -> dict[str, int]:
    """Return how many rows were read from tables from end to end, by table."""
    with app.app_context(), ExitStack() as stack:
        for _ in range(db.engine.pool.size()):  # type: ignore[attr-defined]
            connection = stack.enter_context(db.engine.connect())
            connection.execute(text("SELECT pg_stat_force_next_flush()"))
            connection.commit()
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        return dict(connection.execute(READ_WHOLE).fetchall())
