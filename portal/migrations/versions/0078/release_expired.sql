-- Releases the 500 reservations of a family that expired first, like release_some. Returns the amount
-- that is available again in the current period. Only the release before calls it.
-- Locks: those of release_some.
CREATE OR REPLACE FUNCTION release_expired(p_tenant text, p_family text, p_at timestamptz)
RETURNS numeric LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(sum(freed), 0) FROM release_some(p_tenant, p_family, p_at, 500, NULL)
$$;
