"""Limit how often an address or an account may sign in, counted in PostgreSQL for all processes.

Each address and each account has an allowance that is used up and refilled evenly (the generic cell
rate algorithm, GCRA). One timestamp in one row is the whole state, and one statement checks and
spends it. The row's key is a keyed digest, so the table contains no addresses or accounts.
"""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from portal.core.config import running
from portal.core.errors import RateLimited
from portal.database.session import delete_some, session, transaction
from portal.identity.models import SignInPace


@dataclass(frozen=True, slots=True)
class Allowance:
    """An allowance of `most` sign-ins at once; one is refilled after each `every`."""

    of: str
    most: int
    every: timedelta
    sentence: str


# A whole office may share one address, and each sign-in makes two requests: start and callback.
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
    """Count one step of a sign-in from this address. Raises RateLimited with the time to wait."""
    _spend(ADDRESS, _network(address))


def spend_of_account(issuer: str, subject: str) -> None:
    """Count one sign-in of this account, from any address. Raises RateLimited."""
    _spend(ACCOUNT, f"{issuer} {subject}")


def forget_rested() -> int:
    """Delete some rows of addresses and accounts that have their full allowance again, and return
    how many."""
    return delete_some(SignInPace, SignInPace.rested_at < func.now())


def _network(address: str) -> str:
    """Return the network to count: a /64 for IPv6, since one caller has all of its addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


def _spend(allowance: Allowance, who: str) -> None:
    # Use a separate transaction, so that the attempt counts even if the request is refused. Count
    # it under every key, so that nobody gets a second allowance while the secret key is replaced.
    key = f"{allowance.of} {who}".encode()
    with transaction():
        wait = max(_wait(allowance, found.hex()) for found in running().secret_key.digests(key))
    if wait:
        raise RateLimited(allowance.sentence, retry_after=wait)


def _wait(allowance: Allowance, digest: str) -> int:
    """Count one sign-in and return 0, or return the seconds until the next is allowed."""
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
