"""Admit calls against a key's limits and budget. A call gets everything that it needs, or nothing.

A call takes its requests and tokens from the process's lease, if there is one, and its money from
the process's slice of the budget. PostgreSQL decides about whatever memory does not have
(`counting.py`). Only PostgreSQL's clock decides to which slot of the window, and to which budget
period, a call belongs.
"""

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from portal.core.errors import Conflict, FieldError, Unavailable, UnknownOutcome
from portal.database.base import new_id
from portal.keys.decision.clock import Clock
from portal.keys.decision.decision import Question
from portal.keys.decision.lookup_connections import LookupConnections, unavailable
from portal.keys.decision.snapshot import Snapshot
from portal.keys.decision.verdict import FREE, Admission, Budget, Limit, limits_of
from portal.keys.limits.budget_leases import (
    BILLION,
    FEWEST,
    LEAST,
    NEAR_END,
    AmpleBudget,
    Slice,
    Slices,
    TakenPiece,
)
from portal.keys.limits.changes import Changes
from portal.keys.limits.counting import Arguments, BatchCounter, Counted
from portal.keys.limits.given_back import give_back
from portal.keys.limits.window_leases import Lease, Leases, Taken, Unused

WINDOW = timedelta(seconds=60)
REFUSED_SECONDS = 1.0
"""A refusal by a limit is remembered for at most this long: a flood does not reach PostgreSQL."""
IDS_IN_USE = {
    "TAKEN": "This id belongs to a call of another key, or to a usage. Use a new one.",
    "OTHER_AMOUNT": "A call with this id reserved another amount. Use a new id for another call.",
}
"""Refusal of a caller's own id for a reservation → the sentence for it."""
NOT_DONE = (
    "The database gave no answer about the limits of this key, so the request was not done. It may"
    " count towards the limits nevertheless. Try again in a moment."
)
REMEMBERED = frozenset({"RPM_EXCEEDED", "TPM_EXCEEDED", "USES_EXCEEDED"})
MOST_REFUSALS = 20_000
SOLVENT_SECONDS = 10.0
"""Calls of unknown cost trust for at most this long that their budget is far from used up."""
LAST_TRIES = 20  # attempts to return leases and slices, when the process ends


@dataclass(slots=True)
class Call:
    """A call that memory alone cannot admit: what it has taken, and what PostgreSQL must count.

    `lend_usd` is the size of the slice that is requested with it, in billionths of a dollar; 0 for
    none. `reservation_id` is then the slice's id, if one is lent. `asked_at` is a time before the
    key was read: what is lent ends too early rather than too late, and is not kept if the key
    changed since.
    """

    meters: "CallAdmission"
    key: Snapshot
    question: Question
    requests: int
    tokens: int
    taken: Taken
    money: bool
    reservation_id: str | None = None
    dry: bool = False
    piece: TakenPiece | None = None
    lend_usd: int = 0
    secret: bytes = b""
    asked_at: float = 0.0
    is_own: bool = False
    may_have_slice: bool = False
    may_be_counted: bool = False
    has_reserved: bool = False

    def __post_init__(self) -> None:
        self.asked_at = self.asked_at or self.meters.leases.clock()
        # Only PostgreSQL knows a caller's own reservation, and the number of uses.
        self.is_own = self.reservation_id is not None
        asks_alone = self.dry or self.is_own or self.key.max_uses is not None
        self.may_have_slice = self.costs and not asks_alone

    @property
    def costs(self) -> bool:
        """Tell whether money is reserved for the call.

        For a call of unknown cost, it only matters whether the budget has money left.
        """
        return self.money and self.question.usd is not None

    @property
    def amount(self) -> int:
        """Return the cost of the call, in billionths of a dollar; 0 if it is not known."""
        return 0 if self.question.usd is None else int(self.question.usd * BILLION)

    @property
    def held_slot(self) -> int | None:
        """Return the slot in which the lease counted the call's tokens; None if PostgreSQL counts
        them, and 0 if nobody does, so that there is nothing to correct."""
        if self.key.tpm_limit is None:
            return 0
        return self.taken.lease.slot if self.taken.tokens and self.taken.lease else None

    @property
    def lease_of_all(self) -> Lease | None:
        """Return the lease that has all requests and tokens of the call. PostgreSQL then need not
        count them."""
        return self.taken.lease if self.taken.requests and self.taken.tokens else None

    @property
    def arguments(self) -> Arguments:
        """Return the arguments for admit_calls."""
        key = self.key
        arguments: Arguments = {
            "tenant": key.tenant_id, "key": key.id, "family": key.family_id,
            "max_uses": key.max_uses, "held_tokens": self.tokens, "held_slot": self.held_slot,
            "dry": self.dry,
        }  # fmt: skip
        if self.lease_of_all is None:
            arguments |= self._rate()
        if self.money and self.piece is None:
            arguments |= {
                "max_usd": self._max_usd, "period": key.budget_period, "zone": key.time_zone,
                "usd": self.question.usd, "reservation": self.reservation_id,
                "is_own": self.is_own,
            }  # fmt: skip
        if self.lend_usd:
            least = max(FEWEST * self.amount, LEAST)
            arguments |= {
                "lend_usd": Decimal(self.lend_usd) / BILLION,
                "lend_least": Decimal(least) / BILLION,
                "lend_id": self.reservation_id, "lend_secret": self.secret.hex(),
            }  # fmt: skip
        return arguments

    @property
    def _max_usd(self) -> Decimal | None:
        """Return the budget. A call that costs nothing fits into it only while some of it is left,
        like one of unknown cost."""
        most = self.key.max_budget_usd
        return most if most is None or self.question.usd != 0 else most - Decimal(1) / BILLION

    def _rate(self) -> Arguments:
        requests = 0 if self.taken.requests else self.requests
        tokens = 0 if self.taken.tokens else self.tokens
        wanted = (0, 0)
        if not self.dry:
            wanted = self.meters.leases.wanted(self.key.id, requests, tokens)
        return {
            "rpm": self.key.rpm_limit, "requests": requests, "requests_want": wanted[0],
            "tpm": self.key.tpm_limit, "tokens": tokens, "tokens_want": wanted[1],
        }  # fmt: skip

    def repeat(self) -> None:
        """Prepare to be sent again: its answer was lost, so it may have been counted.

        A reservation is then recognized by its id. A slice that was lent comes back when it
        expires; this call reserves only its own amount.
        """
        if self.lend_usd:
            self.meters.slices.lend(self.key.id, None)
            self.lend_usd, self.reservation_id = 0, new_id("rsv")
        elif self.reservation_id is not None:
            self.is_own = True

    def counted(self, row: Counted) -> Admission:
        """Return the result of the count, and store the lease and the slice that were lent.

        Raises Conflict for a reservation id that another call has.
        """
        return self.meters.counted(self, row)

    def failed(self) -> None:
        """Give back what the call has taken from memory."""
        self.meters.undo(self)

    def give_back_money(self, connections: LookupConnections) -> bool:
        """Give back what was reserved for the call, which is refused after it was admitted.

        Its request, tokens and use stay taken. So does a reservation that it only repeated: an
        earlier answer may have promised it. Return False if another transaction holds the budget.
        Raises Unavailable when PostgreSQL does not answer.
        """
        if self.piece is not None:
            self.meters.slices.give_back(self.piece)
        elif self.has_reserved and self.reservation_id is not None:
            return give_back(connections, self.key.tenant_id, self.reservation_id)
        return True


@dataclass(frozen=True)
class CallAdmission:
    """The meters of all keys, as this process reads them."""

    counting: BatchCounter
    clock: Clock
    leases: Leases = field(default_factory=Leases)
    slices: Slices = field(default_factory=Slices)
    changes: Changes = field(default_factory=Changes)
    refusals: dict[str, tuple[float, int, Admission]] = field(default_factory=dict)
    """Key id → until when, and from how many tokens on, calls get this refusal."""

    def admit(
        self,
        key: Snapshot,
        question: Question,
        reservation_id: str | None = None,
        *,
        money: bool = True,
        asked_at: float = 0.0,
    ) -> Admission:
        """Take one request, the tokens and the money of a call, or nothing. See `begin`."""
        begun = self.begin(key, question, reservation_id, money=money, asked_at=asked_at)
        return begun if isinstance(begun, Admission) else self._wait_beforehand(begun)

    def begin(
        self,
        key: Snapshot,
        question: Question,
        reservation_id: str | None = None,
        *,
        money: bool = True,
        asked_at: float = 0.0,
    ) -> Admission | Call:
        """Take one request, the tokens and the money of a call from memory.

        Return the admission, or the call if PostgreSQL must count it. PostgreSQL judges every call
        with a caller's own `reservation_id`, because only it recognizes a repetition. `money=False`
        ignores the budget: calls of the portal's own REST API cost nothing. `asked_at` is the time
        (`elapsed`) before the key was read, if that is known.
        """
        tokens = 0 if key.tpm_limit is None else question.tokens
        if reservation_id is None and (refused := self._remembered(key, tokens)) is not None:
            return refused
        money = money and (key.max_budget_usd is not None or question.usd is not None)
        requests = 0 if key.rpm_limit is None else 1
        taken = self.leases.take(key.id, requests, tokens)
        call = Call(
            self, key, question, requests, tokens, taken, money, reservation_id, asked_at=asked_at
        )
        if call.may_have_slice:
            call.piece = self.slices.take(key.id, call.amount)
        return self._from_memory(call) or self._to_be_counted(call)

    def _from_memory(self, call: Call) -> Admission | None:
        """Return the admission if memory has all that the call takes, otherwise None."""
        if not (call.taken.requests and call.taken.tokens) or call.key.max_uses is not None:
            return None
        if call.piece is not None:
            return self._paid(call, self._from_lease(call.key))
        if not call.money:
            return self._from_lease(call.key)
        solvent = None if call.costs else self.slices.solvent(call.key.id)
        if solvent is None:
            return None
        budget = Budget(
            call.key.max_budget_usd, solvent.spent_usd, solvent.reserved_usd, solvent.period_end
        )
        return replace(self._from_lease(call.key), budget=budget)

    def _to_be_counted(self, call: Call) -> Call:
        """Return the call, with the slice and the reservation to request from PostgreSQL."""
        if call.piece is None and call.may_have_slice:
            call.lend_usd = self.slices.wanted(call.key.id, call.amount)
        if call.lend_usd:
            call.secret = secrets.token_bytes(16)
        if call.money and call.piece is None and call.question.usd is not None:
            call.reservation_id = call.reservation_id or new_id("rsv")
        return call

    def wait(self, call: Call) -> Admission:
        """Count a call in PostgreSQL, and wait for the result.

        No call passes uncounted: raises Unavailable when PostgreSQL cannot be reached, NotSaving
        while it cannot be written, and UnknownOutcome when it does not answer; Conflict for a
        reservation id that another call has.
        """
        admission: Admission = self.counting.count(call)
        return admission

    def _wait_beforehand(self, call: Call) -> Admission:
        """Count a call like `wait`, for an operation that is done only after it.

        Raises Unavailable instead of UnknownOutcome: the operation was not done.
        """
        try:
            return self.wait(call)
        except UnknownOutcome:
            raise unavailable() if call.dry else Unavailable(NOT_DONE) from None

    def look(self, key: Snapshot, question: Question) -> Admission:
        """Return the state of the meters, and whether they would refuse. Consumes nothing."""
        money = key.max_budget_usd is not None or question.usd is not None
        tokens = 0 if key.tpm_limit is None else question.tokens
        nothing = Taken(False, False, None)
        requests = 0 if key.rpm_limit is None else 1
        look = Call(self, key, question, requests, tokens, nothing, money, dry=True)
        return self._wait_beforehand(look)

    def look_at_uses(self, key: Snapshot) -> Admission:
        """Return whether a key has a use left, whatever its other limits say. Consumes nothing."""
        uses = replace(key, rpm_limit=None, tpm_limit=None, max_budget_usd=None)
        return self.look(uses, Question())

    def may_be_used_up(self, key: Snapshot) -> bool:
        """Tell whether only PostgreSQL knows if a key has a use and a part of its budget left."""
        is_ample = key.max_budget_usd is None or self.slices.is_ample(key.id)
        return key.max_uses is not None or not is_ample

    def look_at_uses_and_budget(self, key: Snapshot) -> Admission:
        """Return whether a key has a use and a part of its budget left. Consumes nothing."""
        return self.look(replace(key, rpm_limit=None, tpm_limit=None), Question())

    def forget(self, names: Iterable[str]) -> None:
        """Drop the leases, slices and remembered refusals of these keys.

        Call this when the keys have changed or their budget is used up.
        """
        names = list(names)
        self.changes.note(names)
        self._drop(names)

    def _drop(self, names: Sequence[str]) -> None:
        self.slices.end(names)
        self.leases.end(names)
        for name in names:
            self.refusals.pop(name, None)

    def forget_all(self) -> None:
        """Drop all leases, slices and remembered refusals."""
        self.changes.note_all()
        self.slices.end_all()
        self.leases.end_all()
        self.refusals.clear()

    def return_slices(self, everything: bool = False) -> None:
        """Return unused leases and slices to PostgreSQL; `everything` ends the running ones first.

        Raises the errors of the driver. After one, money is available again when its reservation
        expires, and requests and tokens when their slot has left the window.
        """
        if everything:
            self.forget_all()
        self.slices.end_due()
        for number in range(LAST_TRIES if everything else 1):
            time.sleep(number * 0.01)
            if not self._return_some():
                return

    def _return_some(self) -> int:
        """Return the leases and slices that have ended to PostgreSQL, and give the number that
        failed.

        They fail if another transaction holds their rows, or if their statement took too long, and
        stay for the next attempt.
        """
        unused, money = self._still_counted(self.leases.ended()), self.slices.ended()
        given: list[Arguments] = [
            {"tenant": one.tenant_id, "key": one.key_id, "slot": one.slot,
             "requests": one.requests, "tokens": one.tokens}
            for one in unused
        ]  # fmt: skip
        given += [
            {"tenant": tenant_id, "slice": slice_id, "usd": Decimal(amount) / BILLION}
            for tenant_id, slice_id, amount in money
        ]
        if not given:
            return 0
        done = set(self.counting.return_slices(given))
        left = [n for n in range(len(given)) if n not in done]
        self.leases.not_returned(unused[n] for n in left if n < len(unused))
        self.slices.not_returned(money[n - len(unused)] for n in left if n >= len(unused))
        return len(left)

    def _still_counted(self, unused: list[Unused]) -> list[Unused]:
        """Leave out what a crash of PostgreSQL may have forgotten since it was lent: others have
        been lent the same, so that is what would be taken back."""
        running = self.counting.still_running({one.lender for one in unused}) if unused else ()
        return [one for one in unused if one.lender in running]

    # ------------------------------------------------------------ results of calls

    def undo(self, call: Call) -> None:
        """Give back what a call took from memory.

        The requests and tokens of a call that may be counted stay used: its reservation may exist,
        and a repetition of it takes none.
        """
        if not call.may_be_counted:
            self.leases.give_back(call.key.id, call.taken, call.requests, call.tokens)
        if call.piece is not None:
            self.slices.give_back(call.piece)
        if call.lend_usd:
            self.slices.lend(call.key.id, None)

    def counted(self, call: Call, row: Counted) -> Admission:
        """Return the admission after the count, and store what PostgreSQL lent.

        Raises Conflict for a reservation id that another call has.
        """
        try:
            return self._counted(call, row)
        finally:
            # After it was stored: a change that comes now ends it by itself.
            if self.changes.is_after(call.asked_at, call.key.id):
                self._drop([call.key.id])

    def _counted(self, call: Call, row: Counted) -> Admission:
        self._note_solvent(call, row)
        if row.refused in IDS_IN_USE:
            self.undo(call)
            problem = FieldError("reservation_id", IDS_IN_USE[row.refused])
            raise Conflict(problem.message, errors=[problem])
        if row.refused is not None:
            self.undo(call)
            return self._refused(call, row)
        if call.dry:
            return self._stands(call, row, None)
        if row.slot == 0:  # the reservation existed already, so nothing was taken
            self.undo(call)
            return self._stands(call, row, call.reservation_id)
        if row.requests_lent or row.tokens_lent:
            self._lent(call, row)
        if call.lend_usd:
            self._borrowed(call, row)
        call.has_reserved = call.reservation_id is not None
        admission = self._stands(call, row, call.reservation_id)
        return admission if call.piece is None else self._paid(call, admission)

    def _lent(self, call: Call, row: Counted) -> None:
        lease = Lease(
            call.key.tenant_id, call.asked_at + (row.until_ms or 0) / 1000, row.slot or 0,
            row.requests_lent, row.tokens_lent, row.requests_lent, row.tokens_lent,
            row.requests_used, row.tokens_used, self.counting.lender,
        )  # fmt: skip
        needed = (
            0 if call.taken.requests else call.requests,
            0 if call.taken.tokens else call.tokens,
        )
        self.leases.lend(call.key.id, lease, needed)

    def _borrowed(self, call: Call, row: Counted) -> None:
        """Store the slice that was lent, and take this call's piece of it."""
        if not row.lent_usd:
            self.slices.lend(call.key.id, None)
            return
        assert call.reservation_id is not None  # noqa: S101 - every call that costs has one
        whole = int(row.lent_usd * BILLION)
        lent = Slice(
            call.key.tenant_id, call.reservation_id, call.secret,
            call.asked_at + row.lent_ms / 1000, whole, whole,
            row.spent_usd, row.reserved_usd, row.period_end,
        )  # fmt: skip
        call.piece = self.slices.lend(call.key.id, lent, call.amount)
        call.reservation_id = None

    def _note_solvent(self, call: Call, row: Counted) -> None:
        """Remember whether the budget is far from used up, if the count included it."""
        budget, solvent = _budget(call.key, row), None
        if budget is None or budget.max_usd is None or budget.available_usd is None:
            return
        if budget.available_usd > budget.max_usd / NEAR_END:
            seconds = SOLVENT_SECONDS
            if budget.period_end is not None:
                seconds = min(seconds, (budget.period_end - self.clock.now()).total_seconds())
            solvent = AmpleBudget(
                call.asked_at + seconds, budget.spent_usd, budget.reserved_usd, budget.period_end
            )
        self.slices.note_solvent(call.key.id, solvent)

    def _paid(self, call: Call, admission: Admission) -> Admission:
        """Return the admission of a call that a slice pays for."""
        assert call.piece is not None  # noqa: S101 - called only for those
        reservation_id = None
        if call.question.usd is not None:
            slot = admission.slot if call.held_slot is None else call.held_slot
            reservation_id = call.piece.reservation_id(call.tokens, slot)
        budget = _as_lent(call.key, call.piece.of)
        return replace(admission, budget=budget, reservation_id=reservation_id)

    def _remembered(self, key: Snapshot, tokens: int) -> Admission | None:
        known = self.refusals.get(key.id)
        if known is None:
            return None
        until, from_tokens, admission = known
        if self.leases.clock() >= until:
            self.refusals.pop(key.id, None)
            return None
        return admission if tokens >= from_tokens else None

    def _refused(self, call: Call, row: Counted) -> Admission:
        admission = replace(self._stands(call, row, None), refused=row.refused)
        if row.refused == "BUDGET_EXCEEDED":
            self.slices.end([call.key.id])  # what is left of it may be enough for the next call
        if row.refused in REMEMBERED and not call.dry:
            seconds = REFUSED_SECONDS
            if row.until_ms and row.refused != "USES_EXCEEDED":
                seconds = min(seconds, row.until_ms / 1000)
            if len(self.refusals) >= MOST_REFUSALS:
                self.refusals.clear()
            tokens = call.tokens if row.refused == "TPM_EXCEEDED" else 0
            self.refusals[call.key.id] = (call.asked_at + seconds, tokens, admission)
        return admission

    # ------------------------------------------------------------ state of the meters

    def _from_lease(self, key: Snapshot) -> Admission:
        if key.rpm_limit is None and key.tpm_limit is None:
            return FREE
        lease = self.leases.held(key.id)
        if lease is None:
            return Admission(limits=limits_of(key, None, None, None))
        return Admission(limits=self._limits_of_lease(key, lease), slot=lease.slot)

    def _limits_of_lease(
        self, key: Snapshot, lease: Lease, uses: int | None = None
    ) -> tuple[Limit, ...]:
        reset = self.clock.now() + WINDOW + timedelta(seconds=lease.ends - self.leases.clock())
        used = lease.requests_used - lease.requests, lease.tokens_used - lease.tokens
        return limits_of(key, *used, reset, uses)

    def _stands(self, call: Call, row: Counted, reservation: str | None) -> Admission:
        limits = self._limits_after(call, row)
        return Admission(None, limits, _budget(call.key, row), reservation, row.uses, row.slot or 0)

    def _limits_after(self, call: Call, row: Counted) -> tuple[Limit, ...]:
        if call.lease_of_all is not None:
            return self._limits_of_lease(call.key, call.lease_of_all, row.uses)
        lease = self.leases.held(call.key.id)
        spare = (0, 0) if lease is None else (lease.requests, lease.tokens)
        reset = None
        if row.until_ms is not None:
            reset = self.clock.now() + timedelta(milliseconds=row.until_ms)
            reset = reset if row.refused else reset + WINDOW
        used = row.requests_used - spare[0], row.tokens_used - spare[1]
        return limits_of(call.key, *used, reset, row.uses)


def _budget(key: Snapshot, row: Counted) -> Budget | None:
    """Return the budget as PostgreSQL counted it; None if the call did not need it."""
    if row.spent_usd is None or row.reserved_usd is None:
        return None
    return Budget(key.max_budget_usd, row.spent_usd, row.reserved_usd, row.period_end)


def _as_lent(key: Snapshot, lent: Slice) -> Budget:
    """Return the budget as it was when the slice was lent, without the part that is still
    unused."""
    reserved = lent.reserved_usd - Decimal(lent.left) / BILLION
    return Budget(key.max_budget_usd, lent.spent_usd, reserved, lent.period_end)
