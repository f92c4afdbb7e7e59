"""Know which workers there are, and take back the deliveries of one that is gone.

A worker has a number, and with it one lease for everything that it has in hand: a row that it
renews, and a lock that its session holds. Its session is gone with its process; a worker that
hangs or is cut off renews nothing. The others see either, and take back what it had.
"""

from collections.abc import Callable, Container
from itertools import groupby

import psycopg
import structlog

from portal.core.deadlines import elapsed
from portal.delivery.queue.queue import ENTER
from portal.fast.pipeline import Connection

log = structlog.stdlib.get_logger(__name__)

ALIVE_SECONDS = 15.0
RENEW_SECONDS = 1.0
GONE_SECONDS = 1.5
"""A session that is gone for so long will not come back: a worker that lost it has a new one."""

BACK_SECONDS = 6.0
"""Let all workers connect and renew first, when the database was away from all of them."""

UNHEARD_SECONDS = 3.0
"""A worker whose last renewal is older begins nothing: others may have taken it for gone."""

AT_ONCE = 500  # endpoints

NEW = """
INSERT INTO delivery_worker (alive_until) VALUES (now() + make_interval(secs => %s))
RETURNING number
"""
LOCK = "SELECT pg_advisory_lock_shared(hashtext('delivery worker'), %s)"
UNLOCK = "SELECT pg_advisory_unlock_shared(hashtext('delivery worker'), %s)"
RENEW = """
UPDATE delivery_worker SET alive_until = now() + make_interval(secs => %s)
WHERE number = %s AND buried_at IS NULL RETURNING number
"""
# Whoever gets a worker's lock for itself alone knows that no session of that worker holds it.
UNHELD = "pg_try_advisory_xact_lock(hashtext('delivery worker'), number)"
LAPSED = "(alive_until <= now() OR buried_at IS NOT NULL)"
GONE = f"({LAPSED} OR {UNHELD})"
MISSING = f"""
SELECT number, buried_at IS NOT NULL AS is_buried FROM delivery_worker WHERE number <> %s AND {GONE}
"""  # noqa: S608  constants of this file
# Nobody waits here: another worker buries it, or it is just claiming something, so it lives.
# It may have to be left with some of what it had: it is to learn of it all the same.
BURY = f"""
UPDATE delivery_worker SET buried_at = coalesce(buried_at, now()) WHERE number = (
    SELECT number FROM delivery_worker WHERE number = %s AND {GONE} FOR UPDATE SKIP LOCKED)
RETURNING number
"""  # noqa: S608  constants of this file
HAD = "SELECT * FROM deliveries_of_worker(%s, %s, %s, %s)"
# To where they were in the queue, and not behind all that waits. Their tokens stay: what a worker
# that was only taken for gone still says of them is refused.
TAKE_BACK = """
UPDATE delivery d SET state = 'retrying', due_at = d.created_at, holder = NULL
WHERE d.tenant_id = %(tenant)s AND d.id = ANY (ARRAY(
    SELECT l.id FROM delivery l WHERE l.tenant_id = %(tenant)s AND l.id = ANY (%(ids)s)
    AND l.state = 'in_flight' AND l.holder = %(worker)s FOR UPDATE SKIP LOCKED))
"""
FORGET = "DELETE FROM delivery_worker WHERE number = %s"


class Presence:
    """Hold this worker's number and lease, and what it knows of the others."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._heard_at = float("-inf")
        self._back_at = float("inf")
        self._missing: dict[int, float] = {}

    @property
    def standing(self) -> int | None:
        """Return the number, while the others know for certain that this worker is there."""
        return self.number if elapsed() - self._heard_at < UNHEARD_SECONDS else None

    @property
    def is_heard(self) -> bool:
        """Tell whether this worker may begin anything."""
        return self.standing is not None

    async def enter(self, connection: Connection) -> bool:
        """Hold the lease for as long as the connection lives; tell whether it is a new one."""
        if self.number is not None:
            await connection.execute(LOCK, (self.number,))
        return await self.renew(connection)

    def leave(self) -> None:
        """Begin nothing more: the connection that showed that we are there is gone."""
        self._heard_at = float("-inf")

    async def renew(self, connection: Connection) -> bool:
        """Renew the lease. Tell whether this worker was taken for gone and has a new number."""
        said_at = elapsed()
        is_new = not await self._is_known(connection)
        if is_new:
            await self._take_number(connection)
        if not self.is_heard:
            self._back_at = elapsed()
        self._heard_at = said_at
        return is_new

    async def _is_known(self, connection: Connection) -> bool:
        if self.number is None:
            return False
        rows = await connection.execute(RENEW, (ALIVE_SECONDS, self.number))
        return bool(await rows.fetchall())

    async def _take_number(self, connection: Connection) -> None:
        if self.number is not None:
            log.warning("delivery: taken for gone", worker=self.number)
            await connection.execute(UNLOCK, (self.number,))
            self.number = None
        [row] = await (await connection.execute(NEW, (ALIVE_SECONDS,))).fetchall()
        await connection.execute(LOCK, (row["number"],))
        self.number = row["number"]

    def forget_others(self) -> None:
        """Forget who was missing: this worker was away itself, and they may have been, too."""
        self._missing.clear()

    async def recover(self, connection: Connection, in_hand: Callable[[], Container[str]]) -> None:
        """Take back what this worker has and never heard of: the connection was lost with the
        answer to a claim. Nothing may be claimed meanwhile."""
        if self.number is not None:
            async with connection.transaction():
                await _take_back(connection, self.number, in_hand)

    async def look(self, connection: Connection) -> None:
        """Take back what workers had that are gone now."""
        rows = await (await connection.execute(MISSING, (self.number or 0,))).fetchall()
        now = elapsed()
        self._missing = {row["number"]: self._missing.get(row["number"], now) for row in rows}
        for row in rows:
            if row["is_buried"] or self._is_gone(row["number"], now):
                await _bury(connection, row["number"])

    def _is_gone(self, number: int, now: float) -> bool:
        """Tell whether this worker was there itself, for long enough, while that one was not."""
        since = max(self._missing[number] + GONE_SECONDS, self._back_at + BACK_SECONDS)
        return self.is_heard and now >= since


async def _bury(connection: Connection, number: int) -> None:
    try:
        async with connection.transaction():
            rows = await connection.execute(BURY, (number,))
            if not await rows.fetchall():
                return
            had, back = await _take_back(connection, number)
            if back == had:
                await connection.execute(FORGET, (number,))
    except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
        # The leases of the deliveries themselves run out, too.
        log.warning("delivery: not taken back", worker=number, reason=str(error))
        return
    log.warning("delivery: worker gone", worker=number, taken_back=back)


async def _take_back(
    connection: Connection, number: int, in_hand: Callable[[], Container[str]] = tuple
) -> tuple[int, int]:
    """Put back what a worker has in flight, except `in_hand`. Return how many it had, and how many
    of them wait again: what is being recorded is left."""
    had, back, place = 0, 0, ("", "")
    while True:
        rows = await connection.execute(HAD, (number, *place, AT_ONCE))
        endpoints, known = await rows.fetchall(), in_hand()
        for tenant_id, group in groupby(endpoints, lambda row: row["tenant_id"]):
            ids = [id for row in group for id in row["ids"] if id not in known]
            if not ids:
                continue
            had += len(ids)
            await connection.execute(ENTER, {"tenant": tenant_id})
            values = {"tenant": tenant_id, "ids": ids, "worker": number}
            back += (await connection.execute(TAKE_BACK, values)).rowcount
        if len(endpoints) < AT_ONCE:
            return had, back
        place = endpoints[-1]["tenant_id"], endpoints[-1]["webhook_id"]
