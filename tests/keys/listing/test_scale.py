"""Lists of many keys: every filter, sort and search is served by an index, under row security."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME, GLOBEX
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict

from portal.core.config import libpq_url
from portal.database.actor import Actor
from portal.database.session import db, enter_tenant, session, transaction
from portal.identity.openid.claims import ALL_SCOPES
from portal.keys import service
from portal.keys.listing import filters
from portal.keys.models import ApiKey
from portal.keys.usage import concerns
from portal.records import listing
from portal.records.listing import Listing
from tests.cast import add_tenants
from tests.databases import Database
from tests.statements import statements

MANY, FEW = 20_000, 1_000
BLOCKS = 1_000  # of 8 KiB that a page of 50 may read; the table and its indexes have thousands

APPLICATIONS = """
INSERT INTO application (tenant_id, id, display_name, slug, version)
SELECT %(tenant)s::text, 'app_' || n, 'App ' || n, 'app-' || n, 1 FROM generate_series(0, 99) AS n
"""
KEYS = """
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, kind, blocked,
    issued_to_service, issued_to_user_id, expires_at, revoked_at, application_id, app_id,
    created_by_user_id, version)
SELECT %(tenant)s::text, 'key_' || lpad(n::text, 26, '0'), 'Key ' || n,
    encode(sha256((%(tenant)s::text || n)::bytea), 'hex'), 'sk-acme-',
    'sk-acme-' || lpad(n::text, 4, 's'), 'abcd',
    CASE WHEN n %% 500 = 0 THEN 'virtual_llm' ELSE 'service' END, n %% 1000 = 0,
    CASE WHEN n %% 10 = 0 THEN 'service-' || n END, CASE WHEN n %% 10 = 1 THEN 'per_' || n END,
    CASE WHEN n %% 700 = 0 THEN now() - interval '1 day'
         WHEN n %% 3 = 0 THEN now() + n * interval '1 hour' END,
    CASE WHEN n %% 900 = 0 THEN now() END, 'app_' || n %% 100,
    CASE WHEN n %% 50 = 0 THEN 'app-' || n %% 100 END, 'per_' || n %% 20, 1
FROM generate_series(1, %(many)s) AS n
"""
RUNTIME = """
INSERT INTO api_key_runtime (tenant_id, key_id, last_used_at, spend_usd)
SELECT tenant_id, id,
    CASE WHEN last = 3 THEN now() - interval '100 days' - number * interval '1 minute'
         WHEN last > 3 THEN now() - number * interval '1 minute' END,
    CASE WHEN last = 5 THEN number ELSE 0 END
FROM (SELECT *, substr(id, 5)::bigint AS number, substr(id, 5)::bigint % 10 AS last FROM api_key)
"""
PEOPLE = """
INSERT INTO person (tenant_id, id, issuer, subject, name, role, last_seen_at)
SELECT %(tenant)s::text, 'per_' || n, 'https://login', n::text, 'Person ' || n, 'admin',
    CASE WHEN n < 3 THEN now() - interval '100 days' ELSE now() END
FROM generate_series(0, 19) AS n
"""
SOURCES = """
INSERT INTO key_use (tenant_id, key_id, hour, aspect, what, calls, last_at)
SELECT tenant_id, id, date_trunc('hour', now()) - interval '2 hours', 'source', '10.0.0.' || n, 5,
    now()
FROM api_key, LATERAL generate_series(1, CASE WHEN id LIKE '%77' THEN 12 ELSE 2 END) AS n
"""
TERMS = """
INSERT INTO search_term (tenant_id, kind, term, record_id)
SELECT tenant_id, 'key', term, id FROM api_key, LATERAL (VALUES ('key'), (split_part(name, ' ', 2)))
AS t (term)
"""


@pytest.fixture(scope="module")
def many_keys(_app: Flask, _database: Database) -> Iterator[None]:
    _database.renew()
    add_tenants(_database)
    with psycopg.connect(libpq_url(_database.superuser_url), autocommit=True) as connection:
        for tenant, many in ((ACME, MANY), (GLOBEX, FEW)):
            connection.execute(APPLICATIONS, {"tenant": tenant})
            connection.execute(PEOPLE, {"tenant": tenant})
            connection.execute(KEYS, {"tenant": tenant, "many": many})
        connection.execute(RUNTIME)
        connection.execute(TERMS)
        connection.execute(SOURCES)
        for tenant in (ACME, GLOBEX):
            with _app.app_context(), transaction(tenant):
                concerns.find(tenant)
        connection.execute("VACUUM ANALYZE")
    yield
    _database.wipe()


@pytest.fixture
def asked(_app: Flask, many_keys: None) -> Iterator[list[tuple[str, Any]]]:
    """Yield the list of SQL statements that are sent, in an application context of Acme."""
    with _app.app_context(), statements() as sent:
        enter_tenant(ACME)
        yield sent
        session.remove()


def actor(tenant: str = ACME, **over: Any) -> Actor:
    return Actor(tenant, "person", "per_1", "Ada", ALL_SCOPES, **over)


QUESTIONS = [
    "",
    "status=active",
    "status=revoked",
    "status=expired",
    "kind=virtual_llm",
    "kind=user",
    "blocked=true",
    "blocked=false",
    "application_id=app_7",
    "application_id=app_0&status=revoked",
    "issued_to_service=service-19990",
    "issued_to_user_id=per_19991",
    "created_by_user_id=per_7",
    "rotated_from_key_id=key_1",
    "key_prefix=sk-acme-s777",
    "key_fingerprint=" + "0" * 64,
    "app_id=app-50",
    "sort=name",
    "sort=-expires_at",
    "sort=expires_at&status=active",
    "sort=-updated_at",
    "q=19999",
    "q=key",
    "q=key 77",
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q or "all")
def test_a_page_of_keys_touches_little_of_the_table(
    asked: list[tuple[str, Any]], question: str
) -> None:
    touched, scans = cost_of(asked, actor(), question)
    assert "api_key" not in scans
    assert touched <= BLOCKS


COMPARED = [
    "kind_not=service",
    "kind_not=service&sort=name",
    "status_not=active",
    "tag_not=soc",
    "scope_not=keys:read",
    "name_contains=zzz",
    "expires_empty=true&name_contains=77",
    "last_used_empty=true&sort=-last_used_at",
    "application_id=app_7&kind_not=service",
    "application_id_empty=true&q=key",
    "either=kind,status&kind=user&status=revoked",
    "either=name_contains,blocked&name_contains=zzz&blocked=true&created_by_user_id=per_7",
]


@pytest.mark.parametrize("question", COMPARED)
def test_a_comparison_without_an_index_reads_a_share_of_the_table(
    asked: list[tuple[str, Any]], question: str
) -> None:
    touched, scans = cost_of(asked, actor(), question)
    assert "api_key" not in scans
    assert touched <= 3 * BLOCKS  # of a share of 500 records, some of which need other rows too


def test_an_applications_view_of_many_keys_touches_little_too(
    asked: list[tuple[str, Any]],
) -> None:
    touched, scans = cost_of(asked, actor(app_id="app-50", application_id="app_50"), "")
    assert "api_key" not in scans
    assert touched <= BLOCKS


def test_trap_14_a_deep_page_of_many_keys_costs_what_the_first_does(
    asked: list[tuple[str, Any]],
) -> None:
    cursor = listing.Cursor("-created_at", "", "key_" + "100".rjust(26, "0"))
    deep, scans = cost_of(asked, actor(), f"cursor={cursor.encode()}")
    first, _ = cost_of(asked, actor(), "")
    assert "api_key" not in scans
    assert deep <= 1.2 * first


CONSOLE_QUESTIONS = [
    *(f"show={view}" for view in filters.VIEWS),
    *(f"sort={down}{name}" for name in filters.CONSOLE.beside_sorts for down in ("", "-")),
    *(question for question in QUESTIONS if not question.startswith("q=")),
]


@pytest.mark.parametrize("question", CONSOLE_QUESTIONS, ids=lambda q: q or "all")
def test_a_question_of_the_console_costs_the_same_among_few_keys_and_among_many(
    asked: list[tuple[str, Any]], question: str
) -> None:
    many, scans = cost_of(asked, actor(), question, filters.CONSOLE)
    enter_tenant(GLOBEX)
    few, _ = cost_of(asked, actor(GLOBEX), question, filters.CONSOLE)
    # If the small tenant has no full page for this question, another page shows the normal cost.
    page, _ = cost_of(asked, actor(GLOBEX), "sort=-last_used_at", filters.CONSOLE)
    assert "api_key" not in scans
    assert many <= 1.2 * max(few, page)


def cost_of(
    asked: list[tuple[str, Any]],
    caller: Actor,
    question: str,
    of: Listing[ApiKey] = service.LISTING,
) -> tuple[int, list[str]]:
    """Return the number of blocks that the list's statements read, and the tables they scan
    whole."""
    arguments = MultiDict(part.split("=", 1) for part in question.split("&") if part)
    query = listing.parse(of, arguments)
    asked.clear()
    listing.page(caller, of, query)
    selects = [(sql, values) for sql, values in asked if "api_key" in sql or "search_term" in sql]
    assert 1 <= len(selects) <= 3
    touched, scans = 0, []
    for sql, values in selects:
        root = blocks_of(db.session.connection(), sql, values)
        touched += root["Shared Hit Blocks"] + root["Shared Read Blocks"]
        scans += list(read_from_end_to_end(root))
    return touched, scans


def blocks_of(connection: Connection, sql: str, values: Any) -> dict[str, Any]:
    """Run a statement again, and return the root of its plan with the blocks that it read."""
    explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql
    [[plan]] = connection.exec_driver_sql(explain, values)
    root: dict[str, Any] = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return root


def read_from_end_to_end(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from read_from_end_to_end(below)
