"""Give back the reservation of a call that was counted and then refused.

It is done before the refusal is answered. Otherwise a repetition of the call, which finds its
reservation, would be promised money that is given back afterwards.
"""

from portal.keys.decision.lookup_connections import LookupConnections

ENTER = "SELECT set_config('app.tenant_id', %(tenant)s, true)"
# The budget first, like settle_reservation. It waits for nobody: the caller judges the key again
# before the next attempt.
LOCK = """
SELECT FROM key_budget AS b JOIN spend_reservation AS s
    ON b.tenant_id = s.tenant_id AND b.family_id = s.family_id
WHERE s.tenant_id = %(tenant)s AND s.id = %(id)s FOR UPDATE OF b SKIP LOCKED
"""
# By its id alone: a condition on released_at can make PostgreSQL read all that are not released.
IS_HELD = """
SELECT released_at IS NULL FROM spend_reservation
WHERE tenant_id = %(tenant)s AND id = %(id)s
"""
RELEASE = """
WITH held AS (
    UPDATE spend_reservation SET released_at = clock_timestamp()
    WHERE tenant_id = %(tenant)s AND id = %(id)s RETURNING family_id, period_start, usd
)
UPDATE key_budget AS b SET reserved_usd = b.reserved_usd - held.usd FROM held
WHERE b.tenant_id = %(tenant)s AND b.family_id = held.family_id
    AND b.period_start = held.period_start
"""
# The id is unknown again, unless it has expired before: that call may still be settled.
FORGET = """
DELETE FROM spend_reservation AS s
WHERE s.tenant_id = %(tenant)s AND s.id = %(id)s AND NOT EXISTS (
    SELECT FROM spend_ledger AS l WHERE l.tenant_id = s.tenant_id AND l.id = s.id || '/expired')
"""


def give_back(connections: LookupConnections, tenant_id: str, reservation_id: str) -> bool:
    """Give back a reservation. Return False if another transaction holds its budget.

    Raises Unavailable when PostgreSQL does not answer.
    """
    one = {"tenant": tenant_id, "id": reservation_id}
    with connections.transaction() as cursor:
        cursor.execute(ENTER, one)
        is_free = cursor.execute(LOCK, one).fetchone() is not None
        held = cursor.execute(IS_HELD, one).fetchone()
        if held is None or not held[0]:
            return True
        if is_free:
            cursor.execute(RELEASE, one)
            cursor.execute(FORGET, one)
        return is_free
