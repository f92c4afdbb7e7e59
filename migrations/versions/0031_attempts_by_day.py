"""0031 attempts by day: what was sent and answered is kept by the day, as the deliveries are.

The attempts there are stay in one table, which becomes the partition of all days until tomorrow
and goes when its last day does. It is read once while nobody writes.
"""

from alembic import op

from migrations.partitions import EVENTS_AND_DELIVERIES, look_after, rest_partition
from migrations.tenancy import APP_ROLE, tenant_table

revision, down_revision = "0031", "0030"

TABLE, BEFORE = "delivery_attempt", "delivery_attempt_before"
INDEXES = {
    "webhook": "(tenant_id, webhook_id, id)",
    "delivery": "(tenant_id, delivery_id, number) WHERE delivery_id IS NOT NULL",
}
BY_TIME = "(tenant_id, created_at)"
KEEP_THOSE_THERE_ARE = f"""
DO $$
DECLARE
    after text := ulid_floor('att', date_trunc('day', now(), 'UTC') + interval '2 days');
BEGIN
    -- Attempts of tests have ids of another kind, and there are few.
    INSERT INTO {TABLE}_rest SELECT * FROM {BEFORE} WHERE id NOT LIKE 'att%' OR id >= after;
    DELETE FROM {BEFORE} WHERE id NOT LIKE 'att%' OR id >= after;
    IF NOT EXISTS (SELECT FROM {BEFORE}) THEN
        DROP TABLE {BEFORE};
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE {TABLE} ATTACH PARTITION {BEFORE}'
        ' FOR VALUES FROM (MINVALUE) TO (%L)', after);
    ALTER TABLE {BEFORE} FORCE ROW LEVEL SECURITY;
    REVOKE ALL ON {BEFORE} FROM {APP_ROLE};
    EXECUTE format('ALTER TABLE {BEFORE} RENAME TO %I',
        '{TABLE}_' || to_char((now() AT TIME ZONE 'UTC')::date + 1, 'YYYYMMDD'));
END $$
"""  # noqa: S608  constants of this file
TAKE_BACK = f"INSERT INTO {TABLE} SELECT * FROM {BEFORE}"  # noqa: S608  constants of this file


def upgrade() -> None:
    op.drop_index("ix_delivery_attempt_created", TABLE)
    op.rename_table(TABLE, BEFORE)
    _make_room("_before")
    op.execute(f"CREATE TABLE {TABLE} (LIKE {BEFORE} INCLUDING DEFAULTS) PARTITION BY RANGE (id)")
    _furnish()
    # Only tests are counted by the minute and forgotten by their time: whole days of others go.
    op.execute(
        f"CREATE INDEX ix_delivery_attempt_test ON {TABLE} {BY_TIME} WHERE delivery_id IS NULL"
    )
    rest_partition(TABLE)
    _beyond_the_wall(KEEP_THOSE_THERE_ARE, BEFORE, f"{TABLE}_rest")
    look_after((*EVENTS_AND_DELIVERIES, (TABLE, "att")))
    op.execute("SELECT ensure_day_partitions(14)")


def downgrade() -> None:
    look_after(EVENTS_AND_DELIVERIES)
    op.drop_index("ix_delivery_attempt_test", TABLE)
    op.rename_table(TABLE, BEFORE)
    _make_room("_by_day")
    op.execute(f"CREATE TABLE {TABLE} (LIKE {BEFORE} INCLUDING DEFAULTS)")
    _furnish()
    op.execute(f"CREATE INDEX ix_delivery_attempt_created ON {TABLE} {BY_TIME}")
    _beyond_the_wall(TAKE_BACK, BEFORE, TABLE)
    op.execute(f"DROP TABLE {BEFORE}")


def _furnish() -> None:
    """Keys, indexes, and the tenant's wall."""
    op.execute(
        f"ALTER TABLE {TABLE} ADD CONSTRAINT pk_{TABLE} PRIMARY KEY (tenant_id, id),"
        f" ADD CONSTRAINT fk_{TABLE}_webhook FOREIGN KEY (tenant_id, webhook_id)"
        " REFERENCES webhook (tenant_id, id) ON DELETE CASCADE"
    )
    for name, columns in INDEXES.items():
        op.execute(f"CREATE INDEX ix_{TABLE}_{name} ON {TABLE} {columns}")
    tenant_table(TABLE)


def _make_room(suffix: str) -> None:
    """For the names of what takes the table's place."""
    for name in (f"pk_{TABLE}", f"fk_{TABLE}_webhook"):
        op.execute(f"ALTER TABLE {BEFORE} RENAME CONSTRAINT {name} TO {name}{suffix}")
    for name in INDEXES:
        op.execute(f"ALTER INDEX ix_{TABLE}_{name} RENAME TO ix_{TABLE}_{name}{suffix}")


def _beyond_the_wall(statement: str, *tables: str) -> None:
    """As the owner, who sees rows of tenants only while the wall does not hold for it."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    for table in tables:
        op.execute(f"ALTER TABLE IF EXISTS {table} FORCE ROW LEVEL SECURITY")
