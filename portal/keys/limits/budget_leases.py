"""Slices: parts of keys' budgets that are leased to this process.

In PostgreSQL a slice is a reservation like any other; the process reserves pieces of it for calls,
from memory. PostgreSQL lends a slice only if the key is called often and its budget is far from
used up, and only for half a minute; then the unused part goes back. So no budget is ever exceeded,
and near its end every call is decided by PostgreSQL. The keys of a family share a budget: none of
them is lent a slice while more than a quarter of what is not spent is reserved.

A piece has no row. Its id contains its slice and its amount, signed with the secret in the slice's
row, so that any process can settle it.
"""

import hmac
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from struct import Struct

from portal.core.deadlines import elapsed

CAPACITY = 20_000  # keys
PERIOD_SECONDS = 10.0
BUSY = 2  # calls of a key in a period that make a slice worthwhile
PAUSE_SECONDS = 1.0  # until another slice is requested, after none was lent
FEWEST = 4  # calls that a slice must pay for
AT_FIRST = 16  # calls that the first slice is requested for
LEAST = 1_000  # billionths: the smallest slice, also for calls that cost nothing
NEAR_END = 64  # below a 64th of the budget, memory admits no calls of unknown cost
BILLION = 10**9
LARGEST = 1_000_000 * BILLION  # a larger one could overflow the column for amounts


@dataclass(slots=True, eq=False)
class Slice:
    """A part of one key's budget, in billionths of a dollar, and the budget when it was lent.

    `ends` is a time of the clock of Slices. `reserved_usd` includes the whole slice.
    """

    tenant_id: str
    id: str
    secret: bytes
    ends: float
    lent: int
    left: int
    spent_usd: Decimal
    reserved_usd: Decimal
    period_end: datetime | None
    pieces: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class TakenPiece:
    """The piece of a slice that one call took: its ordinal number and its amount."""

    of: Slice
    number: int
    amount: int

    def reservation_id(self, tokens: int, bucket: int) -> str:
        """Return the piece's id. `tokens` is the number counted in the slot `bucket`."""
        held = _HELD.pack(self.number, self.amount, tokens, bucket)
        packed = urlsafe_b64encode(held + _seal(self.of.secret, held))
        return f"{self.of.id}.{packed.decode()}"


@dataclass(frozen=True, slots=True)
class AmpleBudget:
    """Hold a budget that was far from used up when PostgreSQL was queried.

    Calls of unknown cost need no more than that. `ends` is a time of the clock of Slices.
    """

    ends: float
    spent_usd: Decimal
    reserved_usd: Decimal
    period_end: datetime | None


@dataclass(slots=True)
class _Account:
    """Hold how often a key is called, its slice of the budget, and whether money is left."""

    slice: Slice | None = None
    solvent: AmpleBudget | None = None
    period_ends: float = 0.0
    calls: int = 0
    calls_before: int = 0
    next: int = 0
    is_asking: bool = False
    not_before: float = 0.0


Return = tuple[str, str, int]
"""Tenant id, id of the slice, unused billionths."""


class Slices:
    """The slices of this process, by key id. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = elapsed) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._returns: list[Return] = []

    def take(self, key_id: str, amount: int) -> TakenPiece | None:
        """Take this amount of the key's slice. Return None if there is none, or too little of it.

        An amount of 0 takes nothing, but the slice must have something left.
        """
        with self._lock:
            account = self._account(key_id)
            account.calls += 1
            held = account.slice
            if held is None:
                return None
            if held.left < max(amount, 1):
                account.next = 2 * held.lent  # too small: it was used up before its end
                return None
            held.left -= amount
            held.pieces += 1
            return TakenPiece(held, held.pieces, amount)

    def give_back(self, piece: TakenPiece) -> None:
        """Undo a `take`."""
        with self._lock:
            piece.of.left += piece.amount
            if piece.of.is_over and piece.amount:
                self._returns.append((piece.of.tenant_id, piece.of.id, piece.amount))

    def wanted(self, key_id: str, amount: int) -> int:
        """Return the size of the slice to request now.

        It is 0 for a key that is not busy, and while another thread requests one. A caller that
        gets more than 0 must report the result with `lend`.
        """
        with self._lock:
            account = self._account(key_id)
            busy = max(account.calls, account.calls_before) >= BUSY
            if not busy or account.is_asking or self.clock() < account.not_before:
                return 0
            account.is_asking = True
            return min(LARGEST, max(account.next, AT_FIRST * amount, LEAST))

    def lend(self, key_id: str, lent: Slice | None, amount: int = 0) -> TakenPiece | None:
        """Store the slice that was lent in place of the old one, and take the first piece of it.

        If none was lent, request no other one for PAUSE_SECONDS.
        """
        with self._lock:
            account = self._account(key_id)
            account.is_asking = False
            if lent is None:
                account.next = 0
                account.not_before = self.clock() + PAUSE_SECONDS
                return None
            self._end(account)
            account.slice, account.next = lent, lent.lent
            lent.left -= amount
            lent.pieces += 1
            return TakenPiece(lent, lent.pieces, amount)

    def note_solvent(self, key_id: str, solvent: AmpleBudget | None) -> None:
        """Remember that the key's budget is far from used up, or with None that it is not."""
        with self._lock:
            self._account(key_id).solvent = solvent

    def solvent(self, key_id: str) -> AmpleBudget | None:
        """Return the remembered budget that is far from used up, or None.

        This counts as a call, so it also makes the key busier.
        """
        with self._lock:
            self._account(key_id).calls += 1
            return self._ample(key_id)

    def is_ample(self, key_id: str) -> bool:
        """Tell whether the key's budget is known to be far from used up. This is no call."""
        with self._lock:
            return self._ample(key_id) is not None

    def _ample(self, key_id: str) -> AmpleBudget | None:
        account = self._accounts.get(key_id)
        known = None if account is None else account.solvent
        return known if known is not None and self.clock() < known.ends else None

    def end(self, key_ids: Iterable[str]) -> None:
        """Drop everything of these keys: they have changed, or their budget is used up."""
        with self._lock:
            for key_id in key_ids:
                if account := self._accounts.get(key_id):
                    account.solvent = None
                    self._end(account)

    def end_all(self) -> None:
        """Drop everything of all keys."""
        with self._lock:
            for account in self._accounts.values():
                account.solvent = None
                self._end(account)

    def end_due(self) -> None:
        """End the slices whose time is over, also those of keys that are no longer called."""
        with self._lock:
            now = self.clock()
            for account in self._accounts.values():
                if account.slice is not None and account.slice.ends <= now:
                    self._end(account)

    def ended(self) -> list[Return]:
        """Return the unused amounts to give back to PostgreSQL, each of them once."""
        with self._lock:
            returns, self._returns = self._returns, []
            return returns

    def not_returned(self, returns: Iterable[Return]) -> None:
        """Store these amounts for the next attempt: they could not be given back."""
        with self._lock:
            self._returns.extend(returns)

    def _account(self, key_id: str) -> _Account:
        """Return the key's account; end its slice first if the time is over."""
        now = self.clock()
        account = self._accounts.get(key_id)
        if account is None:
            account = self._accounts[key_id] = _Account()
            while len(self._accounts) > CAPACITY:
                self._end(self._accounts.popitem(last=False)[1])
        if now >= account.period_ends:
            recent = now < account.period_ends + PERIOD_SECONDS
            account.calls_before = account.calls if recent else 0
            account.period_ends, account.calls = now + PERIOD_SECONDS, 0
        if account.slice is not None and account.slice.ends <= now:
            self._end(account)
        self._accounts.move_to_end(key_id)
        return account

    def _end(self, account: _Account) -> None:
        ended, account.slice = account.slice, None
        if ended is None:
            return
        ended.is_over = True
        if ended.left:
            self._returns.append((ended.tenant_id, ended.id, ended.left))
        if ended.left > ended.lent // 2:
            account.next = ended.lent // 2


# ---------------------------------------------------------------- pieces

_HELD = Struct(">IQQI")  # number in the slice, billionths, tokens, slot
_SEAL_BYTES = 12


@dataclass(frozen=True, slots=True)
class Piece:
    """The content of a piece's id."""

    id: str
    slice_id: str
    usd: Decimal
    tokens: int
    bucket: int

    def is_of(self, secret: bytes) -> bool:
        """Tell whether it is signed with this secret of a slice."""
        packed = urlsafe_b64decode(self.id.partition(".")[2])
        held, seal = packed[: _HELD.size], packed[_HELD.size :]
        return hmac.compare_digest(seal, _seal(secret, held))


def read_piece(reservation_id: str) -> Piece | None:
    """Return the content of a reservation id if it has the form of a piece's id.

    The signature is not checked yet. Only the spelling that was given out is one: decoding skips
    foreign characters, and each other spelling would be settled as a piece of its own.
    """
    slice_id, dot, packed = reservation_id.partition(".")
    try:
        held = urlsafe_b64decode(packed)
    except (NotBase64, ValueError):
        return None
    is_canonical = urlsafe_b64encode(held) == packed.encode()
    if not (dot and is_canonical) or len(held) != _HELD.size + _SEAL_BYTES:
        return None
    _, amount, tokens, bucket = _HELD.unpack_from(held)
    return Piece(reservation_id, slice_id, Decimal(amount) / BILLION, tokens, bucket)


def _seal(secret: bytes, held: bytes) -> bytes:
    return hmac.digest(secret, held, "sha256")[:_SEAL_BYTES]
