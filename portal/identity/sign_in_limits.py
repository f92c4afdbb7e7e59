"""How often somebody may sign in, counted for all processes together, in PostgreSQL.

Each address and each account has an allowance that is used up and comes back evenly (the generic
cell rate algorithm): one moment in one row is the whole state, and one statement both asks and
spends. What is kept is a keyed digest, so the table names nobody.
"""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from portal.core.config import running
from portal.core.errors import RateLimited
from portal.database.session import session, transaction
from portal.identity.models import SignInPace


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many sign-ins at once, and after them one each `every`."""

    of: str
    most: int
    every: timedelta
    sentence: str


# Behind one address there may be a whole office, and each sign-in asks twice: to begin, to finish.
ADDRESS = Allowance(
    "address",
    120,
    timedelta(seconds=1),
    "Too many sign-ins were started from your network in a short time. Nothing is wrong with your"
    " account.",
)
ACCOUNT = Allowance(
    "account",
    20,
    timedelta(seconds=30),
    "This account was signed in too often in a short time. If that was not you, tell the admins of"
    " your tenant.",
)


def spend_of_address(address: str) -> None:
    """One step of a sign-in from here. Raises RateLimited, which says when to come back."""
    _spend(ADDRESS, _network(address))


def spend_of_account(issuer: str, subject: str) -> None:
    """One sign-in of this account, wherever it comes from. Raises RateLimited."""
    _spend(ACCOUNT, f"{issuer} {subject}")


def forget_rested() -> None:
    """Delete what has all of its allowance back."""
    session.execute(delete(SignInPace).where(SignInPace.rested_at < func.now()))


def _network(address: str) -> str:
    """Return an IPv6 caller has at least 2^64 addresses: all of them count as one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


def _spend(allowance: Allowance, who: str) -> None:
    # A transaction of its own: what was spent stays spent when the request is refused. Counted
    # under every key, so that nobody gets a second allowance while the secret key is replaced.
    asked = f"{allowance.of} {who}".encode()
    with transaction():
        wait = max(_wait(allowance, found.hex()) for found in running().secret_key.digests(asked))
    if wait:
        raise RateLimited(allowance.sentence, retry_after=wait)


def _wait(allowance: Allowance, digest: str) -> int:
    """Spend one and give 0, or give the seconds until there is one again."""
    later = func.greatest(SignInPace.rested_at, func.now()) + allowance.every
    full = func.now() + allowance.every * allowance.most
    spent = insert(SignInPace).values(digest=digest, rested_at=func.now() + allowance.every)
    spent = spent.on_conflict_do_update(
        index_elements=[SignInPace.digest], set_={"rested_at": later}, where=later <= full
    )
    if session.execute(spent.returning(SignInPace.digest)).first():
        return 0
    wait = func.ceil(func.extract("epoch", later - full))
    return int(session.scalar(select(wait).where(SignInPace.digest == digest)) or 0) or 1
