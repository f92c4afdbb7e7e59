"""The number of records of a list: exact up to 10,000."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME
from sqlalchemy import text

from portal.core.config import libpq_url
from portal.database.session import db, enter_tenant, session
from tests.cast import ADA, ED, Api, Pages
from tests.databases import Database
from tests.statements import statements

MOST = 10_000
ADDED = """
INSERT INTO event_type (tenant_id, id, name, version)
SELECT %s, 'evt_' || n, 'numbered.no' || n, 1 FROM generate_series(%s::int, %s::int) AS n
"""
WEBHOOKS = """
INSERT INTO webhook (tenant_id, id, name, direction, inbound_scheme, retry_policy, version)
SELECT %s, 'whk_' || n, 'Webhook ' || n, direction,
    CASE direction WHEN 'inbound' THEN 'github' END, '{}', 1
FROM generate_series(1, %s) AS n, LATERAL (
    SELECT CASE WHEN n %% 2 = 0 THEN 'inbound' ELSE 'outbound' END) AS way (direction)
"""
CONNECTORS = """
INSERT INTO connector (tenant_id, id, name, type, provider, scope, user_id, version)
SELECT %s, 'cnn_' || n, 'Connector ' || n, 'messaging',
    CASE WHEN n %% 2 = 0 THEN 'http' ELSE 'slack' END,
    CASE WHEN n %% 5 = 0 THEN 'user' ELSE 'org' END, CASE WHEN n %% 5 = 0 THEN 'per_' || n END, 1
FROM generate_series(1, %s) AS n
"""
REVOKED_KEYS = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, kind, revoked_at,
    version)
SELECT %s, 'key_' || n, 'Key ' || n, encode(sha256(n::text::bytea), 'hex'), 'sk-acme-',
    'sk-acme-s', 'abcd', CASE WHEN n %% 20 = 0 THEN 'user' ELSE 'service' END,
    CASE WHEN n %% 10 = 0 THEN now() END, 1
FROM generate_series(1, %s) AS n
"""
PLANS = """
SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE '%count(%'
    AND statement LIKE '%LIMIT%' AND statement LIKE ANY ('{%direction = $%,%kind = $%}')
"""


def test_a_long_list_says_how_many_records_it_has_up_to_ten_thousand(
    ada: Api, browse: Callable[..., Pages], database: Database
) -> None:
    person = browse(ADA)

    def add(first: int, last: int) -> None:
        with psycopg.connect(libpq_url(database.superuser_url)) as connection:
            connection.execute(ADDED, (ACME, first, last))

    def says(number: str) -> bool:
        return f">{number} event types<" in person.get("/event-types?view=all").text

    add(1, MOST - 1)
    assert says("9,999")
    add(MOST, MOST)
    with statements() as sent:
        assert says("10,000")
    assert str(MOST + 1) in str(sent)
    add(MOST + 1, MOST + 1)
    assert says("10,000+")
    with statements() as sent:
        assert says("10,000+")
    assert str(MOST + 1) not in str(sent)  # it is known for a minute, and not counted again
    assert ">10,000+ event types<" in browse(ED).get("/event-types?view=all").text
    assert "10,000+" not in person.get("/event-types?q=numbered").text


@pytest.mark.parametrize("ask", ["/webhooks?direction=inbound", "/api-keys?kind=user&count=true"])
def test_matches_are_counted_by_a_plan_for_the_values_asked_for(
    ask: str, app: Flask, ada: Api, browse: Callable[..., Pages]
) -> None:
    """A plan for all values of a filter reads every record of some tenants."""
    person = browse(ADA)

    def planned() -> Counter[str]:
        """Return how often each count was planned, for its values and for all, by any connection
        of the pool."""
        with app.app_context(), ExitStack() as stack:
            pooled = db.engine.pool.checkedin()  # type: ignore[attr-defined]
            open_ones = [stack.enter_context(db.engine.connect()) for _ in range(pooled)]
            found = [row for one in open_ones for row in one.execute(text(PLANS))]
        return sum((Counter(custom=one[0], generic=one[1]) for one in found), Counter())

    with app.app_context():
        db.engine.dispose()  # the connections of a pool take turns, and each must run often enough
    before = planned()
    # From a connection's eleventh run on, PostgreSQL may keep one plan for all values.
    for _ in range(60):
        assert (ada.get(ask) if "count" in ask else person.get(ask)).status_code == 200
    done = planned() - before
    assert done["custom"], "the counts were not prepared"
    assert not done["generic"]


@pytest.mark.parametrize(
    ("rows", "page", "number", "index"),
    [
        (WEBHOOKS, "/webhooks", "5,000 webhooks", "ix_webhook_live"),
        (WEBHOOKS, "/webhooks?direction=inbound", "2,500 webhooks", "ix_webhook_live"),
        (CONNECTORS, "/connectors?view=all", "5,000 connectors", "ix_connector_live"),
        (CONNECTORS, "/connectors?provider=http", "2,000 connectors", "ix_connector_live"),
        (REVOKED_KEYS, "/keys?status=revoked&kind=service", "250 keys", "ix_api_key_revoked"),
    ],
)
def test_usual_lists_are_counted_without_reading_their_rows(
    rows: str,
    page: str,
    number: str,
    index: str,
    app: Flask,
    browse: Callable[..., Pages],
    database: Database,
) -> None:
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        connection.execute(rows, (ACME, 5_000))
        connection.execute("ANALYZE webhook, connector, api_key")
    person = browse(ADA)
    with statements() as sent:
        assert f">{number}<" in person.get(page).text
    [(counting, values)] = [one for one in sent if str(MOST + 1) in str(one)]
    with app.app_context():
        enter_tenant(ACME)
        connected = session.connection()
        # Until a table is vacuumed, reading all of a small one costs no more.
        connected.execute(text("SET LOCAL enable_seqscan = off"))
        connected.execute(text("SET LOCAL enable_bitmapscan = off"))
        plan = "\n".join(connected.exec_driver_sql("EXPLAIN " + counting, values).scalars())
    assert f"Index Only Scan using {index}" in plan
