"""The overview of a tenant in which everything fails reads by indexes only, and little."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME

from portal.database.actor import Actor
from portal.database.session import db, enter_tenant, session
from portal.identity.openid.claims import ALL_SCOPES
from portal.overview import service
from portal.overview.parts import sources
from tests.cast import fill
from tests.databases import Database
from tests.keys.listing.test_scale import blocks_of
from tests.statements import statements
from tests.web.test_finding_scale import blocks, scanned

MANY = 8_000
BLOCKS = 8_000  # of 8 KiB that the overview may read, most of them again and again

FILL = (
    """
    INSERT INTO connector (tenant_id, id, version, name, type, provider, config, sync_status,
        credential_fields)
    SELECT %(tenant)s::text, 'cnn_' || lpad(n::text, 26, '0'), 1, 'Connector ' || n, 'siem',
        'splunk', '{"host": "splunk.example.com:8089"}',
        CASE WHEN n %% 2 = 0 THEN 'failing' ELSE 'degraded' END, '["token"]'
    FROM generate_series(1, %(many)s) AS n
    """,
    """
    INSERT INTO connector_standing (tenant_id, connector_id, checked_at, since, outcome, said)
    SELECT tenant_id, id, now(), now(), 'auth_invalid', 'It said so.' FROM connector
    """,
    """
    INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, version,
        expires_at, max_budget_usd)
    SELECT %(tenant)s::text, 'key_' || lpad(n::text, 26, '0'), 'Key ' || n,
        encode(sha256((%(tenant)s::text || n)::bytea), 'hex'), 'sk-acme-', 'sk-acme-s001', 'abcd',
        1, now() + n %% 40 * interval '1 day' + interval '1 hour', 50
    FROM generate_series(1, %(many)s) AS n
    """,
    """
    INSERT INTO key_leak (tenant_id, key_id, digest, reporter, response)
    SELECT tenant_id, id, repeat('a', 64), 'scanner', 'notify' FROM api_key
    """,
    """
    INSERT INTO key_budget (tenant_id, family_id, period_start, spent_usd, announced_percent)
    SELECT tenant_id, id, now(), spent, least(spent * 2, 100)
    FROM (SELECT tenant_id, id, 35 + row_number() OVER () %% 16 FROM api_key)
        AS k (tenant_id, id, spent)
    """,
    """
    INSERT INTO key_concern (tenant_id, key_id, concern)
    SELECT tenant_id, id, 'owner_gone' FROM api_key
    """,
    """
    INSERT INTO webhook (tenant_id, id, version, name, url, enabled, retry_policy,
        last_delivery_at, last_delivery_status, consecutive_failures, paused_at, pause_reason)
    SELECT %(tenant)s::text, 'whk_' || lpad(n::text, 26, '0'), 1, 'Webhook ' || n,
        'https://hooks.example.com', true, '{}', now(), 'http_error', n %% 5 + 1,
        CASE WHEN n %% 4 = 0 THEN now() END, CASE WHEN n %% 4 = 0 THEN 'by_hand' END
    FROM generate_series(1, %(many)s) AS n
    """,
    """
    INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, state, created_at)
    SELECT %(tenant)s::text, ulid_floor('dlv', now()) || lpad(n::text, 16, '0'),
        'whk_' || lpad((n %% 100 + 1)::text, 26, '0'), 'evt_1', 'rfp.created',
        CASE n %% 20 WHEN 0 THEN 'pending' WHEN 1 THEN 'retrying' WHEN 2 THEN 'failed'
            ELSE 'delivered' END,
        now() - n * interval '1 second'
    FROM generate_series(1, 3 * %(many)s) AS n
    """,
    """
    INSERT INTO delivery_hour (tenant_id, hour, slot, delivered, failed, waits)
    SELECT %(tenant)s::text, date_trunc('hour', now()) - h * interval '1 hour', slot, 10, 1,
        array_fill(1, ARRAY[48])
    FROM generate_series(0, 2000) AS h, generate_series(0, 7) AS slot
    """,
    """
    INSERT INTO key_hour (tenant_id, hour, slot, calls, denials)
    SELECT tenant_id, hour, slot, 1000, 10 FROM delivery_hour
    """,
    """
    INSERT INTO audit_entry (tenant_id, id, action, record_kind, record_id, record_name, actor_kind,
        actor_id, actor_name, occurred_at)
    SELECT %(tenant)s::text, 'aud_' || lpad(n::text, 26, '0'), 'webhook.updated', 'webhook',
        'whk_' || lpad(n::text, 26, '0'), 'Webhook', 'person', 'per_1', 'Ada',
        now() - n * interval '1 millisecond'
    FROM generate_series(1, %(many)s) AS n
    """,
)
TABLES = (
    "connector", "connector_standing", "api_key", "key_leak", "key_budget", "key_concern",
    "webhook", "delivery", "delivery_hour", "key_hour", "audit_entry",
)  # fmt: skip
ADA = Actor(
    ACME, "person", "per_1", "Ada", ALL_SCOPES, person_id="per_1", role="admin", is_admin=True
)
A_MEMBER = Actor(ACME, "person", "per_8", "Ed", ALL_SCOPES, person_id="per_8")


@pytest.fixture(scope="module")
def app_that_fails(_app: Flask, _database: Database) -> Iterator[Flask]:
    fill(_database, FILL, MANY)
    yield _app
    _database.wipe()


@pytest.mark.parametrize("actor", [ADA, A_MEMBER], ids=lambda one: one.name)
def test_where_everything_fails_little_is_read(app_that_fails: Flask, actor: Actor) -> None:
    touched, asking, scans = 0, 0, list[str]()
    with app_that_fails.test_request_context(), statements() as sent:
        enter_tenant(ACME)
        found = service.look(actor, sources())
        asked = list(sent)
        for sql, values in asked:
            if any(table in sql for table in TABLES):
                asking += 1
                plan: dict[str, Any] = blocks_of(db.session.connection(), sql, values)
                touched += blocks(plan)
                scans += scanned(plan)
        session.remove()
    assert found.sentence.text == (
        "100+ keys were found in public, 100+ keys have used up their budget,"
        " 100+ connectors fail and 100+ webhooks fail."
    )
    assert len(found.figures) == 6
    assert scans == []
    assert touched <= BLOCKS
    assert asking == 2
