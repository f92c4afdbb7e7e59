"""The search over everything, among many records, people and changes, reads by indexes only."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal.database.actor import Actor
from portal.database.session import db, enter_tenant, session
from portal.identity.openid.claims import ALL_SCOPES
from portal.web.finding.answers import find
from tests.cast import fill
from tests.connectors.test_scale import CONNECTORS, TERMS
from tests.databases import Database
from tests.keys.listing.test_scale import blocks_of
from tests.statements import statements

MANY = 8_000
BLOCKS = 6000  # of 8 KiB that one answer may read; the tables have ten times as many

PEOPLE = """
INSERT INTO person (tenant_id, id, issuer, subject, name, email, role)
SELECT %(tenant)s::text, 'per_' || lpad(n::text, 26, '0'), 'https://idp', n::text,
    'Ann Smith ' || n, 'ann' || n || '@acme.example', 'viewer'
FROM generate_series(1, %(many)s) AS n
"""
NAMES = """
INSERT INTO search_term (tenant_id, kind, term, record_id)
SELECT tenant_id, 'person', term, id
FROM person, LATERAL (VALUES ('ann'), ('smith'), (subject), ('ann' || subject)) AS t (term)
WHERE issuer = 'https://idp'
"""
EVENTS = """
INSERT INTO event (tenant_id, id, client_id, type, subject, data, actor_id, actor_name)
SELECT %(tenant)s::text, ulid_floor('evt', now()) || lpad(n::text, 16, '0'), 'client-' || n,
    'rfp.created', 'rfp ' || n %% 1000, '{}', 'per_1', 'Ada'
FROM generate_series(1, %(many)s) AS n
"""
DELIVERIES = """
INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, subject, state)
SELECT tenant_id, 'dlv' || substr(id, 4), 'whk_' || repeat('0', 26), id, type, subject, 'delivered'
FROM event
"""
CHANGES = """
INSERT INTO audit_entry (tenant_id, id, action, record_kind, record_id, record_name, actor_kind,
    actor_id, actor_name, request_id, occurred_at)
SELECT %(tenant)s::text, 'aud_' || lpad(n::text, 26, '0'), 'connector.updated', 'connector',
    'cnn_' || lpad(n::text, 26, '0'), 'Connector', 'person', 'per_1', 'Ada',
    'req_' || lpad(n::text, 26, '0'), now() - n * interval '1 second'
FROM generate_series(1, %(many)s) AS n
"""
FILL = (CONNECTORS, PEOPLE, EVENTS, CHANGES, TERMS, NAMES, DELIVERIES)
TABLES = ("connector", "person", "search_term", "event", "delivery", "audit_entry")


@pytest.fixture(scope="module")
def app_with_much(_app: Flask, _database: Database) -> Iterator[Flask]:
    fill(_database, FILL, MANY)
    yield _app
    _database.wipe()


ADA = Actor(
    ACME, "person", "per_1", "Ada", ALL_SCOPES, person_id="per_1", role="admin", is_admin=True
)
A_MEMBER = Actor(ACME, "person", "per_8", "Ed", ALL_SCOPES, person_id="per_8")
NUMBER = f"{4000:026}"
QUESTIONS = {
    "connector": "Connector",
    "connector 4000": "Connector 4000",
    "edit connector 4000": "Edit Connector 4000",
    f"cnn_{NUMBER}": "Connector 4000",
    "rfp.created": "rfp.created",
    "rfp 7": "rfp.created",
    "client-7": "rfp.created",
    "connector.updated": "Ada updated the connector “Connector”",
    f"req_{NUMBER}": "Ada updated the connector “Connector”",
    "nothing like this": "",
}
OF_ADMINS = {"ann": "Ann Smith", "smith 7": "Ann Smith 7", "ann smith 7999": "Ann Smith 7999"}


def blocks(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def scanned(plan: dict[str, Any]) -> Iterator[str]:
    """Yield the tables that are read from end to end, unless they have next to nothing."""
    if plan["Node Type"] == "Seq Scan" and blocks(plan) > 20:
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from scanned(below)


@pytest.mark.parametrize(
    ("actor", "text", "title"),
    [(one, *asked) for one in (ADA, A_MEMBER) for asked in QUESTIONS.items()]
    + [(ADA, *asked) for asked in OF_ADMINS.items()],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_an_answer_reads_little_and_no_table_from_end_to_end(
    app_with_much: Flask, actor: Actor, text: str, title: str
) -> None:
    with app_with_much.test_request_context(), statements() as sent:
        enter_tenant(ACME)
        answer = find(actor, text)
        lines = [*([answer.place] if answer.place else [])]
        lines += [line for part in answer.sections for line in part.lines]
        asked = list(sent)
        touched, scans = 0, list[str]()
        for sql, values in asked:
            if any(table in sql for table in TABLES):
                plan = blocks_of(db.session.connection(), sql, values)
                touched += blocks(plan)
                scans += scanned(plan)
        session.remove()
    assert any(line.title.startswith(title) for line in lines) == bool(title)
    assert scans == []
    assert touched <= BLOCKS
    assert len(asked) <= 16
