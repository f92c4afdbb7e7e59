"""Limit a tenant's requests and events per second, over all processes.

A process borrows from the tenant's bucket in PostgreSQL (`lend_rate`), for one second, about as
much as it used in the last one, so most calls are counted in memory. It returns the rest when it
borrows again. It remembers a refusal until the bucket has room. A tenant stays within the limit on
average; a burst may use the amount of two seconds.

While PostgreSQL cannot lend (it is down or read-only), each process applies the limit on its own,
so that reads still work.
"""

import threading
from dataclasses import dataclass
from math import ceil

import structlog
from flask import Flask, current_app
from sqlalchemy import BigInteger, bindparam, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal.core.deadlines import elapsed
from portal.core.errors import QuotaExceeded
from portal.database.session import db
from portal.fast.statements import Statement
from portal.records.quotas.limits import BY_NAME

log = structlog.stdlib.get_logger(__name__)

LIFE = 1.0  # seconds that a loan lasts
SHORTEST = 0.05  # seconds between two requests of a process that was refused
ALONE = 2.0  # seconds that a process counts by itself after PostgreSQL could not lend
PATIENCE = 0.5  # seconds that a call waits for another call's request to PostgreSQL
MOST_HELD = 10_000
TOLD_EVERY = 60.0  # seconds between two log lines about the same limit

LEND = Statement(
    select(text("lent, wait_ms, allowed")).select_from(
        func.lend_rate(
            bindparam("tenant_id"),
            bindparam("name"),
            *(bindparam(name, type_=BigInteger) for name in ("default", "need", "extra", "back")),
        )
    )
)


@dataclass(slots=True, eq=False)
class Loan:
    """Hold a loan that ends at `ends`, or a refusal until `refused_until`."""

    ends: float = 0.0
    left: int = 0
    used: int = 0
    refused_until: float = 0.0
    allowed: int = 0
    is_own: bool = False  # made by the process itself

    def covers_one(self, now: float) -> bool:
        """Tell whether the loan covers one more."""
        return self.refused_until <= now < self.ends and self.left > 0


class Rates:
    """Hold the loans of one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._held: dict[tuple[str, str], Loan] = {}
        self._told: dict[tuple[str, str], float] = {}

    def take(self, tenant_id: str, name: str, many: int = 1) -> None:
        """Count an amount towards a limit. Raises QuotaExceeded; then nothing is counted."""
        key = (tenant_id, name)
        wait = self._taken(key, many)
        if wait is None:
            wait = self._take_in_turn(key, many)
        if wait > 0:
            self.log_reached(*key)
            loan = self._held.get(key)
            allowed = loan.allowed if loan else BY_NAME[name].default
            raise QuotaExceeded(
                f"Your tenant's quota is {BY_NAME[name].amount(allowed)}.",
                quota=name,
                limit=allowed,
                retry_after=max(1, ceil(wait)),
            )

    def took(self, tenant_id: str, *names: str) -> bool:
        """Count one towards each of these limits if loans cover all of them, otherwise nothing.

        This never queries PostgreSQL, so an event loop may call it. `take` reports why it is False.
        """
        now = elapsed()
        with self._lock:
            loans = [self._held.get((tenant_id, name)) for name in names]
            lent = [loan for loan in loans if loan is not None and loan.covers_one(now)]
            if len(lent) < len(names):
                return False
            for loan in lent:
                loan.left -= 1
                loan.used += 1
        return True

    def give_back(self, tenant_id: str, *names: str, many: int = 1) -> None:
        """Undo `took` or `take`, for what is counted again elsewhere or is not done at all."""
        with self._lock:
            for name in names:
                loan = self._held.get((tenant_id, name))
                if loan is not None and loan.used >= many:
                    loan.left += many
                    loan.used -= many

    def forget(self) -> None:
        """Drop all loans and refusals."""
        with self._lock:
            self._held.clear()
            self._told.clear()

    def _taken(self, key: tuple[str, str], many: int) -> float | None:
        """Return the seconds to wait: 0 if the loan covered the amount, None to ask PostgreSQL."""
        now = elapsed()
        with self._lock:
            loan = self._held.get(key)
            if loan is None:
                return None
            if loan.refused_until > now:
                return loan.refused_until - now
            if loan.ends <= now:
                return None
            if loan.left < many:
                return loan.ends - now if loan.is_own else None
            loan.left -= many
            loan.used += many
            return 0.0

    def _take_in_turn(self, key: tuple[str, str], many: int) -> float:
        if not self._asking.acquire(timeout=PATIENCE):
            return 0.0  # PostgreSQL is slow: let the call find that out for itself
        try:
            wait = self._taken(key, many)  # another call may have borrowed meanwhile
            return self._ask(key, many) if wait is None else wait
        finally:
            self._asking.release()

    def _ask(self, key: tuple[str, str], many: int) -> float:
        tenant_id, name = key
        now = elapsed()
        with self._lock:
            held = self._held.pop(key, None) or Loan()
        values = {"tenant_id": tenant_id, "name": name, "default": BY_NAME[name].default}
        # Borrow more when the last loan was used up before its end.
        extra = held.used * 2 if held.ends > now else held.used
        values |= {"need": many, "extra": extra, "back": 0 if held.is_own else held.left}
        try:
            [(lent, wait_ms, allowed)] = LEND.alone(db.engine, {"app.tenant_id": tenant_id}, values)
        except (DBAPIError, PoolTimeout):
            return self._alone(key, many, held.allowed or BY_NAME[name].default, now)
        if wait_ms:
            pause = min(max(wait_ms / 1000, SHORTEST), LIFE)
            self._hold(key, Loan(0.0, 0, held.used, now + pause, allowed))
            return float(wait_ms / 1000)
        self._hold(key, Loan(now + LIFE, lent - many, many, 0.0, allowed))
        return 0.0

    def _alone(self, key: tuple[str, str], many: int, allowed: int, now: float) -> float:
        """Lend this process the whole limit, because PostgreSQL cannot share it out."""
        left = max(0, ceil(allowed * ALONE) - many)
        self._hold(key, Loan(now + ALONE, left, many, 0.0, allowed, is_own=True))
        return 0.0

    def _hold(self, key: tuple[str, str], loan: Loan) -> None:
        with self._lock:
            if len(self._held) >= MOST_HELD:
                self._held.clear()
            self._held[key] = loan

    def log_reached(self, tenant_id: str, name: str) -> None:
        """Log that a tenant reached a quota of any kind, at most once a minute for each."""
        key, now = (tenant_id, name), elapsed()
        with self._lock:
            if now - self._told.get(key, -TOLD_EVERY) < TOLD_EVERY:
                return
            if len(self._told) >= MOST_HELD:
                self._told.clear()
            self._told[key] = now
        log.warning("a tenant has reached a quota", tenant=tenant_id, quota=name)


def init_app(app: Flask) -> None:
    """Create the application's `Rates`."""
    app.extensions["portal.rates"] = Rates()


def known() -> Rates:
    """Return the `Rates` of the running application."""
    return of(current_app)


def of(app: Flask) -> Rates:
    """Return the `Rates` of an application."""
    found: Rates = app.extensions["portal.rates"]
    return found
