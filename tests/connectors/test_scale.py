"""Lists of many connectors, most of them for somebody else: an index serves every question."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME
from werkzeug.datastructures import MultiDict

from portal.connectors import service
from portal.database.actor import Actor
from portal.database.session import db, enter_tenant, session
from portal.identity.openid.claims import ALL_SCOPES
from portal.records import listing
from tests.cast import fill
from tests.databases import Database
from tests.keys.listing.test_scale import blocks_of, read_from_end_to_end
from tests.statements import statements

MANY = 20_000
BLOCKS = 500  # of 8 KiB that a page of 50 may read; the table alone has more

CONNECTORS = """
INSERT INTO connector (tenant_id, id, version, name, type, provider, scope, user_id, group_id,
    owner_id, app_id, config)
SELECT %(tenant)s::text, 'cnn_' || lpad(n::text, 26, '0'), 1, 'Connector ' || n, 'siem', 'splunk',
    kind, CASE WHEN kind = 'user' THEN 'per_' || n %% 1000 END,
    CASE WHEN kind = 'group' THEN 'group ' || n %% 1000 END, 'per_' || n %% 1000,
    CASE WHEN n %% 400 = 0 THEN 'app-' || n %% 8 END,
    jsonb_build_object('host', repeat('x', 200))
FROM (SELECT n, CASE WHEN n %% 400 = 0 THEN 'org' WHEN n %% 2 = 0 THEN 'user' ELSE 'group' END
    FROM generate_series(1, %(many)s) AS n) AS made (n, kind)
"""
TERMS = """
INSERT INTO search_term (tenant_id, kind, term, record_id)
SELECT tenant_id, 'connector', term, id
FROM connector, LATERAL (VALUES ('connector'), ('tag:soc'), (split_part(name, ' ', 2))) AS t (term)
"""


@pytest.fixture(scope="module")
def many_connectors(_app: Flask, _database: Database) -> Iterator[None]:
    fill(_database, (CONNECTORS, TERMS), MANY)
    yield
    _database.wipe()


@pytest.fixture
def asked(_app: Flask, many_connectors: None) -> Iterator[list[tuple[str, Any]]]:
    """Yield the list of SQL statements that are sent, in an application context of Acme."""
    with _app.app_context(), statements() as sent:
        enter_tenant(ACME)
        yield sent
        session.remove()


WHO = {
    "a person in a group": Actor(
        ACME, "person", "per_8", "Ed", ALL_SCOPES, person_id="per_8", groups=frozenset({"group 7"})
    ),
    "an admin": Actor(ACME, "person", "per_1", "Ada", ALL_SCOPES, person_id="per_1", is_admin=True),
    "a key": Actor(ACME, "application", "key_1", "Key", ALL_SCOPES),
    "an application": Actor(
        ACME, "application", "key_1", "Key", ALL_SCOPES, app_id="app-0", application_id="app_0"
    ),
}
QUESTIONS = [
    "",
    "sort=name",
    "sort=-urgency",
    "owner_id=per_8",
    "user_id=per_8",
    "group_id=group 7",
    "app_id=app-0",
    "owner_id=per_8&type=siem",
    "tag=soc",
    "q=connector",
    "q=19999",
    "show=need_a_person",
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q or "all")
@pytest.mark.parametrize("who", WHO)
def test_a_page_of_connectors_touches_little_of_the_table(
    asked: list[tuple[str, Any]], who: str, question: str
) -> None:
    arguments = MultiDict(part.split("=", 1) for part in question.split("&") if part)
    query = listing.parse(service.LISTING, arguments)
    asked.clear()
    listing.page(WHO[who], service.LISTING, query)
    touched, scans = 0, []
    for sql, values in list(asked):
        if "connector" in sql:
            plan = blocks_of(db.session.connection(), sql, values)
            touched += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            scans += list(read_from_end_to_end(plan))
    assert "connector" not in scans
    assert touched <= BLOCKS
