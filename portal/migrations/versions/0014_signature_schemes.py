"""0014 signature schemes: ed25519, and the styles of others for receivers that verify those."""

from alembic import op

revision, down_revision = "0014", "0013"

SCHEMES = (
    "standard-webhooks",
    "standard-webhooks-ed25519",
    "github",
    "stripe",
    "hmac-sha256-hex",
    "hmac-sha256-base64",
)


def upgrade() -> None:
    op.drop_constraint("ck_webhook_signature_scheme", "webhook")
    op.create_check_constraint(
        op.f("ck_webhook_signature_scheme"), "webhook", f"signature_scheme IN {SCHEMES}"
    )


def downgrade() -> None:
    op.drop_constraint("ck_webhook_signature_scheme", "webhook")
    op.create_check_constraint(
        op.f("ck_webhook_signature_scheme"), "webhook", "signature_scheme = 'standard-webhooks'"
    )
