"""A long timeline costs as much as a short one, at its end as at its beginning."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME
from sqlalchemy import text

from portal.connections.health import timeline
from portal.connectors.models import Connector
from portal.core.config import libpq_url
from portal.database.actor import Actor
from portal.database.session import enter_tenant, session
from portal.database.together import read_together
from portal.identity.openid.claims import ALL_SCOPES
from portal.leases import service
from tests.cast import add_tenants
from tests.databases import Database
from tests.keys.listing.test_scale import blocks_of
from tests.statements import statements

SHORT, LONG = 1_000, 100_000
ADA = Actor(ACME, "person", "per_1", "Ada", ALL_SCOPES, person_id="per_1", is_admin=True)

CONNECTOR = """
INSERT INTO connector (tenant_id, id, version, name, provider, auth_type)
VALUES (%(tenant)s, %(id)s, 1, 'Connector', 'http', 'basic')
"""
CHECKS = """
INSERT INTO connector_check (tenant_id, id, connector_id, state, reason, outcome, said, created_at,
    finished_at, steps)
SELECT %(tenant)s, 'chk_' || lpad((%(from)s + n)::text, 26, '0'), %(id)s, 'done', 'daily', 'passed',
    'Check ' || n, at, at, '[]'
FROM generate_series(1, %(many)s / 2) AS n, LATERAL (SELECT now() - make_interval(mins =>
    %(many)s / 2 - n)) AS t (at)
"""
LEASES = """
INSERT INTO connector_lease (tenant_id, id, connector_id, key_id, application_id, kind,
    credential_version, created_at)
SELECT :tenant, left(ulid_floor('lse', now()), 14) || lpad(CAST(n AS text), 16, '0'), :id,
    'key_' || n % 2, 'app_1', 'token', 1, now() - make_interval(secs => 100000 - n)
FROM generate_series(1, :many) AS n
"""
CHANGES = """
INSERT INTO audit_entry (tenant_id, id, occurred_at, action, record_kind, record_id, actor_kind,
    actor_id, actor_name)
SELECT %(tenant)s, 'aud_' || lpad((%(from)s + n)::text, 26, '0'), now() - make_interval(secs =>
    %(many)s / 2 - n), 'connector.updated', 'connector', %(id)s, 'person', 'per_1', 'Ada'
FROM generate_series(1, %(many)s / 2) AS n
"""


@pytest.fixture(scope="module")
def timelines(_app: Flask, _database: Database) -> Iterator[dict[int, str]]:
    """Yield the ids of two connectors, by how many entries their timelines have."""
    _database.renew()
    add_tenants(_database)
    ids = {SHORT: "cnn_" + "0" * 25 + "1", LONG: "cnn_" + "0" * 25 + "2"}
    with psycopg.connect(libpq_url(_database.superuser_url), autocommit=True) as connection:
        for start, (many, connector_id) in enumerate(ids.items()):
            values = {"tenant": ACME, "id": connector_id, "many": many, "from": start * 10**6}
            for statement in (CONNECTOR, CHECKS, CHANGES):
                connection.execute(statement, values)
        connection.execute("VACUUM ANALYZE")
    yield ids
    _database.wipe()


@pytest.fixture
def acme(_app: Flask, timelines: dict[int, str]) -> Iterator[None]:
    """Enter the tenant, in an application context."""
    with _app.app_context():
        enter_tenant(ACME)
        yield
        session.remove()


def blocks_of_entries(plan: dict[str, Any]) -> int:
    """Return the blocks that a plan read of the tables that grow with a timeline."""
    own = 0
    if str(plan.get("Relation Name")).startswith(("audit_entry", "connector_check")):
        own = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return own + sum(map(blocks_of_entries, plan.get("Plans", ())))


MOST_BLOCKS = 400


def read_page(record: Connector, cursor: str | None) -> timeline.Timeline:
    asked = timeline.page_request(cursor)
    rows = read_together(timeline.queries(ADA, record, asked))
    return timeline.changes_and_page(record, asked, rows)[1]


@pytest.mark.usefixtures("acme")
def test_a_page_of_a_hundred_thousand_entries_costs_as_one_of_a_thousand(
    timelines: dict[int, str],
) -> None:
    blocks = {}
    for many, connector_id in timelines.items():
        record = session.get_one(Connector, (ACME, connector_id))
        cursor, pages = None, 0
        while pages < 5:
            with statements() as sent:
                page = read_page(record, cursor)
            cursor, pages = page.next_cursor, pages + 1
        plans = [blocks_of(session.connection(), *one) for one in list(sent)]
        blocks[many] = sum(map(blocks_of_entries, plans))
        assert len(page.runs) > 1
    # A page of few entries may fit into few blocks; one that reads all 100,000 takes thousands.
    assert blocks[LONG] <= max(blocks[SHORT] * 1.2, MOST_BLOCKS), blocks


@pytest.mark.usefixtures("acme")
def test_every_statement_of_a_timeline_is_bounded(timelines: dict[int, str]) -> None:
    record = session.get_one(Connector, (ACME, timelines[LONG]))
    with statements() as sent:
        read_page(record, None)
    [(sql, _)] = sent
    parts = sql.count("LEFT OUTER JOIN")
    assert parts == 3  # changes, checks, leases
    assert len(re.findall(r"\bLIMIT\b", sql)) >= parts


@pytest.mark.usefixtures("acme")
def test_the_keys_that_take_leases_are_found_among_any_number_of_leases(
    timelines: dict[int, str],
) -> None:
    record = session.get_one(Connector, (ACME, timelines[LONG]))
    session.execute(text(LEASES), {"tenant": ACME, "id": record.id, "many": LONG})
    with statements() as sent:
        found = service.use_of(read_together([service.uses(ADA, record, 20)])[0])
    assert list(found.last_leases) == ["key_0", "key_1"]
    assert not found.is_all
    [one] = sent
    plan = blocks_of(session.connection(), *one)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= MOST_BLOCKS
