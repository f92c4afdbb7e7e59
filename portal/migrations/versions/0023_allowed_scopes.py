"""0023 allowed scopes: an application says what its keys may do at most, verification obeys it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.key_engine import LOAD_KEY, TRIGGERS

revision, down_revision = "0023", "0022"

# What a key was given, as far as its application allows it now; an empty list allows everything.
NARROWED = """CASE WHEN coalesce(application.allowed_scopes, '[]') = '[]' THEN found.scopes
            ELSE (SELECT coalesce(jsonb_agg(scope), '[]')
                FROM jsonb_array_elements_text(found.scopes) AS scope
                WHERE jsonb_exists(application.allowed_scopes, scope)) END,"""
[(NAME, TRIGGER)] = [one for one in TRIGGERS if one[0].startswith("application_changed")]


def upgrade() -> None:
    op.add_column(
        "application",
        sa.Column("allowed_scopes", postgresql.JSONB(), server_default="[]", nullable=False),
    )
    op.execute(_anew(LOAD_KEY.replace("found.scopes,", NARROWED)))
    op.execute(f"DROP TRIGGER {NAME}")
    op.execute(_with_scopes(TRIGGER))


def downgrade() -> None:
    op.execute(f"DROP TRIGGER {NAME}")
    op.execute(TRIGGER)
    op.execute(_anew(LOAD_KEY))
    op.drop_column("application", "allowed_scopes")


def _anew(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


def _with_scopes(trigger: str) -> str:
    """Return the condition for a change of an application that decides about keys."""
    for row in ("OLD", "NEW"):
        trigger = trigger.replace(f"{row}.is_deleted)", f"{row}.is_deleted, {row}.allowed_scopes)")
    return trigger
