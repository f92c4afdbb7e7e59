"""0007 api keys: the keys, what their use leaves, and how a caller is found by one."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.envelope import envelope
from portal.migrations.tenancy import credential_policy, tenant_table

revision, down_revision = "0007", "0006"

MONEY = sa.Numeric(18, 9)
MOMENT = sa.DateTime(timezone=True)
NEVER = "'9999-12-31 00:00:00+00'::timestamptz"

INDEXES = {
    "name": ["name_key"],
    "updated": ["updated_at"],
    "expires": ["expires_key"],
    "kind": ["kind"],
    "prefix": ["key_prefix"],
    "application": ["application_id"],
    "created_by_user": ["created_by_user_id"],
}
PARTIAL_INDEXES = {
    "app": (["app_id"], "app_id IS NOT NULL"),
    "live": ([], "revoked_at IS NULL"),
    "revoked": ([], "revoked_at IS NOT NULL"),
    "blocked": ([], "blocked"),
    "user": (["issued_to_user_id"], "issued_to_user_id IS NOT NULL"),
    "service": (["issued_to_service"], "issued_to_service IS NOT NULL"),
    "rotated_from": (["rotated_from_key_id"], "rotated_from_key_id IS NOT NULL"),
}

# A call by key knows its tenant only when the key is found, and its application only then. One
# round trip does both, with the rights of the caller: the row is seen through the policy
# `credential`, the application through the policy `tenant`.
FIND_API_KEY = """
CREATE FUNCTION find_api_key(digest text) RETURNS TABLE (
    tenant_id text, id text, name text, scopes jsonb, blocked boolean, revoked_at timestamptz,
    expires_at timestamptz, application_id text, application_slug text, application_status text,
    asked_at timestamptz
) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    found api_key%ROWTYPE;
BEGIN
    PERFORM set_config('app.credential', digest, true);
    SELECT * INTO found FROM api_key WHERE key_hash = digest;
    PERFORM set_config('app.credential', '', true);
    IF found.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('app.tenant_id', found.tenant_id, true);
    RETURN QUERY
        SELECT found.tenant_id::text, found.id::text, found.name::text, found.scopes,
            found.blocked, found.revoked_at, found.expires_at, found.application_id::text,
            application.slug::text, application.status::text, now()
        FROM (SELECT) AS one
        LEFT JOIN application
            ON application.tenant_id = found.tenant_id AND application.id = found.application_id;
END $$
"""


def upgrade() -> None:
    _keys()
    _runtime()
    op.execute(FIND_API_KEY)


def _keys() -> None:
    op.create_table(
        "api_key",
        *envelope(),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("prefix", sa.String(8), nullable=False),
        sa.Column("key_prefix", sa.String(12), nullable=False),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("kind", sa.String(20), server_default="service", nullable=False),
        sa.Column("issued_to_user_id", sa.String(80)),
        sa.Column("issued_to_service", sa.String(200)),
        sa.Column("scopes", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("allowed_models", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("tpm_limit", sa.Integer()),
        sa.Column("rpm_limit", sa.Integer()),
        sa.Column("max_budget_usd", MONEY),
        sa.Column("blocked", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("blocked_reason", sa.String(200)),
        sa.Column("expires_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.Column("revoked_reason", sa.String(200)),
        sa.Column("rotated_from_key_id", sa.String(40)),
        sa.Column("created_by_user_id", sa.String(80)),
        sa.Column("tags", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("application_id", sa.String(40)),
        _computed("name_key", sa.Text(), "lower(name)"),
        _computed("expires_key", MOMENT, f"coalesce(expires_at, {NEVER})"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_api_key"),
        sa.UniqueConstraint("key_hash", name="uq_api_key_key_hash"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["application.tenant_id", "application.id"],
            name="fk_api_key_application",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "rotated_from_key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_api_key_rotated_from",
        ),
        sa.CheckConstraint("kind IN ('user', 'service', 'virtual_llm')", name="ck_api_key_kind"),
        sa.CheckConstraint("key_hash ~ '^[0-9a-f]{64}$'", name="ck_api_key_key_hash"),
        sa.CheckConstraint(
            "kind = 'virtual_llm' OR allowed_models = '[]'", name="ck_api_key_allowed_models"
        ),
        sa.CheckConstraint("blocked OR blocked_reason IS NULL", name="ck_api_key_blocked_reason"),
    )
    for name, columns in INDEXES.items():
        op.create_index(f"ix_api_key_{name}", "api_key", ["tenant_id", *columns, "id"])
    for name, (columns, where) in PARTIAL_INDEXES.items():
        op.create_index(
            f"ix_api_key_{name}",
            "api_key",
            ["tenant_id", *columns, "id"],
            postgresql_where=sa.text(where),
        )
    tenant_table("api_key")
    credential_policy("api_key", "key_hash")


def _computed(name: str, kind: sa.types.TypeEngine[Any], expression: str) -> sa.Column[Any]:
    return sa.Column(name, kind, sa.Computed(expression, persisted=True), nullable=False)


def _runtime() -> None:
    op.create_table(
        "api_key_runtime",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("last_used_at", MOMENT),
        sa.Column("request_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("spend_usd", MONEY, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", name="pk_api_key_runtime"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_api_key_runtime_key",
            ondelete="CASCADE",
        ),
        postgresql_with={"fillfactor": "70"},  # room beside each row: its updates stay on the page
    )
    tenant_table("api_key_runtime")


def downgrade() -> None:
    op.execute("DROP FUNCTION find_api_key(text)")
    op.drop_table("api_key_runtime")
    op.drop_table("api_key")
