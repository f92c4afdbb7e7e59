"""0004 people: who signs in, their sessions, and the logout tokens that were obeyed."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import credential_policy, shared_table, tenant_table

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    _person()
    _web_session()
    op.create_table(
        "seen_logout_token",
        sa.Column("digest", sa.String(64), nullable=False),
        _moment("seen_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_seen_logout_token"),
    )
    tenant_table("person")
    tenant_table("web_session")
    # A back-channel logout names a session or a person of the provider, not a tenant of ours.
    credential_policy("web_session", "sid_key", "subject_key")
    shared_table("seen_logout_token", rights="SELECT, INSERT, DELETE")


def _person() -> None:
    op.create_table(
        "person",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("auth_version", sa.Integer(), server_default="1", nullable=False),
        _moment("created_at"),
        _moment("last_seen_at"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_person"),
        sa.UniqueConstraint("tenant_id", "issuer", "subject", name="uq_person_subject"),
        sa.CheckConstraint("role IN ('viewer', 'editor', 'admin')", name="ck_person_role"),
    )


def _web_session() -> None:
    op.create_table(
        "web_session",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("person_id", sa.String(40), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("sid_key", sa.String(64)),
        sa.Column("subject_key", sa.String(64), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("auth_version", sa.Integer(), nullable=False),
        sa.Column("auth_time", sa.DateTime(timezone=True)),
        sa.Column("acr", sa.String(200)),
        _moment("created_at"),
        _moment("last_seen_at"),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("ip", sa.String(60)),
        sa.Column("user_agent", sa.String(300)),
        sa.Column("id_token", sa.Text()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_web_session"),
        sa.UniqueConstraint("tenant_id", "token_hash", name="uq_web_session_token"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name="fk_web_session_person",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_web_session_person", "web_session", ["tenant_id", "person_id", "created_at"]
    )
    op.create_index("ix_web_session_sid", "web_session", ["sid_key"])
    op.create_index("ix_web_session_subject", "web_session", ["subject_key"])


def _moment(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def downgrade() -> None:
    for name in ("seen_logout_token", "web_session", "person"):
        op.drop_table(name)
