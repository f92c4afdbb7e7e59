"""Create tables that are partitioned by day through their ids: a ULID begins with its time.

History: migrations up to 0033 install these texts, which must not change any more. The current text
of each function is in `functions/`.

The id is the partition key. So the primary key stays (tenant_id, id), a row is found by its id in
one partition, and old rows are deleted by dropping a table.
"""

from collections.abc import Sequence

from alembic import op

from portal.migrations.tenancy import APP_ROLE, tenant_table

Parents = Sequence[tuple[str, str]]
"""Pairs of a table and the prefix of its ids."""

EVENTS_AND_DELIVERIES: Parents = (("event", "evt"), ("delivery", "dlv"))

ULID_FLOOR = """
CREATE FUNCTION ulid_floor(prefix text, moment timestamptz) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    rest bigint := floor(extract(epoch FROM moment) * 1000);
    found text := '';
BEGIN
    FOR place IN 1..10 LOOP
        found := substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (rest % 32)::integer + 1, 1) || found;
        rest := rest / 32;
    END LOOP;
    RETURN prefix || '_' || found;
END $$
"""

# The portal's role cannot create or drop tables, so the worker calls these functions of the owner.
ENSURE = """
CREATE OR REPLACE FUNCTION ensure_day_partitions(days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    parent text; prefix text; day date; name text; low text; high text;
    made integer := 0;
BEGIN
    FOR parent, prefix IN VALUES <pairs> LOOP
        FOR step IN -1..least(days, 60) LOOP
            day := (now() AT TIME ZONE 'UTC')::date + step;
            name := parent || '_' || to_char(day, 'YYYYMMDD');
            CONTINUE WHEN to_regclass(name) IS NOT NULL;
            low := ulid_floor(prefix, day::timestamp AT TIME ZONE 'UTC');
            high := ulid_floor(prefix, (day + 1)::timestamp AT TIME ZONE 'UTC');
            BEGIN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    name, parent, low, high);
            EXCEPTION WHEN check_violation OR invalid_object_definition THEN
                -- Rows of that day that came before their partition stay where they are, and a
                -- day that another partition has needs none of its own.
                CONTINUE;
            END;
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
            EXECUTE format(
                'CREATE POLICY tenant ON %I USING (tenant_id = (SELECT current_tenant()))'
                ' WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$
"""
DROP = """
CREATE OR REPLACE FUNCTION drop_day_partitions(keep_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text; dropped integer := 0;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN (<tables>)
        AND c.relname ~ '_[0-9]{8}$'
        AND to_date(right(c.relname, 8), 'YYYYMMDD')
            < (now() AT TIME ZONE 'UTC')::date - greatest(keep_days, 30)
    LOOP
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$
"""
FUNCTIONS = ("ensure_day_partitions(integer)", "drop_day_partitions(integer)")


def partition_functions() -> None:
    """Create the functions with which the worker maintains the daily partitions."""
    op.execute(ULID_FLOOR)
    look_after(EVENTS_AND_DELIVERIES)
    for name in FUNCTIONS:
        lend(name)


def look_after(parents: Parents) -> None:
    """Make the functions maintain these tables, and no others."""
    op.execute(ENSURE.replace("<pairs>", ", ".join(str(pair) for pair in parents)))
    op.execute(DROP.replace("<tables>", ", ".join(f"'{name}'::regclass" for name, _ in parents)))


def lend(function: str) -> None:
    """Allow only the portal's role to call this function of the owner."""
    op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APP_ROLE}")


def rest_partition(parent: str) -> None:
    """Create the default partition for rows outside of the daily partitions.

    They are older than the first day, or later than the last day created.
    """
    op.execute(f"CREATE TABLE {parent}_rest PARTITION OF {parent} DEFAULT")
    tenant_table(f"{parent}_rest", rights=None)


def drop_partition_functions() -> None:
    for name in (*FUNCTIONS, "ulid_floor(text, timestamptz)"):
        op.execute(f"DROP FUNCTION {name}")
