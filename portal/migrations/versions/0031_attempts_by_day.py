"""0031 attempts by day: what was sent and answered is kept by the day, as the deliveries are.

The attempts there are stay in their table, which becomes the partition of all days until tomorrow
and goes when its last day does. Nobody waits while it is read:

1. The table becomes a child (by inheritance) of one that takes its name and what is written from
   then on. Whoever reads that one sees both.
2. Tests have ids of another kind, which no day takes: they move to a second child, in batches.
3. The rest is proved to be of the days until tomorrow, and gets the index that it lacks.
4. The table that is kept by the day is built, empty. Then it takes over the name and the children.

Each step sees whether it was done, so a migration that was killed goes on where it was.
"""

from datetime import date, timedelta

from alembic import op

from portal.migrations import live
from portal.migrations.partitions import EVENTS_AND_DELIVERIES, look_after
from portal.migrations.tenancy import ALL_RIGHTS, APP_ROLE, tenant_table

revision, down_revision = "0031", "0030"

TABLE, BEFORE, REST = "delivery_attempt", "delivery_attempt_before", "delivery_attempt_rest"
BY_DAY = "delivery_attempt_by_day"
INDEXES = {
    "webhook": "(tenant_id, webhook_id, id)",
    "delivery": "(tenant_id, delivery_id, number) WHERE delivery_id IS NOT NULL",
}
BY_TIME = "(tenant_id, created_at)"
# Only tests are counted by the minute and forgotten by their time: whole days of others go.
OF_TESTS = f"{BY_TIME} WHERE delivery_id IS NULL"
KEY = "PRIMARY KEY (tenant_id, id)"
WEBHOOK = (
    f"CONSTRAINT fk_{TABLE}_webhook FOREIGN KEY (tenant_id, webhook_id)"
    " REFERENCES webhook (tenant_id, id) ON DELETE CASCADE"
)
# After every id that begins with att_, and before the dlv_ of tests.
NO_DAY = "atu"
DAYS_AHEAD = 14
# So many rows are copied while everybody waits; what is more has moved before.
FEW = 1000
TAKE_BACK = f"INSERT INTO {TABLE} SELECT * FROM {BEFORE}"  # noqa: S608  constants of this file


def upgrade() -> None:
    with live.in_steps():
        if not live.exists(BEFORE):
            _set_aside()
        [[tomorrow]] = live.run("SELECT (now() AT TIME ZONE 'UTC')::date + 1")
        after = _first_id(tomorrow + timedelta(1))
        live.move(BEFORE, REST, f"id >= '{NO_DAY}'")
        live.move(BEFORE, TABLE, f"id >= '{after}'")
        _prove(f"until_{tomorrow:%Y%m%d}", f"id < '{after}'")
        live.index(f"ix_{TABLE}_test_before", f"{BEFORE} {OF_TESTS}")
        is_kept = _count(BEFORE, 1) > 0 or _count(TABLE, FEW + 1) > FEW
        _build(tomorrow - timedelta(2), tomorrow + timedelta(DAYS_AHEAD), after if is_kept else "")
        live.move(TABLE, REST, f"id >= '{NO_DAY}'")
        if is_kept and _count(TABLE, FEW + 1) > FEW:
            live.move(TABLE, BEFORE, f"id < '{after}'")
    _take_over(after if is_kept else "", tomorrow)


def _set_aside() -> None:
    with live.transaction(TABLE, "webhook"):
        op.rename_table(TABLE, BEFORE)
        _make_room("_before")
        for table, rights in ((TABLE, ALL_RIGHTS), (REST, None)):
            op.execute(f"CREATE TABLE {table} (LIKE {BEFORE} INCLUDING DEFAULTS)")
            op.execute(f"ALTER TABLE {table} ADD {KEY}, ADD {WEBHOOK}")
            for columns in (*INDEXES.values(), OF_TESTS):
                op.execute(f"CREATE INDEX ON {table} {columns}")
            tenant_table(table, rights=rights)
        op.execute(f"ALTER TABLE {REST} ADD CONSTRAINT no_day CHECK (id >= '{NO_DAY}')")
        op.execute(f"ALTER TABLE {BEFORE} INHERIT {TABLE}")
        op.execute(f"ALTER TABLE {REST} INHERIT {TABLE}")
        # The owner sees rows of tenants only while the wall does not hold for it.
        for table in (TABLE, BEFORE, REST):
            op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")


def _prove(name: str, condition: str) -> None:
    """Have a constraint from which PostgreSQL knows that every row fits into the partition.

    That of a run on an earlier day goes: rows which came since then could not move here.
    """
    proofs = _proofs()
    changes = [f"DROP CONSTRAINT {proof}" for proof in proofs if proof != name]
    if name not in proofs:
        changes.append(f"ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
    if changes:
        with live.transaction(BEFORE):
            live.run(f"ALTER TABLE {BEFORE} {', '.join(changes)}")
    live.run(f"ALTER TABLE {BEFORE} VALIDATE CONSTRAINT {name}")


def _proofs() -> list[str]:
    named = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND conname LIKE %s"
    return [name for (name,) in live.run(named, BEFORE, "until%")]


def _build(first: date, last: date, after: str) -> None:
    """Make the table by day anew, which nobody uses yet; no day before `after`."""
    with live.transaction("webhook", mode="SHARE ROW EXCLUSIVE"):
        op.execute(f"DROP TABLE IF EXISTS {BY_DAY}")
        op.execute(
            f"CREATE TABLE {BY_DAY} (LIKE {BEFORE} INCLUDING DEFAULTS) PARTITION BY RANGE (id)"
        )
        _furnish(BY_DAY)
        op.execute(f"CREATE INDEX ix_{TABLE}_test ON {BY_DAY} {OF_TESTS}")
        op.execute(f"ALTER TABLE {BY_DAY} NO FORCE ROW LEVEL SECURITY")
        for day in (first + timedelta(n) for n in range((last - first).days)):
            low, high = _first_id(day), _first_id(day + timedelta(1))
            if low >= after:
                name = f"{TABLE}_{day:%Y%m%d}"
                op.execute(
                    f"CREATE TABLE {name} PARTITION OF {BY_DAY}"
                    f" FOR VALUES FROM ('{low}') TO ('{high}')"
                )
                tenant_table(name, rights=None)


def _take_over(after: str, tomorrow: date) -> None:
    """Let the table by day take the name, the children and what came meanwhile."""
    live.lock(TABLE, BEFORE, REST, "webhook")
    if _count(TABLE, 2 * FEW + 1) > 2 * FEW:
        live.try_again()
    for child in (BEFORE, REST):
        op.execute(f"ALTER TABLE {child} NO INHERIT {TABLE}")
    op.execute(f"ALTER TABLE {BY_DAY} ATTACH PARTITION {REST} DEFAULT")
    op.execute(f"ALTER TABLE {REST} DROP CONSTRAINT no_day")
    op.execute(f"ALTER TABLE {REST} FORCE ROW LEVEL SECURITY")
    if after:
        _attach(after, tomorrow)
    else:
        op.drop_table(BEFORE)
    op.execute(f"INSERT INTO {BY_DAY} SELECT * FROM {TABLE} ON CONFLICT DO NOTHING")  # noqa: S608
    op.drop_table(TABLE)
    op.rename_table(BY_DAY, TABLE)
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    look_after((*EVENTS_AND_DELIVERIES, (TABLE, "att")))


def _attach(after: str, tomorrow: date) -> None:
    op.drop_index(f"ix_{TABLE}_created", BEFORE)
    op.execute(
        f"ALTER TABLE {BY_DAY} ATTACH PARTITION {BEFORE} FOR VALUES FROM (MINVALUE) TO ('{after}')"
    )
    for proof in _proofs():
        op.execute(f"ALTER TABLE {BEFORE} DROP CONSTRAINT {proof}")
    op.execute(f"ALTER TABLE {BEFORE} FORCE ROW LEVEL SECURITY")
    op.execute(f"REVOKE ALL ON {BEFORE} FROM {APP_ROLE}")
    op.rename_table(BEFORE, f"{TABLE}_{tomorrow:%Y%m%d}")
    for index in (f"pk_{TABLE}", *(f"ix_{TABLE}_{index}" for index in (*INDEXES, "test"))):
        op.execute(f"ALTER INDEX {index}_before RENAME TO {index}_{tomorrow:%Y%m%d}")


def downgrade() -> None:
    look_after(EVENTS_AND_DELIVERIES)
    op.drop_index(f"ix_{TABLE}_test", TABLE)
    op.rename_table(TABLE, BEFORE)
    _make_room("_by_day")
    op.execute(f"CREATE TABLE {TABLE} (LIKE {BEFORE} INCLUDING DEFAULTS)")
    _furnish(TABLE)
    op.execute(f"CREATE INDEX ix_{TABLE}_created ON {TABLE} {BY_TIME}")
    for table in (BEFORE, TABLE):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(TAKE_BACK)
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(f"DROP TABLE {BEFORE}")


def _furnish(table: str) -> None:
    """Keys, indexes, and the tenant's wall."""
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{TABLE} {KEY}, ADD {WEBHOOK}")
    for name, columns in INDEXES.items():
        op.execute(f"CREATE INDEX ix_{TABLE}_{name} ON {table} {columns}")
    tenant_table(table)


def _make_room(suffix: str) -> None:
    """For the names of what takes the table's place."""
    for name in (f"pk_{TABLE}", f"fk_{TABLE}_webhook"):
        op.execute(f"ALTER TABLE {BEFORE} RENAME CONSTRAINT {name} TO {name}{suffix}")
    for name in INDEXES:
        op.execute(f"ALTER INDEX ix_{TABLE}_{name} RENAME TO ix_{TABLE}_{name}{suffix}")


def _first_id(day: date) -> str:
    [[low]] = live.run("SELECT ulid_floor('att', %s::timestamp AT TIME ZONE 'UTC')", day)
    return str(low)


def _count(table: str, at_most: int) -> int:
    """Count the rows of the table itself, and no further than that."""
    some = f"SELECT FROM ONLY {table} LIMIT {at_most}"
    [[count]] = live.run(f"SELECT count(*) FROM ({some}) AS found")  # noqa: S608  the same
    return int(count)
