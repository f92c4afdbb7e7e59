"""Detect which workers are alive, and release the deliveries of a dead one.

A worker has a number, and with it one lease for everything that it has in hand: a row that it
renews, and a lock that its session holds. The session ends with the process; a worker that hangs or
is cut off does not renew the row. The other workers notice both, and release its deliveries.
"""

from collections.abc import Callable, Container
from itertools import groupby

import psycopg
import structlog

from portal.core.deadlines import elapsed
from portal.delivery.queue.queue import ENTER, Rows, ask
from portal.fast.pipeline import Ask, Connection
from portal.webhooks.subscriptions import PLACE

log = structlog.stdlib.get_logger(__name__)

ALIVE_SECONDS = 15.0
RENEW_SECONDS = 1.0
GONE_SECONDS = 1.5
"""A session that was missing for so long does not return: its worker has a new one, or is dead."""

BACK_SECONDS = 6.0
"""After an outage of the database: the time in which all workers can connect and renew first. A
worker that has just started had no outage: it may be alone, and others' deliveries wait for it."""

UNHEARD_SECONDS = 3.0
"""A worker whose last renewal is older begins nothing: others may have declared it dead."""

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
# This exclusive lock succeeds only if no session of that worker holds its shared lock.
UNHELD = "pg_try_advisory_xact_lock(hashtext('delivery worker'), number)"
LAPSED = "(alive_until <= now() OR buried_at IS NOT NULL)"
GONE = f"({LAPSED} OR {UNHELD})"
MISSING = f"""
SELECT number, buried_at IS NOT NULL AS is_buried FROM delivery_worker WHERE number <> %(number)s
AND {GONE}
"""  # noqa: S608  constants of this file
# SKIP LOCKED: a locked row means that another worker buries it, or that it is alive and claiming.
# `buried_at` is set even if some of its deliveries cannot be released yet: if it is alive after
# all, it must notice.
BURY = f"""
UPDATE delivery_worker SET buried_at = coalesce(buried_at, now()) WHERE number = (
    SELECT number FROM delivery_worker WHERE number = %s AND {GONE} FOR UPDATE SKIP LOCKED)
RETURNING number
"""  # noqa: S608  constants of this file
HAD = "SELECT * FROM deliveries_of_worker(%s, %s, %s, %s)"
# Back to their place in the queue, and not behind all that wait. If the worker was declared dead by
# mistake, its records are refused: by the state, and after the next claim by the token.
TAKE_BACK = f"""
UPDATE delivery d SET completed_at = d.cancelled_at,
    state = CASE WHEN d.cancelled_at IS NULL THEN 'retrying' ELSE 'cancelled' END,
    due_at = {PLACE}, holder = NULL
WHERE d.tenant_id = %(tenant)s AND d.id = ANY (ARRAY(
    SELECT l.id FROM delivery l WHERE l.tenant_id = %(tenant)s AND l.id = ANY (%(ids)s)
    AND l.state = 'in_flight' AND l.holder = %(worker)s FOR UPDATE SKIP LOCKED))
"""  # noqa: S608  a constant of webhooks
# Skipped while another session has it: a claim that was interrupted still runs, or this worker was
# declared dead.
OWN = "SELECT number FROM delivery_worker WHERE number = %s FOR UPDATE SKIP LOCKED"
FORGET = "DELETE FROM delivery_worker WHERE number = %s"


class Presence:
    """The number and the lease of this worker, and its view of the other workers."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._heard_at = float("-inf")
        self._back_at = float("inf")
        self._missing: dict[int, float] = {}

    @property
    def standing(self) -> int | None:
        """Return the number of this worker while no other can have declared it dead, else None."""
        return self.number if elapsed() - self._heard_at < UNHEARD_SECONDS else None

    @property
    def is_heard(self) -> bool:
        """Tell whether this worker may begin attempts."""
        return self.standing is not None

    async def enter(self, connection: Connection) -> bool:
        """Take the lease for as long as the connection lives; tell whether the number is new."""
        if self.number is not None:
            await connection.execute(LOCK, (self.number,))
        return await self.renew(connection)

    def leave(self) -> None:
        """Begin no more attempts: the connection that showed that this worker is alive was lost."""
        self._heard_at = float("-inf")

    async def end(self, connection: Connection) -> None:
        """Take this worker, which has stopped, off the list, and release what it holds against
        expectation. If that cannot be done now, other workers do it as for a dead one."""
        if self.number is None:
            return
        async with connection.transaction():
            own = await connection.execute(OWN, (self.number,))
            if not await own.fetchall():
                return
            had, back = await _take_back(connection, self.number)
            if back == had:
                await connection.execute(FORGET, (self.number,))

    async def renew(self, connection: Connection) -> bool:
        """Renew the lease. Tell whether this worker has a new number: at its start, or because it
        was declared dead."""
        said_at, is_first = elapsed(), self.number is None
        is_new = not await self._is_known(connection)
        if is_new:
            await self._take_number(connection)
        if not self.is_heard:
            self._back_at = float("-inf") if is_first else elapsed()
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
        """Forget which workers were missing: this worker was disconnected, and they may have been,
        too."""
        self._missing.clear()

    async def recover(self, connection: Connection, in_hand: Callable[[], Container[str]]) -> None:
        """Release deliveries that this worker holds without knowing it: the connection was lost
        together with the answer to a claim. No claim may run at the same time."""
        if self.number is not None:
            async with connection.transaction():
                await _take_back(connection, self.number, in_hand)

    async def look(self, connection: Connection, *also: Ask) -> list[Rows]:
        """Release the deliveries of workers that are dead now. Return the rows of other statements
        that are sent together with the search for them."""
        missing = ask(MISSING, {"number": self.number or 0})
        rows, *others = await connection.send(missing, *also)
        now = elapsed()
        self._missing = {row["number"]: self._missing.get(row["number"], now) for row in rows}
        for row in rows:
            if row["is_buried"] or self._is_gone(row["number"], now):
                await _bury(connection, row["number"])
        return others

    def _is_gone(self, number: int, now: float) -> bool:
        """Tell whether another worker was missing for long enough, while this one was connected."""
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
        # No harm: the leases of the deliveries themselves expire, too.
        log.warning("delivery: not released yet", worker=number, reason=str(error))
        return
    log.warning("delivery: worker is dead", worker=number, taken_back=back)


async def _take_back(
    connection: Connection, number: int, in_hand: Callable[[], Container[str]] = tuple
) -> tuple[int, int]:
    """Release the deliveries that a worker has in flight, except `in_hand`. Return how many it had,
    and how many were released: those that are just being recorded are skipped."""
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
