"""The data of the bench: a big tenant, one of a hundredth of its size, and some small ones.

The big and the small tenant have the same proportions and the same number of rare values, so that
the same request gives a page of the same length in both. Only the size of the table differs.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import orjson
import psycopg
from ulid import ULID

from portal.applications.models import Application
from portal.connectors.models import Connector
from portal.core.key_shape import ALPHABET
from portal.database.record import Record
from portal.keys.decision import format as key_format
from portal.keys.models import ApiKey
from portal.records import verbs
from portal.webhooks.models import Webhook
from portal.webhooks.schemas import DEFAULT_POLICY

NOW = datetime(2026, 11, 1, tzinfo=UTC)  # the same ids in every run
YEAR = timedelta(days=365)
MANY = 2_000  # records that are asked for in turn
RARE = 60  # rows with the rare word, tag, user or service in each of both tenants
KIND_LETTERS = key_format.KIND_LETTERS

Row = dict[str, Any]


@dataclass(frozen=True)
class Tenant:
    """A tenant and the sizes of its tables. `session` and `key` authenticate the bench."""

    id: str
    code: str
    applications: int
    connectors: int
    webhooks: int
    keys: int
    session: str
    key: str

    @classmethod
    def of(cls, code: str, *sizes: int) -> Self:
        letters = random.Random(code)  # noqa: S311 - the same in every run, and no secret
        kind = KIND_LETTERS["service"]
        unchecked = f"sk-{code}-{kind}" + "".join(letters.choices(ALPHABET, k=32))
        raw = unchecked + key_format.checksum(unchecked)
        token = "".join(letters.choices(ALPHABET, k=43))
        return cls(f"tnt_{code}", code, *sizes, session=token, key=raw)

    @property
    def cookie(self) -> str:
        """Return the value of a signed-in browser's cookie."""
        return f"{self.id}.{self.session}"


BIG = Tenant.of("bigg", 1_000, 10_000, 10_000, 100_000)
SMALL = Tenant.of("smal", 500, 1_000, 1_000, 1_000)
WATCHED = 70  # the connector with many checks
CHECKS = {BIG.code: 100_000, SMALL.code: 1_000}
OTHERS = [Tenant.of(f"o{number:03}", 2, 10, 10, 50) for number in range(20)]


def identifier(prefix: str, tenant: Tenant, number: int, count: int) -> str:
    """Return the id of a tenant's `number`th record of a kind: a ULID of its creation time."""
    digest = hashlib.sha256(f"{tenant.id}{prefix}{number}".encode()).digest()
    milliseconds = int(created(number, count).timestamp() * 1000)
    return f"{prefix}_{ULID(milliseconds.to_bytes(6, 'big') + digest[:10])}"


def many_keys(tenant: Tenant) -> list[str]:
    """Return the ids of MANY keys, evenly over the tenant's, so that no repetition is measured."""
    numbers = range(0, tenant.keys, tenant.keys // MANY)
    return [identifier("key", tenant, number, tenant.keys) for number in numbers]


def created(number: int, count: int) -> datetime:
    """Return the creation time: records were created evenly over a year, until an hour ago."""
    return NOW - YEAR + (YEAR - timedelta(hours=1)) * (number / count)


def fill(url: str) -> None:
    """Insert all data into a migrated, empty database; `url` is the superuser's."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for tenant in (BIG, SMALL, *OTHERS):
            fill_tenant(connection, tenant)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def fill_more(url: str, tenant: Tenant, sql: str, values: Mapping[str, Any]) -> None:
    """Insert a tenant and the rows of some statements, unless an earlier run kept them."""
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT 1 FROM tenant WHERE id = %s", (tenant.id,)).fetchone():
            return
        connection.execute("SET session_replication_role = replica")
        fill_tenant(connection, tenant)
        for statement in sql.split(";"):
            connection.execute(statement, {"tenant": tenant.id, **values})
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def sign_in(url: str) -> None:
    """Let the sessions begin now."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE web_session SET created_at = now(), last_seen_at = now()")


def let_in(connection: psycopg.Connection, tenant: Tenant) -> None:
    """Create a tenant with one person, who is signed in."""
    copy(connection, "tenant", [_tenant(tenant)])
    copy(connection, "person", [_person(tenant)])
    copy(connection, "web_session", [_session(tenant)])


def fill_tenant(connection: psycopg.Connection, tenant: Tenant) -> None:
    """Insert all data of one tenant."""
    let_in(connection, tenant)
    for model, rows in (
        (Application, applications(tenant)),
        (Connector, connectors(tenant)),
        (Webhook, webhooks(tenant)),
        (ApiKey, keys(tenant)),
    ):
        made = list(rows)
        copy(connection, model.__tablename__, made)
        copy(connection, "search_term", _terms(model, made))
        copy(connection, "audit_entry", (_entry(model, row) for row in made))
    copy(connection, "api_key_runtime", (_runtime(row) for row in made))
    copy(connection, "api_key_scope", _scopes(made))
    copy(connection, "connector_standing", standings(tenant))
    copy(connection, "connector_check", checks(tenant))


def copy(connection: psycopg.Connection, table: str, rows: Sequence[Row] | Iterator[Row]) -> None:
    """Insert rows that all have the same columns with COPY."""
    rows = iter(rows)
    first = next(rows)
    statement = f"COPY {table} ({', '.join(first)}) FROM STDIN"
    with connection.cursor().copy(statement) as into:
        into.write_row(list(first.values()))
        for row in rows:
            into.write_row(list(row.values()))


# ---------------------------------------------------------------- rows


def _tenant(tenant: Tenant) -> Row:
    return {"id": tenant.id, "slug": tenant.code, "name": tenant.code, "key_code": tenant.code}


def _person(tenant: Tenant) -> Row:
    return {
        "tenant_id": tenant.id,
        "id": f"per_{tenant.code}",
        "issuer": "https://idp.example",
        "subject": "ada",
        "name": "Ada Lovelace",
        "email": "ada@bench.example",
        "role": "admin",
    }


def _session(tenant: Tenant) -> Row:
    return {
        "tenant_id": tenant.id,
        "id": f"ses_{tenant.code}",
        "person_id": f"per_{tenant.code}",
        "token_hash": hashlib.sha256(tenant.session.encode()).hexdigest(),
        "subject_key": hashlib.sha256(tenant.id.encode()).hexdigest(),
        "role": "admin",
        "auth_version": 1,
        "auth_time": NOW,
    }


def _envelope(prefix: str, tenant: Tenant, number: int, count: int) -> Row:
    moment = created(number, count)
    return {
        "tenant_id": tenant.id,
        "id": identifier(prefix, tenant, number, count),
        "created_at": moment,
        "updated_at": moment,
        "created_by": f"per_{tenant.code}",
        "updated_by": f"per_{tenant.code}",
        "version": 1,
    }


def _application_of(tenant: Tenant, number: int, many: int, each: int) -> str:
    """Return the id of the application of a record, one of `many`.

    An application has about `each` of them in either tenant, so later applications have none, and a
    page of a list names as many applications in the one as in the other. Their count is odd, so
    that the records of which every twentieth is one are of different applications too.
    """
    shared = max(many // each - 1, 0) | 1
    return identifier("app", tenant, number % shared, tenant.applications)


def applications(tenant: Tenant) -> Iterator[Row]:
    """Yield applications: every fourth is a platform service, every tenth a draft."""
    for number in range(tenant.applications):
        yield {
            **_envelope("app", tenant, number, tenant.applications),
            "display_name": name(number, tenant.applications),
            "slug": f"app-{number}",
            "kind": "platform-service" if number % 4 == 0 else "app",
            "status": "draft" if number % 10 == 5 else "active",
            "primary_domain": "sales",
            "description": "Purpose, in a sentence.",
            "oauth_client_id": f"client-{number}",
        }


def connectors(tenant: Tenant) -> Iterator[Row]:
    """Yield connectors: half are for logs, half for chats; one in twenty fails."""
    for number in range(tenant.connectors):
        yield {
            **_envelope("cnn", tenant, number, tenant.connectors),
            "name": name(number, tenant.connectors),
            "type": "siem" if number % 2 else "messaging",
            "provider": "splunk" if number % 2 else "slack",
            "config": _json({"host": f"host{number}.example:8089"}),
            "auth_type": "bearer",
            "sync_status": "failing" if number % 20 == 7 else "healthy",
            "enabled": number % 10 != 3,
            "tags": _json(tags(number, tenant.connectors)),
            "application_id": _application_of(tenant, number, tenant.connectors, 10),
        }


def standings(tenant: Tenant) -> Iterator[Row]:
    """Yield the standing of each connector: the failing ones were refused an hour ago."""
    count = tenant.connectors
    for number in range(count):
        fails = number % 20 == 7
        yield {
            "tenant_id": tenant.id,
            "connector_id": identifier("cnn", tenant, number, count),
            "next_check_at": NOW + timedelta(days=1),
            "checked_at": NOW,
            "outcome": "auth_invalid" if fails else "passed",
            "since": NOW - timedelta(hours=1),
            "said": "The provider refused the credentials." if fails else "It works.",
            "took_ms": 120.0,
            "passed_at": NOW - timedelta(hours=2),
        }


def checks(tenant: Tenant) -> Iterator[Row]:
    """Yield the checks of the one connector whose page is asked for (`WATCHED`)."""
    count = CHECKS.get(tenant.code, 10)
    watched = min(WATCHED, tenant.connectors - 1)
    connector_id = identifier("cnn", tenant, watched, tenant.connectors)
    steps = _json(
        [{"name": "who", "title": "Ask", "state": "passed", "took_ms": 90.0, "began_ms": 30.0,
          "verdict": None, "status": 200, "said": "It works.", "remedy": ""}]
    )  # fmt: skip
    for number in range(count):
        at = created(number, count)
        yield {
            "tenant_id": tenant.id,
            "id": identifier("chk", tenant, number, count),
            "connector_id": connector_id,
            "state": "done",
            "reason": "daily",
            "attempts": 1,
            "due_at": at,
            "created_at": at,
            "started_at": at,
            "finished_at": at,
            "outcome": "transient" if number % 50 == 7 else "passed",
            "said": "It works.",
            "took_ms": 120.0,
            "steps": steps,
        }


def webhooks(tenant: Tenant) -> Iterator[Row]:
    """Yield webhooks: nine of ten are enabled, one in ten is inbound."""
    for number in range(tenant.webhooks):
        yield {
            **_envelope("whk", tenant, number, tenant.webhooks),
            "name": name(number, tenant.webhooks),
            "direction": "inbound" if number % 10 == 4 else "outbound",
            "inbound_scheme": "standard-webhooks" if number % 10 == 4 else None,
            "url": f"https://hooks{number}.example/in",
            "event_types": _json(["rfp.created", "rfp.updated"]),
            "enabled": number % 10 != 3,
            "retry_policy": _json(DEFAULT_POLICY.model_dump(by_alias=True)),
            "tags": _json(tags(number, tenant.webhooks)),
            "application_id": _application_of(tenant, number, tenant.webhooks, 10),
        }


def keys(tenant: Tenant) -> Iterator[Row]:
    """Yield keys: one in ten is revoked, one in ten expired; RARE are blocked.

    The last one is the bench's own key.
    """
    count = tenant.keys
    for number in range(count):
        rare, opens = is_rare(number, count), number == count - 1
        digest = key_format.digest(tenant.key if opens else f"{tenant.id} {number}")
        kind = ("user", "service", "service", "virtual_llm")[number % 4]
        revoked = number % 10 == 1
        yield {
            **_envelope("key", tenant, number, count),
            "name": name(number, count),
            "key_hash": digest,
            "prefix": f"sk-{tenant.code}-",
            "key_prefix": f"sk-{tenant.code}-{KIND_LETTERS[kind]}{digest[:3]}",
            "last4": digest[-4:],
            "kind": kind,
            "issued_to_user_id": "per_rare" if rare else f"per_{number % 10}",
            "issued_to_service": "zeppelin" if rare else "exporter",
            "scopes": _json(
                [*ALL_READS, *SOME_WRITES] if opens else ["connectors:read", "webhooks:read"]
            ),
            "rpm_limit": None if opens else 600,
            "max_budget_usd": None if opens else 250,
            "blocked": rare and not opens,
            "blocked_reason": "Too many calls" if rare and not opens else None,
            "expires_at": None if number % 10 != 2 else NOW - timedelta(days=1 + number % 300),
            "revoked_at": created(number, count) if revoked else None,
            "created_by_user_id": "per_rare" if rare else f"per_{tenant.code}",
            "tags": _json(tags(number, count)),
            "application_id": None if opens else _application_of(tenant, number, tenant.keys, 100),
        }


ALL_READS = ["applications:read", "audit:read", "connectors:read", "keys:read", "webhooks:read"]
SOME_WRITES = [
    "applications:write",
    "event-types:write",
    "events:publish",
    "keys:verify",
    "keys:write",
    "webhooks:write",
]


def _runtime(key: Row) -> Row:
    return {
        "tenant_id": key["tenant_id"],
        "key_id": key["id"],
        "last_used_at": key["created_at"],
        "request_count": 12,
        "spend_usd": 3.5,
    }


def _scopes(keys: Sequence[Row]) -> Iterator[Row]:
    for key in keys:
        for scope in orjson.loads(key["scopes"]):
            yield {"tenant_id": key["tenant_id"], "scope": scope, "key_id": key["id"]}


def _entry(model: type[Record], row: Row) -> Row:
    return {
        "tenant_id": row["tenant_id"],
        "occurred_at": row["created_at"],
        "id": row["id"].replace(model.id_prefix, "aud"),
        "action": f"{model.noun}.created",
        "record_kind": model.noun,
        "record_id": row["id"],
        "record_name": row.get("name") or row["display_name"],
        "actor_kind": "person",
        "actor_id": row["created_by"],
        "actor_name": "Ada Lovelace",
        "changes": _json({"name": [None, row.get("name") or row["display_name"]]}),
        "request_id": "req_01K0000000000000000000BNCH",
    }


def _terms(model: type[Record], rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the search terms that the portal itself would store for these records."""
    for row in rows:
        for term in sorted(verbs.terms_of(model(**{**row, **_parsed(row)}))):
            yield {
                "tenant_id": row["tenant_id"],
                "kind": model.noun,
                "term": term,
                "record_id": row["id"],
            }


def _parsed(row: Row) -> Mapping[str, Any]:
    return {
        name: orjson.loads(row[name]) for name in ("config", "event_types", "tags") if name in row
    }


# ---------------------------------------------------------------- words


def is_rare(number: int, count: int) -> bool:
    """Tell whether a record is one of RARE, spread evenly over all `count`."""
    return number % max(count // RARE, 1) == 0 and number // max(count // RARE, 1) < RARE


def name(number: int, count: int) -> str:
    """Return a name: half are nightly, half are exports, RARE have the rare word.

    The oldest tenth is vintage.
    """
    words = ["Nightly" if number % 2 else "Hourly", "export" if number // 2 % 2 else "import"]
    if is_rare(number, count):
        words.append("zanzibar")
    if number < count // 10:
        words.append("vintage")
    return f"{' '.join(words)} {number}"


def tags(number: int, count: int) -> list[str]:
    """Return a tag that half of the records have, and one that RARE have."""
    return ["prod" if number % 2 else "test", *(["audit"] if is_rare(number, count) else [])]


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
