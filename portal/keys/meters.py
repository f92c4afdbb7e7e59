"""What a call takes of a key's limits and of its money: all of it or nothing.

Requests and tokens of a minute are taken from the process's lease where it has one, and money from
its slice; everything else is one call of the database, whose clock alone says which minute and
which period it is.
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg.errors import UniqueViolation

from portal.db import new_id
from portal.errors import Conflict
from portal.keys.decision import Question
from portal.keys.leases import Leases, Taken
from portal.keys.slices import BILLION, FEWEST, LEND_SECONDS, SOLVENCY, Share, Slice, Slices
from portal.keys.snapshot import Snapshot
from portal.keys.wire import Wire

HOLD_SECONDS = 600  # until a reservation that nobody settled comes back
ADMIT = (
    "SELECT * FROM admit_key(%s, %s, %s, %s, %s, %s, %s::bigint, %s::bigint, %s, %s, %s::numeric,"
    " %s, %s, %s::numeric, %s, %s, %s::bigint, %s)"
)
LEND = (
    "SELECT * FROM lend_budget(%s, %s, %s, %s::numeric, %s, %s, %s::numeric, %s::numeric, %s, %s,"
    " %s, %s)"
)
RETURN = "SELECT return_budget(%s, %s, %s::numeric)"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as a caller sees it; `remaining` is None where it was not asked for."""

    name: str
    limit: int
    remaining: int | None
    reset_at: datetime | None

    @property
    def document(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "name": self.name,
            "limit": self.limit,
            "remaining": self.remaining,
            "reset_at": self.reset_at,
        }


@dataclass(frozen=True, slots=True)
class Budget:
    """A family's money in its running period, US dollars."""

    max_usd: Decimal | None
    spent_usd: Decimal
    reserved_usd: Decimal
    period_end: datetime | None

    @property
    def available_usd(self) -> Decimal | None:
        """What may still be reserved: the number that denies."""
        if self.max_usd is None:
            return None
        return max(Decimal(0), self.max_usd - self.spent_usd - self.reserved_usd)

    @property
    def document(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "max_usd": self.max_usd,
            "spent_usd": self.spent_usd,
            "reserved_usd": self.reserved_usd,
            "available_usd": self.available_usd,
            "period_end": self.period_end,
        }


@dataclass(frozen=True, slots=True)
class Admission:
    """What the meters say: why not, or None; and how they stand after it. `bucket` is the minute
    whose requests and tokens were taken."""

    refused: str | None = None
    limits: tuple[Limit, ...] = ()
    budget: Budget | None = None
    reservation_id: str | None = None
    uses: int | None = None
    bucket: int = 0


FREE = Admission()


@dataclass(frozen=True, slots=True)
class _Answer:
    """A row of the database's `admit_key`."""

    refused: str | None
    bucket: int
    left_ms: int
    requests_used: int
    requests_lent: int
    tokens_used: int
    tokens_lent: int
    uses: int | None
    spent_usd: Decimal | None
    reserved_usd: Decimal | None
    period_end: datetime | None

    @property
    def is_repeated(self) -> bool:
        """Whether the reservation was made before: then nothing was taken of any minute."""
        return self.bucket == 0


@dataclass(frozen=True)
class Meters:
    """The meters of all keys, as this process reads them."""

    wire: Wire
    leases: Leases = field(default_factory=Leases)
    slices: Slices = field(default_factory=Slices)

    def admit(
        self,
        key: Snapshot,
        question: Question,
        reservation_id: str | None = None,
        *,
        money: bool = True,
    ) -> Admission:
        """Take one request, the tokens and the money of a call, or nothing.

        A caller's own `reservation_id` is asked of the database, which knows a repetition.
        `money=False` leaves the budget alone: calls of our own REST cost none. Raises Unavailable
        when the database does not answer (nothing passes uncounted), Conflict for a reservation
        id that belongs to another key.
        """
        money = money and (key.max_budget_usd is not None or question.usd is not None)
        from_slice = money and reservation_id is None and key.max_uses is None
        share = self._share(key, question) if from_slice else None
        if share is None:
            if money and question.usd is not None and reservation_id is None:
                reservation_id = new_id("rsv")
            return self._count(key, question, reservation_id, money)
        try:
            admission = self._count(key, question, None, money=False)
        except BaseException:
            self.slices.give_back(share)
            raise
        if admission.refused is not None:
            self.slices.give_back(share)
        elif question.usd is not None:
            reservation_id = share.reservation_id(question.tokens, admission.bucket)
        budget = _as_lent(key, share.of)
        return replace(admission, budget=budget, reservation_id=reservation_id)

    def return_slices(self, everything: bool = False) -> None:
        """Give the database back what was lent and not needed.

        Raises Unavailable. What may have arrived is not told again: it comes back when it is due.
        """
        if everything:
            self.slices.end_all()
        self.slices.end_due()
        while (back := self.slices.next_return()) is not None:
            tenant_id, slice_id, amount = back
            self.wire.one(RETURN, (tenant_id, slice_id, Decimal(amount) / BILLION))

    def _share(self, key: Snapshot, question: Question) -> Share | None:
        """What the call costs, of the slice; None where the database must be asked."""
        amount = 0 if question.usd is None else int(question.usd * BILLION)
        share = self.slices.take(key.id, amount)
        if share is None and self.wire.waits and (want := self.slices.wanted(key.id, amount)):
            self._borrow(key, amount, want)
            share = self.slices.take(key.id, amount)
        return share

    def _borrow(self, key: Snapshot, amount: int, want: int) -> None:
        lent = None
        try:
            lent = self._lent(key, amount, want)
        finally:
            self.slices.lend(key.id, lent)

    def _lent(self, key: Snapshot, amount: int, want: int) -> Slice | None:
        slice_id, secret = new_id("rsv"), secrets.token_bytes(16)
        asked_at = self.slices.clock()  # before the question: the slice ends too early, never late
        row = self.wire.one(
            LEND,
            (key.tenant_id, key.id, key.family_id, key.max_budget_usd, key.budget_period,
             key.time_zone, Decimal(want) / BILLION,
             Decimal(max(FEWEST * amount, SOLVENCY)) / BILLION, slice_id, secret,
             int(LEND_SECONDS * 1000), HOLD_SECONDS),
        )  # fmt: skip
        if row is None or not row[0]:
            return None
        usd, left_ms, *budget = row
        whole, ends = int(usd * BILLION), asked_at + left_ms / 1000
        return Slice(key.tenant_id, slice_id, secret, ends, whole, whole, *budget)

    def _count(
        self, key: Snapshot, question: Question, reservation_id: str | None, money: bool
    ) -> Admission:
        requests = 0 if key.rpm_limit is None else 1
        tokens = 0 if key.tpm_limit is None else question.tokens
        taken = self.leases.take(key.id, requests, tokens)
        if taken.requests and taken.tokens and key.max_uses is None and not money:
            return self._from_lease(key)
        try:
            answer, ends = self._ask(key, question, requests, tokens, taken, reservation_id, money)
        except BaseException:
            self.leases.give_back(taken, requests, tokens)
            raise
        if answer.refused is not None:
            self.leases.give_back(taken, requests, tokens)
            return self._stands(key, answer, answer.refused)
        if answer.is_repeated:
            self.leases.give_back(taken, requests, tokens)
            return self._stands(key, answer, None, reservation_id)
        if answer.requests_lent or answer.tokens_lent:
            self.leases.lend(
                key.id,
                (answer.bucket, ends),
                (answer.requests_lent, answer.tokens_lent),
                (requests, tokens),
                (answer.requests_used, answer.tokens_used),
            )
        return self._stands(key, answer, None, reservation_id)

    def look(self, key: Snapshot, question: Question) -> Admission:
        """How the meters stand, and whether they would refuse: consumes nothing."""
        tokens = 0 if key.tpm_limit is None else question.tokens
        nothing = Taken(False, False, None)
        answer, _ = self._ask(
            key, question, 0 if key.rpm_limit is None else 1, tokens, nothing, None, dry=True
        )
        return self._stands(key, answer, answer.refused)

    def _ask(
        self,
        key: Snapshot,
        question: Question,
        requests: int,
        tokens: int,
        taken: Taken,
        reservation_id: str | None,
        money: bool = True,
        dry: bool = False,
    ) -> tuple[_Answer, float]:
        want_requests, want_tokens = self.leases.wanted(key.id, tokens)
        asked_at = self.leases.clock()  # before the question: the lease ends too early, never late
        row = self._row(
            key.tenant_id, key.id,
            key.rpm_limit, 0 if taken.requests else requests, want_requests,
            key.tpm_limit, 0 if taken.tokens else tokens, want_tokens,
            key.max_uses, key.family_id, key.max_budget_usd if money else None,
            key.budget_period, key.time_zone,
            question.usd if money else None, reservation_id, HOLD_SECONDS, question.tokens, dry,
        )  # fmt: skip
        answer = _Answer(*row)
        return answer, asked_at + answer.left_ms / 1000

    def _row(self, *parameters: Any) -> tuple[Any, ...]:
        try:
            row = self.wire.one(ADMIT, parameters)
        except UniqueViolation as error:
            raise Conflict("This reservation belongs to another key.") from error
        assert row is not None  # noqa: S101 - the function always gives one
        return row

    def _from_lease(self, key: Snapshot) -> Admission:
        if key.rpm_limit is None and key.tpm_limit is None:
            return FREE
        lease = self.leases.held(key.id)
        if lease is None:
            return Admission(limits=_limits(key, None, None, None))
        reset = datetime.now(UTC) + timedelta(seconds=lease.ends - self.leases.clock())
        used = lease.requests_used - lease.requests, lease.tokens_used - lease.tokens
        return Admission(limits=_limits(key, *used, reset), bucket=lease.bucket)

    def _stands(
        self, key: Snapshot, answer: _Answer, refused: str | None, reservation: str | None = None
    ) -> Admission:
        lease = self.leases.held(key.id)
        spare = (0, 0) if lease is None else (lease.requests, lease.tokens)
        reset = datetime.now(UTC) + timedelta(milliseconds=answer.left_ms)
        used = answer.requests_used - spare[0], answer.tokens_used - spare[1]
        budget = None
        if answer.spent_usd is not None and answer.reserved_usd is not None:
            budget = Budget(
                key.max_budget_usd, answer.spent_usd, answer.reserved_usd, answer.period_end
            )
        limits = _limits(key, *used, reset, answer.uses)
        return Admission(refused, limits, budget, reservation, answer.uses, answer.bucket)


def _as_lent(key: Snapshot, lent: Slice) -> Budget:
    """The budget when the slice was lent, less what is still there of it."""
    reserved = lent.reserved_usd - Decimal(lent.left) / BILLION
    return Budget(key.max_budget_usd, lent.spent_usd, reserved, lent.period_end)


def _limits(
    key: Snapshot,
    requests: int | None,
    tokens: int | None,
    reset: datetime | None,
    uses: int | None = None,
) -> tuple[Limit, ...]:
    """Each limit that the key has, with what is left of it."""
    found = (
        ("rpm", key.rpm_limit, requests, reset),
        ("tpm", key.tpm_limit, tokens, reset),
        ("uses", key.max_uses, uses, None),
    )
    return tuple(
        Limit(name, limit, None if used is None else max(0, limit - used), until)
        for name, limit, used, until in found
        if limit is not None
    )
