"""What the portal is measured against: each a WSGI application, set up as its own guide says.

They read an equal table with equal rows: the big tenant's keys, with the indexes that the portal
has for the same sorts and filters, and no walls to pay for.
"""

import os

import psycopg

COLUMNS = (
    "id",
    "name",
    "key_prefix",
    "last4",
    "kind",
    "issued_to_service",
    "blocked",
    "application_id",
    "expires_at",
    "revoked_at",
    "created_at",
)
SHOWN = ("name", "key_prefix", "kind", "application_id", "blocked", "expires_at", "created_at")
SEARCHED = ("id", "name", "key_prefix", "last4", "issued_to_service")
FILTERED = ("kind", "blocked")
INDEXED = ("name", "kind", "application_id", "expires_at", "created_at")


def database_url() -> str:
    """libpq's address of the bench's database."""
    return os.environ["BENCH_DATABASE_URL"]


def equal_table(url: str, tenant_id: str) -> None:
    """The plain table `bench_key`, filled from the tenant's keys."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE bench_key AS SELECT {', '.join(COLUMNS)} FROM api_key"
            " WHERE tenant_id = %s",
            [tenant_id],
        )
        connection.execute("ALTER TABLE bench_key ADD PRIMARY KEY (id)")
        for column in INDEXED:
            connection.execute(f"CREATE INDEX ON bench_key ({column}, id)")
        connection.execute("VACUUM (ANALYZE) bench_key")
