"""The pages of logs, among many days of entries, read by indexes only, and little."""

from collections.abc import Iterator

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME
from werkzeug.datastructures import MultiDict

from portal.database.actor import Actor
from portal.database.session import db, enter_tenant, session
from portal.delivery.log import search
from portal.events import service as events
from portal.identity.openid.claims import ALL_SCOPES
from portal.records import listing
from portal.records.audit import log
from tests.cast import fill
from tests.databases import Database
from tests.keys.listing.test_scale import blocks_of
from tests.statements import statements
from tests.web.test_finding_scale import blocks, scanned

MANY = 12_000
BLOCKS = 6_000  # of 8 KiB that one page may read, most of them again and again
FILL = (
    """
    INSERT INTO webhook (tenant_id, id, version, name, url, enabled, retry_policy, paused_at,
        pause_reason)
    SELECT %(tenant)s::text, 'whk_' || lpad(n::text, 26, '0'), 1, 'Webhook ' || n,
        'https://hooks.example.com', true, '{}',
        CASE WHEN n %% 4 = 0 THEN now() END, CASE WHEN n %% 4 = 0 THEN 'by_hand' END
    FROM generate_series(1, 50) AS n
    """,
    """
    INSERT INTO event (tenant_id, id, type, subject, data, actor_id, actor_name, received_at)
    SELECT %(tenant)s::text, ulid_floor('evt', now() - n * interval '1 second')
        || lpad(n::text, 16, '0'),
        CASE WHEN n %% 4000 = 0 THEN 'rare.one' WHEN n %% 2 = 0 THEN 'rfp.created'
            ELSE 'bid.won' END,
        'rfp-' || n %% 1000, '{}', 'per_1', 'Ada', now() - n * interval '1 second'
    FROM generate_series(1, %(many)s) AS n
    """,
    """
    INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, subject, state,
        created_at)
    SELECT tenant_id, 'dlv' || substr(id, 4),
        'whk_' || lpad((right(id, 6)::int %% 50 + 1)::text, 26, '0'), id, type, subject,
        CASE right(id, 3) WHEN '000' THEN 'failed' WHEN '001' THEN 'retrying' ELSE 'delivered' END,
        received_at
    FROM event
    """,
    """
    INSERT INTO audit_entry (tenant_id, id, action, record_kind, record_id, record_name, actor_kind,
        actor_id, actor_name, request_id, occurred_at)
    SELECT %(tenant)s::text, 'aud_' || lpad(n::text, 26, '0'),
        CASE WHEN n %% 4000 = 0 THEN 'key.leaked' ELSE 'webhook.updated' END,
        CASE WHEN n %% 4000 = 0 THEN 'key' ELSE 'webhook' END,
        'whk_' || lpad((n %% 500)::text, 26, '0'), 'Webhook', 'person', 'per_' || n %% 20, 'Ada',
        'req_' || n, now() - n * interval '1 second'
    FROM generate_series(1, %(many)s) AS n
    """,
)
TABLES = ("webhook", "event", "delivery", "audit_entry")
ADA = Actor(
    ACME, "person", "per_1", "Ada", ALL_SCOPES, person_id="per_1", role="admin", is_admin=True
)
HOOK = f"whk_{7:026}"
LOGS = {
    "events": (events.LISTING, events.find_page),
    "deliveries": (search.LISTING, search.find_page),
    "audit": (log.LISTING, log.page),
}
QUESTIONS = (
    ("events", "type=rare.one,rfp.created", 50, False),
    ("events", "type=rare.one&type_not=bid.won", 3, False),
    ("events", "type_contains=nothing", 0, True),
    ("events", "app_id=app_of_nobody", 0, True),
    ("events", "occurred_before=2020-01-01", 0, True),
    ("events", "received_before=2020-01-01", 0, False),
    ("deliveries", "state=held", 0, False),
    ("deliveries", "state=failed", 12, False),
    ("deliveries", "state=expired", 0, True),
    ("deliveries", "event_type=of.nobody", 0, True),
    ("deliveries", f"event_type=of.nobody&webhook_id={HOOK}", 0, False),
    ("deliveries", f"webhook_id={HOOK},whk_{8:026}", 50, False),
    ("deliveries", "either=state,subject_contains&state=held&subject_contains=no", 0, True),
    ("audit", "action=key.leaked", 3, False),
    ("audit", "record_kind=key", 0, True),
    ("audit", "record_name_contains=nothing", 0, True),
    ("audit", "actor_id=per_3,per_4&record_kind_not=key", 50, False),
    ("audit", "actor_id=per_3&record_kind=key", 0, True),
    ("audit", "action=key.leaked&record_name_contains=hook", 3, False),
    ("audit", "occurred_before=2020-01-01&action_not=key.leaked", 0, False),
)


@pytest.fixture(scope="module")
def app_with_logs(_app: Flask, _database: Database) -> Iterator[Flask]:
    fill(_database, FILL, MANY)
    yield _app
    _database.wipe()


@pytest.mark.parametrize(("name", "question", "found", "is_cut"), QUESTIONS)
def test_a_page_of_a_log_reads_little_and_no_table_from_end_to_end(
    app_with_logs: Flask, name: str, question: str, found: int, is_cut: bool
) -> None:
    declared, read = LOGS[name]
    asked = MultiDict([part.split("=") for part in question.split("&")])
    with app_with_logs.test_request_context(), statements() as sent:
        enter_tenant(ACME)
        page = read(ADA, listing.parse(declared, asked))
        touched, scans = 0, list[str]()
        for sql, values in list(sent):
            if any(table in sql for table in TABLES):
                plan = blocks_of(db.session.connection(), sql, values)
                touched += blocks(plan)
                scans += scanned(plan)
        count = len(page.items)
        session.remove()
    assert count == found
    assert (page.looked is not None) == is_cut
    assert scans == []
    assert touched <= BLOCKS
