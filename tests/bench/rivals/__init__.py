"""The rivals of the portal, each set up as its own guide recommends.

Those with a database read a table with the same rows: the big tenant's keys, with the indexes that
the portal has for the same sorts and filters, but without row-level security.
"""

import os

import psycopg

COLUMNS = """
    id, name, key_prefix, last4, application_id, kind, scopes::text AS scopes, issued_to_service,
    (SELECT last_used_at FROM api_key_runtime WHERE key_id = api_key.id) AS last_used_at, blocked,
    expires_at, created_at,
    CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired'
        ELSE 'active' END AS status
"""
SHOWN = (
    "name",
    "key_prefix",
    "application",
    "kind",
    "scopes",
    "last_used_at",
    "expires_at",
    "status",
)
SEARCHED = ("id", "name", "key_prefix", "last4", "issued_to_service")
KINDS = [("user", "User"), ("service", "Service"), ("virtual_llm", "Virtual LLM")]
STATUSES = [("active", "Active"), ("revoked", "Revoked"), ("expired", "Expired")]
INDEXED = ("name", "status", "kind", "application_id", "expires_at", "created_at")
OFFERED = 200  # applications in the filter, as on the portal's page


def database_url() -> str:
    """Return the libpq URL of the bench's database."""
    return os.environ["BENCH_DATABASE_URL"]


def equal_table(url: str, tenant_id: str) -> None:
    """Create the plain tables `bench_application` and `bench_key` from the tenant's rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE bench_application AS SELECT id, display_name AS name FROM application"
            " WHERE tenant_id = %s",
            [tenant_id],
        )
        connection.execute(
            f"CREATE TABLE bench_key AS SELECT {COLUMNS} FROM api_key WHERE tenant_id = %s",
            [tenant_id],
        )
        connection.execute("ALTER TABLE bench_application ADD PRIMARY KEY (id)")
        connection.execute("ALTER TABLE bench_key ADD PRIMARY KEY (id)")
        connection.execute("CREATE INDEX ON bench_application (name, id)")
        for column in INDEXED:
            connection.execute(f"CREATE INDEX ON bench_key ({column}, id)")
        connection.execute("VACUUM (ANALYZE) bench_key")
