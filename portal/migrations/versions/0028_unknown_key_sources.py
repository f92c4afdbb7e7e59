"""0028 unknown key sources: guesses at keys are counted for all processes together."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import shared_table

revision, down_revision = "0028", "0027"

NOTE_UNKNOWN_KEY = """
CREATE FUNCTION note_unknown_key(p_source text)
RETURNS TABLE (failures integer, seconds_left double precision)
LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    seconds double precision := extract(epoch FROM clock_timestamp());
    running bigint := floor(seconds / 60);
BEGIN
    INSERT INTO unknown_key_source AS s (source, minute, failures) VALUES (p_source, running, 1)
    ON CONFLICT (source) DO UPDATE SET minute = running,
        failures = CASE WHEN s.minute = running THEN s.failures + 1 ELSE 1 END
    RETURNING s.failures INTO failures;
    seconds_left := 60 * (running + 1) - seconds;
    RETURN NEXT;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "unknown_key_source",
        sa.Column("source", sa.String(50), nullable=False),
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_unknown_key_source"),
        prefixes=["UNLOGGED"],
        postgresql_with={"fillfactor": "50"},
    )
    shared_table("unknown_key_source", rights="SELECT, INSERT, UPDATE, DELETE")
    op.execute(NOTE_UNKNOWN_KEY)


def downgrade() -> None:
    op.execute("DROP FUNCTION note_unknown_key")
    op.drop_table("unknown_key_source")
