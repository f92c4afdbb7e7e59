"""Stop or change many keys in parts, each in a transaction of its own.

One statement for all of them could take longer than a statement may, and then nothing would be
stopped. The changes of other tenants' keys would wait until its end, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.core.deadlines import elapsed
from portal.core.errors import Conflict
from portal.database import dry_run
from portal.database.session import flush, let_go, session
from portal.database.writability import code_of
from portal.keys.verification import verifier

PART = 1_000  # keys, which take a fraction of a second
LONGEST = 20.0  # seconds for all parts
# A statement or a lock that took too long, and a deadlock.
HELD_UP = frozenset({"57014", "55P03", "40P01"})


@dataclass(frozen=True, slots=True)
class Stopped:
    """The number of keys that were stopped, and of those that there was no time for."""

    count: int
    left: int


def in_parts(
    ids: Sequence[str], stop: Callable[[Sequence[str]], int], most: int | None = None
) -> Stopped:
    """Stop keys in parts until LONGEST is over. `stop` returns how many keys of a part it stopped;
    `most` are in one, or PART.

    For request handlers only: it commits the running transaction after each part, or takes the part
    back in a dry run. A part that is held up, or has a key that cannot be changed now, comes again
    later, in halves. Raises the last error if nothing was stopped.
    """
    ends, size = elapsed() + LONGEST, most or PART
    waiting, stuck, stopped = list(ids), 0, 0
    trouble: DBAPIError | Conflict | None = None
    while waiting:
        part, waiting = waiting[:size], waiting[size:]
        try:
            stopped += _stop(part, stop)
        except (DBAPIError, Conflict) as error:
            if isinstance(error, DBAPIError) and code_of(error) not in HELD_UP:
                raise
            trouble, size = error, max(len(part) // 2, 1)
            if len(part) > 1:
                waiting += part
            else:
                stuck += 1
        if elapsed() >= ends:
            break
    if trouble is not None and not stopped:
        raise trouble
    return Stopped(stopped, len(waiting) + stuck)


def _stop(part: Sequence[str], stop: Callable[[Sequence[str]], int]) -> int:
    # What is held up takes no more back than its part: neither the claim of an Idempotency-Key nor
    # the tenant of the transaction.
    with session.begin_nested() as savepoint:
        stopped = stop(part)
        flush()
        if dry_run.is_on():
            # Kept, its locks would last until the end of all parts. Nothing is numbered either,
            # because the changes of all tenants wait for that.
            savepoint.rollback()
            return stopped
        # Otherwise the changes would be numbered by the commit, which could not be tried again.
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    if stopped:
        verifier.changed(part)  # after the savepoint, whose end would count as the commit
        let_go()
    return stopped
