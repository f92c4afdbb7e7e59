"""Measure the overview and the palette of a tenant with a million keys and a million deliveries.

A figure is the time within which 95 of 100 requests were answered, one after the other.
"""

from collections.abc import Iterator
from dataclasses import replace
from statistics import quantiles
from typing import TYPE_CHECKING

from tests.bench import world
from tests.bench.figures import Figure
from tests.bench.load import Ask

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

MANY, CONNECTORS, WEBHOOKS = 1_000_000, 10_000, 1_000
OVERVIEW_MS, PALETTE_MS = 50, 30
HUGE = world.Tenant.of("huge", 100, 100, 100, 100)
ROWS = """
INSERT INTO webhook (tenant_id, id, name, url, event_types, enabled, retry_policy,
    last_delivery_at, last_delivery_status, consecutive_failures, version)
SELECT %(tenant)s, 'whk_' || lpad(n::text, 26, '0'), 'Hook ' || n, 'https://hooks.example/',
    '["*"]', true, '{}', now(), CASE WHEN n %% 50 = 0 THEN 'http_error' ELSE 'delivered' END,
    CASE WHEN n %% 50 = 0 THEN n ELSE 0 END, 1
FROM generate_series(1, %(webhooks)s) AS n;
INSERT INTO connector (tenant_id, id, name, type, provider, auth_type, config, sync_status, version)
SELECT %(tenant)s, 'cnn_' || lpad(n::text, 26, '0'), 'Splunk ' || n, 'siem', 'splunk', 'bearer',
    '{"host": "splunk.example.com:8089"}',
    CASE WHEN n %% 20 = 0 THEN 'failing' ELSE 'healthy' END, 1
FROM generate_series(1, %(connectors)s) AS n;
INSERT INTO connector_standing (tenant_id, connector_id, checked_at, since, outcome, said)
SELECT tenant_id, id, now(), now(),
    CASE sync_status WHEN 'failing' THEN 'auth_invalid' ELSE 'passed' END, 'It said so.'
FROM connector WHERE tenant_id = %(tenant)s AND name LIKE 'Splunk%%';
INSERT INTO api_key (tenant_id, id, name, key_hash, prefix, key_prefix, last4, scopes, expires_at,
    created_at, version)
SELECT %(tenant)s, 'key_' || lpad(n::text, 26, '0'),
    (ARRAY['Nightly', 'Hourly'])[n %% 2 + 1] || ' export ' || n,
    encode(sha256(('huge' || n)::bytea), 'hex'), 'sk-huge-',
    'sk-huge-s' || lpad((n %% 1000)::text, 3, '0'),
    lpad((n %% 10000)::text, 4, '0'), '["connectors:read"]',
    CASE WHEN n %% 3 = 0 THEN now() + n %% 400 * interval '1 day' END,
    now() - interval '30 days', 1
FROM generate_series(1, %(many)s) AS n;
INSERT INTO api_key_runtime (tenant_id, key_id, last_used_at)
SELECT tenant_id, id, CASE WHEN right(id, 1) < '5' THEN now() END
FROM api_key WHERE tenant_id = %(tenant)s AND id < 'key_01';
INSERT INTO search_term (tenant_id, kind, term, record_id)
SELECT tenant_id, 'key', term, id FROM api_key,
    LATERAL (VALUES (lower(split_part(name, ' ', 1))), ('export'), (split_part(name, ' ', 3)),
        ('sk'), ('huge'), (split_part(key_prefix, '-', 3)), (lower(substr(id, 5)))) AS t (term)
WHERE tenant_id = %(tenant)s AND id < 'key_01';
INSERT INTO search_term (tenant_id, kind, term, record_id)
SELECT tenant_id, 'connector', term, id FROM connector,
    LATERAL (VALUES ('splunk'), (split_part(name, ' ', 2)), (lower(substr(id, 5)))) AS t (term)
WHERE tenant_id = %(tenant)s AND name LIKE 'Splunk%%';
INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, subject, state, created_at)
SELECT %(tenant)s, ulid_floor('dlv', now() - n %% 80000 * interval '1 s')
        || lpad(n::text, 16, '0'),
    'whk_' || lpad((n %% %(webhooks)s + 1)::text, 26, '0'), 'evt_' || lpad(n::text, 26, '0'),
    'rfp.created', 'rfp ' || n,
    CASE WHEN n %% 100 = 0 THEN 'failed' WHEN n %% 5000 = 1 THEN 'retrying' ELSE 'delivered' END,
    now() - n %% 80000 * interval '1 s'
FROM generate_series(1, %(many)s) AS n;
INSERT INTO delivery_hour (tenant_id, hour, slot, delivered, failed, waits)
SELECT %(tenant)s, date_trunc('hour', now()) - h * interval '1 hour', slot, 5000, 50,
    array_fill(100, ARRAY[48])
FROM generate_series(0, 720) AS h, generate_series(0, 7) AS slot;
INSERT INTO key_hour (tenant_id, hour, slot, calls, denials)
SELECT tenant_id, hour, slot, 100000, 10 FROM delivery_hour WHERE tenant_id = %(tenant)s;
INSERT INTO audit_entry (tenant_id, occurred_at, id, action, record_kind, record_id, record_name,
    actor_kind, actor_id, actor_name, request_id)
SELECT %(tenant)s, now() - n * interval '1 s', 'aud_' || lpad(n::text, 26, '0'),
    'webhook.updated', 'webhook', 'whk_' || lpad(n::text, 26, '0'), 'Hook ' || n, 'person',
    'per_huge', 'Ada', 'req_' || lpad(n::text, 26, '0')
FROM generate_series(1, 100000) AS n
"""
TYPED = {
    "two letters": "ni",
    "a common word": "nightly",
    "two common words": "nightly export",
    "a common word and a number": "nightly 500000",
    "a number": "777777",
    "the beginning of a key": "sk-huge-s123",
    "a whole id": "key_" + "123456".zfill(26),
    "an event's subject": "rfp 4711",
    "a request id": "req_" + "4711".zfill(26),
    "a verb and a name": "rotate nightly 4",
    "nothing there": "zanzibar nowhere",
}


def measure(bench: "Bench") -> Iterator[Figure]:
    """Yield the times of the overview, as a page, refreshed and by REST, and of the palette."""
    world.fill_more(
        bench.place.superuser,
        HUGE,
        ROWS,
        {"many": MANY, "connectors": CONNECTORS, "webhooks": WEBHOOKS},
    )
    page = bench.page(HUGE, "/")
    yield _figure(bench, "overview", page, OVERVIEW_MS)
    yield _figure(bench, "overview, refreshed", _as_fragment(page), OVERVIEW_MS)
    yield _figure(bench, "REST overview", bench.rest(HUGE, "/overview"), OVERVIEW_MS)
    for name, text in TYPED.items():
        asked = _as_fragment(bench.page(HUGE, f"/search?q={text.replace(' ', '+')}"))
        yield _figure(bench, f"palette, {name}", asked, PALETTE_MS)


def _as_fragment(ask: Ask) -> Ask:
    return replace(ask, headers={**ask.headers, "HX-Request": "true", "HX-Request-Type": "partial"})


def _figure(bench: "Bench", name: str, ask: Ask, bound: float) -> Figure:
    bench.look(ask)
    ask = bench.again(ask)
    bench.generator.run("turns", ask, rounds=10, seconds=2)
    (times,) = bench.generator.run("turns", ask, rounds=30 * bench.rounds, seconds=20)["times_ms"]
    deciles = quantiles(times, n=20)
    return Figure(
        f"{name}, a million keys and deliveries, p95",
        deciles[-1],
        bound,
        "less",
        unit="ms",
        notes=f"half within {deciles[9]:.1f} ms",
        detail={"times_ms": times},
    )
