"""0003 secret store: the embedded store's secrets, their versions and their wrapped keys."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import shared_table, tenant_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _secret()
    _data_key()
    _secret_version()
    op.create_table(
        "store_key_use",
        sa.Column("store_key_id", sa.String(16), nullable=False),
        _moment("used_at"),
        sa.PrimaryKeyConstraint("store_key_id", name="pk_store_key_use"),
    )
    for name in ("secret", "data_key", "secret_version"):
        tenant_table(name)
    shared_table("store_key_use", rights="SELECT, INSERT, DELETE")


def _secret() -> None:
    op.create_table(
        "secret",
        *_reference(),
        sa.Column("current_version", sa.Integer(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "owner_id", "slot", name="pk_secret"),
    )


def _data_key() -> None:
    op.create_table(
        "data_key",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("store_key_id", sa.String(16), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_data_key"),
    )
    op.create_index(
        "uq_data_key_active",
        "data_key",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("active"),
    )


def _secret_version() -> None:
    op.create_table(
        "secret_version",
        *_reference(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data_key_id", sa.String(40), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        _moment("created_at"),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint(
            "tenant_id", "kind", "owner_id", "slot", "version", name="pk_secret_version"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "kind", "owner_id", "slot"],
            ["secret.tenant_id", "secret.kind", "secret.owner_id", "secret.slot"],
            name="fk_secret_version_secret",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "data_key_id"],
            ["data_key.tenant_id", "data_key.id"],
            name="fk_secret_version_data_key",
        ),
    )


def _reference() -> list[sa.Column[str]]:
    names = ("tenant_id", "kind", "owner_id", "slot")
    return [sa.Column(name, sa.String(64), nullable=False) for name in names]


def _moment(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def downgrade() -> None:
    for name in ("secret_version", "data_key", "secret", "store_key_use"):
        op.drop_table(name)
