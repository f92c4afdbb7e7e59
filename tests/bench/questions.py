"""The pages and lists whose cost must not grow, requested for the big and the small tenant."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from tests.bench import world
from tests.bench.load import Ask

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

KEYS_PAGE = "/keys"
KEYS = {
    "first page": "",
    "sorted by name": "sort=name",
    "changed last": "sort=-updated_at",
    "ends first": "sort=expires_at",
    "status active": "status=active",
    "status revoked": "status=revoked",
    "status expired": "status=expired",
    "blocked": "blocked=true",
    "not blocked": "blocked=false",
    "a common kind": "kind=service",
    "of an application": "application_id={application}",
    "of a common user": "issued_to_user_id=per_3",
    "of a rare user": "issued_to_user_id=per_rare",
    "of a common service": "issued_to_service=exporter",
    "of a rare service": "issued_to_service=zeppelin",
    "a rare creator": "created_by_user_id=per_rare",
    "two filters": "status=active&kind=user",
    "created in a span": "created_after={year_start}&created_before={year_end}",
    "a common word": "q=nightly",
    "a rare word": "q=zanzibar",
    "the beginning of words": "q=n",
    "two common words": "q=nightly+export",
    "a common and a rare word": "q=hourly+zanzibar",
    "an old word": "q=vintage",
    "two words that never meet": "q=nightly+hourly",
    "an old and a common word": "q=vintage+hourly",
    "a word sorted by name": "q=nightly&sort=name",
    "a common tag": "tag=prod",
    "a rare tag": "tag=audit",
    "a word and a filter": "q=nightly&status=revoked",
    "a word and a rare filter": "q=nightly&issued_to_service=zeppelin",
    # Known to exceed the bound: filters alone are not walked; all rows of one of them are read.
    "two filters that never meet": "status=revoked&issued_to_user_id=per_3",
}
PAGES = (
    "/",
    "/keys",
    "/keys?q=zanzibar",
    "/keys?q=nightly+export",
    "/keys?status=revoked&kind=service",
    "/keys?application_id={application}",
    "/keys/{key}",
    "/keys/{key}/history",
    "/connectors",
    "/connectors?q=nightly",
    "/connectors?provider=splunk",
    "/connectors/{connector}",
    "/webhooks",
    "/webhooks?q=zanzibar",
    "/webhooks?direction=inbound",
    "/webhooks/{webhook}",
    "/applications",
    "/applications?status=draft",
    "/applications/{application}",
    "/audit",
)


@dataclass(frozen=True)
class Question:
    """The same request for two tenants."""

    name: str
    big: Ask
    small: Ask


def all_of(bench: "Bench") -> Iterator[Question]:
    """Yield every pair of requests."""
    for name, query in KEYS.items():
        yield _rest(bench, f"REST keys, {name}", "/api-keys", query)
    yield _deep(bench, "REST keys, deep by cursor", "/api-keys")
    for path in PAGES:
        big, small = (
            bench.page(tenant, path.format(**_names(tenant))) for tenant in (world.BIG, world.SMALL)
        )
        yield Question(f"page {path}", big, small)


def _rest(bench: "Bench", name: str, path: str, query: str) -> Question:
    big, small = (
        bench.rest(tenant, f"{path}?{query.format(**_names(tenant))}")
        for tenant in (world.BIG, world.SMALL)
    )
    return Question(name, big, small)


def _names(tenant: world.Tenant) -> dict[str, str]:
    return {
        "application": world.identifier("app", tenant, 7, tenant.applications),
        "key": world.identifier("key", tenant, 70, tenant.keys),
        "connector": world.identifier("cnn", tenant, world.WATCHED, tenant.connectors),
        "webhook": world.identifier("whk", tenant, 70, tenant.webhooks),
        "year_start": quote((world.NOW - world.YEAR / 2).isoformat()),
        "year_end": quote((world.NOW - world.YEAR / 4).isoformat()),
    }


def _deep(bench: "Bench", name: str, path: str) -> Question:
    """Return the request for the page in the middle, with the cursor that the list would return."""
    from portal.records.listing import Cursor

    asks = []
    for tenant in (world.BIG, world.SMALL):
        middle = world.identifier("key", tenant, tenant.keys // 2, tenant.keys)
        cursor = Cursor("-created_at", middle, middle).encode()
        asks.append(bench.rest(tenant, f"{path}?cursor={cursor}"))
    body = orjson.loads(bench.look(asks[0]))
    if len(body["items"]) != 50:
        raise SystemExit(f"{name}: {len(body['items'])} rows")
    return Question(name, *asks)
