"""0015 key engine: what verifying a key reads and writes: changes, windows, money, denials, use."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.key_engine import FUNCTIONS, TRIGGERS
from portal.migrations.tenancy import APP_ROLE, shared_table, tenant_table

revision, down_revision = "0015", "0014"

MOMENT = sa.DateTime(timezone=True)
MONEY = sa.Numeric(18, 9)


def tenant() -> sa.Column[Any]:
    return sa.Column("tenant_id", sa.String(40), nullable=False)


def upgrade() -> None:
    _fields()
    _runtime()
    _changes()
    _windows()
    _money()
    _traces()
    for function in FUNCTIONS.values():
        op.execute(function)
    for _, trigger in TRIGGERS:
        op.execute(trigger)
    op.execute("REVOKE EXECUTE ON FUNCTION note_key_change() FROM PUBLIC")
    op.execute("REVOKE EXECUTE ON FUNCTION load_key(text) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION load_key(text) TO {APP_ROLE}")


def _fields() -> None:
    json = {"server_default": "[]", "nullable": False}
    for column in (
        sa.Column("allowed_ips", postgresql.JSONB(), **json),
        sa.Column("max_uses", sa.Integer()),
        sa.Column("parent_key_id", sa.String(40)),
        sa.Column("rotation_family_id", sa.String(40)),
        sa.Column("budget_period", sa.String(10), server_default="none", nullable=False),
        sa.Column("revoke_at", MOMENT),
        sa.Column("brownout_from", MOMENT),
    ):
        op.add_column("api_key", column)
    op.create_check_constraint(
        "ck_api_key_budget_period",
        "api_key",
        "budget_period IN ('none', 'day', 'week', 'month')",
    )
    op.create_foreign_key(
        "fk_api_key_parent",
        "api_key",
        "api_key",
        ["tenant_id", "parent_key_id"],
        ["tenant_id", "id"],
    )
    for name in ("parent_key_id", "rotation_family_id", "revoke_at"):
        op.create_index(
            f"ix_api_key_{name.removesuffix('_id')}",
            "api_key",
            ["tenant_id", name, "id"],
            postgresql_where=sa.text(f"{name} IS NOT NULL"),
        )


def _runtime() -> None:
    for column in (
        sa.Column("uses", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("spend_period_end", MOMENT),
        sa.Column("denied_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_denied_at", MOMENT),
        sa.Column("last_denied_code", sa.String(20)),
    ):
        op.add_column("api_key_runtime", column)


def _changes() -> None:
    op.create_table(
        "key_change_seq",
        sa.Column("one", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("one", name="pk_key_change_seq"),
        sa.CheckConstraint("one", name="ck_key_change_seq_one"),
        postgresql_with={"fillfactor": "10"},
    )
    op.execute("INSERT INTO key_change_seq DEFAULT VALUES")
    shared_table("key_change_seq")
    op.create_table(
        "key_change",
        tenant(),
        sa.Column("record_id", sa.String(40), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "record_id", name="pk_key_change"),
    )
    tenant_table("key_change", rights="SELECT")
    op.create_table(
        "key_verifier",
        sa.Column("id", sa.String(60), nullable=False),
        sa.Column("host", sa.String(200), nullable=False),
        sa.Column("process", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_key_verifier"),
    )
    shared_table("key_verifier", rights="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "key_acknowledgement",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("verifier_id", sa.String(60), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("seq", "verifier_id", name="pk_key_acknowledgement"),
    )
    shared_table("key_acknowledgement", rights="SELECT, INSERT, DELETE")


def _windows() -> None:
    count: dict[str, Any] = {"server_default": "0", "nullable": False}
    op.create_table(
        "key_window",
        tenant(),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("bucket", sa.BigInteger(), **count),
        sa.Column("requests", sa.BigInteger(), **count),
        sa.Column("requests_before", sa.BigInteger(), **count),
        sa.Column("tokens", sa.BigInteger(), **count),
        sa.Column("tokens_before", sa.BigInteger(), **count),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", name="pk_key_window"),
        prefixes=["UNLOGGED"],
        postgresql_with={"fillfactor": "50"},
    )
    tenant_table("key_window")


def _money() -> None:
    amount: dict[str, Any] = {"server_default": "0", "nullable": False}
    op.create_table(
        "key_budget",
        tenant(),
        sa.Column("family_id", sa.String(40), nullable=False),
        sa.Column("period_start", MOMENT, nullable=False),
        sa.Column("period_end", MOMENT),
        sa.Column("spent_usd", MONEY, **amount),
        sa.Column("reserved_usd", MONEY, **amount),
        sa.Column("announced_percent", sa.SmallInteger(), **amount),
        sa.PrimaryKeyConstraint("tenant_id", "family_id", name="pk_key_budget"),
        sa.CheckConstraint("reserved_usd >= 0", name="ck_key_budget_reserved"),
        postgresql_with={"fillfactor": "50"},
    )
    tenant_table("key_budget")
    op.create_table(
        "spend_reservation",
        tenant(),
        sa.Column("id", sa.String(60), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("family_id", sa.String(40), nullable=False),
        sa.Column("period_start", MOMENT, nullable=False),
        sa.Column("usd", MONEY, nullable=False),
        sa.Column("tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bucket", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("released_at", MOMENT),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_spend_reservation"),
    )
    op.create_index(
        "ix_spend_reservation_due",
        "spend_reservation",
        ["tenant_id", "family_id", "expires_at"],
        postgresql_where=sa.text("released_at IS NULL"),
    )
    tenant_table("spend_reservation")
    op.create_table(
        "spend_ledger",
        tenant(),
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("family_id", sa.String(40), nullable=False),
        sa.Column("period_start", MOMENT, nullable=False),
        sa.Column("cost_usd", MONEY, nullable=False),
        sa.Column("reserved_usd", MONEY),
        sa.Column("tokens", sa.BigInteger()),
        sa.Column("model", sa.String(120)),
        sa.Column("noted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_spend_ledger"),
        sa.CheckConstraint(
            "kind IN ('settled', 'usage', 'released', 'expired')", name="ck_spend_ledger_kind"
        ),
    )
    op.create_index("ix_spend_ledger_key", "spend_ledger", ["tenant_id", "key_id", "noted_at"])
    tenant_table("spend_ledger", rights="SELECT, INSERT")


def _traces() -> None:
    op.create_table(
        "key_denial",
        tenant(),
        sa.Column("request_id", sa.String(60), nullable=False),
        sa.Column("denied_at", MOMENT, nullable=False),
        sa.Column("key_id", sa.String(40)),
        sa.Column("code", sa.String(20), nullable=False),
        sa.Column("source", sa.String(60)),
        sa.Column("trace", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "request_id", name="pk_key_denial"),
    )
    for name, columns in (("age", ["denied_at"]), ("key", ["key_id", "denied_at"])):
        op.create_index(f"ix_key_denial_{name}", "key_denial", ["tenant_id", *columns])
    tenant_table("key_denial")
    op.create_table(
        "key_use",
        tenant(),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("hour", MOMENT, nullable=False),
        sa.Column("aspect", sa.String(10), nullable=False),
        sa.Column("what", sa.String(200), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", "hour", "aspect", "what", name="pk_key_use"),
    )
    op.create_index("ix_key_use_age", "key_use", ["tenant_id", "hour"])
    tenant_table("key_use")


def downgrade() -> None:
    for table, trigger in TRIGGERS_BY_NAME:
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
    for table in (
        "key_use", "key_denial", "spend_ledger", "spend_reservation", "key_budget", "key_window",
        "key_acknowledgement", "key_verifier", "key_change", "key_change_seq",
    ):  # fmt: skip
        op.drop_table(table)
    for column in (
        "uses", "spend_period_end", "denied_count", "last_denied_at", "last_denied_code",
    ):  # fmt: skip
        op.drop_column("api_key_runtime", column)
    op.drop_constraint("fk_api_key_parent", "api_key")
    for column in (
        "allowed_ips", "max_uses", "parent_key_id", "rotation_family_id", "budget_period",
        "revoke_at", "brownout_from",
    ):  # fmt: skip
        op.drop_column("api_key", column)


TRIGGERS_BY_NAME = [(name.split(" ON ")[1], name.split(" ON ")[0]) for name, _ in TRIGGERS]
