"""Compare every filter, range and order of lists with the plain list, at 100,000 rows of each.

A rare value is that of the oldest rows only: a plan that walks the newest first would read the
whole table. Every page has 50 rows.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from tests.bench import world
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

MANY, RARE = 100_000, 60
WIDE = world.Tenant.of("wide", 100, 100, 100, 100)
ROWS = """
INSERT INTO webhook (tenant_id, id, name, url, event_types, enabled, retry_policy,
    last_delivery_at, paused_at, pause_reason, version)
SELECT %(tenant)s, 'whk_' || lpad(n::text, 26, '0'), 'Webhook ' || n, 'https://hooks.example/',
    '[]', true, '{}', CASE WHEN n %% 2 = 0 THEN now() - (200000 - n) * interval '1 s' END,
    CASE WHEN n <= %(rare)s THEN now() END, CASE WHEN n <= %(rare)s THEN 'failing' END, 1
FROM generate_series(1, %(many)s) AS n;
INSERT INTO webhook_subscription (tenant_id, pattern, webhook_id)
SELECT tenant_id, pattern, id FROM webhook,
    LATERAL (VALUES ('rfp.created', 1), ('rfp.*', 2), ('*', 50), ('old.rare', 0))
    AS t (pattern, each)
WHERE tenant_id = %(tenant)s AND name LIKE 'Webhook%%' AND CASE WHEN each = 0
    THEN substr(id, 5)::bigint <= %(rare)s ELSE substr(id, 5)::bigint %% each = 0 END;
INSERT INTO connector (tenant_id, id, name, type, provider, auth_type, config, last_sync_at,
    last_check_at, oauth_token_expires_at, credential_last_rotated_at, next_rotation_due, version)
SELECT %(tenant)s, 'cnn_' || lpad(n::text, 26, '0'), 'Connector ' || n, 'custom', 'http', 'none',
    '{}', CASE WHEN n %% 2 = 0 THEN now() - (200000 - n) * interval '1 s' END,
    CASE WHEN n %% 3 = 0 THEN now() - (200000 - n) * interval '1 s' END,
    CASE WHEN n <= %(rare)s THEN now() END, CASE WHEN n <= %(rare)s THEN now() END,
    CASE WHEN n <= %(rare)s THEN now() END, 1
FROM generate_series(1, %(many)s) AS n;
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, scopes, revoked_at,
    brownout_from, revoke_at, version)
SELECT %(tenant)s, 'key_' || lpad(n::text, 26, '0'), 'Key ' || n,
    encode(sha256(('wide' || n)::bytea), 'hex'), 'sk-wide-', 'sk-wide-abcd', 'abcd', '[]',
    CASE WHEN n <= %(rare)s THEN now() END, CASE WHEN n <= %(rare)s THEN now() END,
    CASE WHEN n <= %(rare)s THEN now() END, 1
FROM generate_series(1, %(many)s) AS n;
INSERT INTO api_key_scope (tenant_id, scope, key_id)
SELECT tenant_id, scope, id FROM api_key,
    LATERAL (VALUES ('connectors:read', 2), ('keys:read', 3), ('audit:read', 0)) AS t (scope, each)
WHERE tenant_id = %(tenant)s AND name LIKE 'Key%%' AND CASE WHEN each = 0
    THEN substr(id, 5)::bigint <= %(rare)s ELSE substr(id, 5)::bigint %% each = 0 END;
INSERT INTO api_key_runtime (tenant_id, key_id, last_used_at, spend_usd)
SELECT tenant_id, id, CASE WHEN substr(id, 5)::bigint <= %(rare)s THEN now()
        WHEN substr(id, 5)::bigint %% 2 = 0 THEN now() - interval '60 days' END,
    substr(id, 5)::bigint %% 1000
FROM api_key WHERE tenant_id = %(tenant)s AND name LIKE 'Key%%';
INSERT INTO audit_entry (tenant_id, occurred_at, id, action, record_kind, record_id, actor_kind,
    actor_id, actor_name)
SELECT %(tenant)s, now() - (100000 - n) * interval '1 s', 'aud_' || lpad(n::text, 26, '0'),
    CASE WHEN n <= %(rare)s THEN 'webhook.tried' ELSE 'webhook.updated' END, 'webhook', 'whk_1',
    'person', CASE WHEN n <= %(rare)s THEN 'per_rare' ELSE 'per_1' END, 'Ada'
FROM generate_series(1, %(many)s) AS n
"""
IDS = ",".join(f"{{}}_{number * 1000:026}" for number in range(1, 51))
QUERIES = {
    "webhooks": (
        f"id={IDS.replace('{}', 'whk')}",
        "event_type=rfp.created",
        "event_type=rfp.lost",
        "event_type=old.rare",
        "event_type=old.rare,rfp.created",
        "event_type=rfp.created&sort=name",
        "sort=-last_delivery_at",
        "sort=last_delivery_at",
        "last_delivery_after=2020-01-01",
        "last_delivery_before=2999-01-01",
        "paused_after=2020-01-01",
        "direction=outbound,inbound",
    ),
    "connectors": (
        f"id={IDS.replace('{}', 'cnn')}",
        "sort=-last_sync_at",
        "sort=last_sync_at",
        "last_sync_after=2020-01-01",
        "sort=-last_check_at",
        "sort=last_check_at",
        "last_check_after=2020-01-01",
        "oauth_token_expires_after=2020-01-01",
        "credential_last_rotated_after=2020-01-01",
        "next_rotation_due_before=2999-01-01",
        "provider=http,slack",
    ),
    "api-keys": (
        f"id={IDS.replace('{}', 'key')}",
        "scope=connectors:read",
        "scope=audit:read",
        "scope=connectors:read,audit:read",
        "sort=-last_used_at",
        "sort=-spend_usd",
        "last_used_after={yesterday}",
        "last_used_before=2999-01-01",
        "revoked_after=2020-01-01",
        "brownout_from_after=2020-01-01",
        "status=active,expired",
        "status=revoked,expired",
    ),
    "audit": (
        "action=webhook.updated",
        "action=webhook.tried",
        "actor_id=per_rare",
        "occurred_before=2999-01-01",
    ),
}


def measure(bench: "Bench") -> Iterator[Figure]:
    """Yield the ratio of each question to the plain list of its resource."""
    world.fill_more(bench.place.superuser, WIDE, ROWS, {"many": MANY, "rare": RARE})
    for resource, queries in QUERIES.items():
        plain = bench.rest(WIDE, f"/{resource}")
        for query in queries:
            asked = bench.rest(WIDE, f"/{resource}?{query.format(yesterday=_yesterday())}")
            items = orjson.loads(bench.look(asked))["items"]
            if len(items) != 50:
                raise SystemExit(f"{resource}?{query}: {len(items)} rows")
            yield bench.against(f"REST {resource}, {query[:40]}", asked, plain)


def _yesterday() -> str:
    return (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
