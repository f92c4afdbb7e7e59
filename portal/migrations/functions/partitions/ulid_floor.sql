-- Returns the lowest id with this prefix that a ULID of this moment can have: `dlv_01K…` up to the
-- milliseconds. Lets a table be partitioned by time through its ids.
-- Locks: none.
CREATE OR REPLACE FUNCTION ulid_floor(prefix text, moment timestamptz) RETURNS text
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
END $$;
