"""Money that this process was lent of keys' budgets: held in the database, handed on from memory.

A slice is a reservation like any other, only that it is handed on in pieces. Money is lent where a
key is called again and again and the budget is far from its end, and for ten seconds: then what
nobody took goes back. So no budget is ever passed, and near its end each call asks the database.

A piece has no row. Its id says which slice it is of and what it holds, signed with the secret of
the slice's row, so that any process can settle it.
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
BUSY = 2  # calls of a key in a period from which on lending is worth it
PAUSE_SECONDS = 1.0  # until a budget that lent nothing is asked again
FEWEST = 4  # calls that a slice must be good for
AT_FIRST = 16  # calls that the first slice is asked for
LEAST = 1_000  # billionths: the smallest slice, also for calls that cost nothing
NEAR_END = 64  # a budget of which less than this part is left has no calls let through from memory
BILLION = 10**9


@dataclass(slots=True, eq=False)
class Slice:
    """A part of one key's budget, in billionths of a dollar, and the budget when it was lent.

    `ends` is by the slices' clock; `reserved_usd` has the whole slice in it.
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
class Share:
    """A piece of a slice that one call took: its ordinal number, and how much."""

    of: Slice
    number: int
    amount: int

    def reservation_id(self, tokens: int, bucket: int) -> str:
        """Return the piece's id; `tokens` were counted in the slot `bucket`."""
        held = _HELD.pack(self.number, self.amount, tokens, bucket)
        packed = urlsafe_b64encode(held + _seal(self.of.secret, held))
        return f"{self.of.id}.{packed.decode()}"


@dataclass(frozen=True, slots=True)
class Solvent:
    """Hold a budget that was far from its end when the database was asked. Calls whose cost is not
    known need no more than that; `ends` is by the slices' clock."""

    ends: float
    spent_usd: Decimal
    reserved_usd: Decimal
    period_end: datetime | None


@dataclass(slots=True)
class _Account:
    """Hold how often a key is called, its slice of the budget, and whether there is money."""

    slice: Slice | None = None
    solvent: Solvent | None = None
    period_ends: float = 0.0
    calls: int = 0
    calls_before: int = 0
    next: int = 0
    is_asking: bool = False
    not_before: float = 0.0


Return = tuple[str, str, int]
"""Tenant, slice, billionths that nobody took."""


class Slices:
    """Key id → its slice. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = elapsed) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._returns: list[Return] = []
        self._ended_at = float("-inf")

    def take(self, key_id: str, amount: int) -> Share | None:
        """Return this much of the key's slice; None where there is none, or too little.

        An amount of 0 takes nothing, and needs to see that something is there.
        """
        with self._lock:
            account = self._account(key_id)
            account.calls += 1
            held = account.slice
            if held is None:
                return None
            if held.left < max(amount, 1):
                account.next = 2 * held.lent  # it was used up before its end
                return None
            held.left -= amount
            held.pieces += 1
            return Share(held, held.pieces, amount)

    def give_back(self, share: Share) -> None:
        """Undo a `take`."""
        with self._lock:
            share.of.left += share.amount
            if share.of.is_over and share.amount:
                self._returns.append((share.of.tenant_id, share.of.id, share.amount))

    def wanted(self, key_id: str, amount: int) -> int:
        """Return how much to ask the database for, now; 0 for a key that is not busy, and while
        another thread asks. Who gets more than 0 says afterwards with `lend` what came of it."""
        with self._lock:
            account = self._account(key_id)
            busy = max(account.calls, account.calls_before) >= BUSY
            if not busy or account.is_asking or self.clock() < account.not_before:
                return 0
            account.is_asking = True
            return max(account.next, AT_FIRST * amount, LEAST)

    def lend(self, key_id: str, lent: Slice | None, amount: int = 0) -> Share | None:
        """Hold what the database lent, in place of what was held before, and take the first piece
        of it; where it lent nothing, ask no more for a while."""
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
            return Share(lent, lent.pieces, amount)

    def note_solvent(self, key_id: str, solvent: Solvent | None, asked_at: float) -> None:
        """Remember that the key's budget is far from its end, or (None) that it is not.

        What was asked before something ended is not remembered: it may be older than the end.
        """
        with self._lock:
            if asked_at <= self._ended_at:
                solvent = None
            self._account(key_id).solvent = solvent

    def solvent(self, key_id: str) -> Solvent | None:
        """Return what is remembered of a budget that is far from its end. Such a call counts for
        how busy the key is, too."""
        with self._lock:
            account = self._account(key_id)
            account.calls += 1
            known = account.solvent
            return known if known is not None and self.clock() < known.ends else None

    def end(self, key_ids: Iterable[str]) -> None:
        """Hold nothing of these keys any more: they changed, or their budget came to its end."""
        with self._lock:
            self._ended_at = self.clock()
            for key_id in key_ids:
                if account := self._accounts.get(key_id):
                    account.solvent = None
                    self._end(account)

    def end_all(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            self._ended_at = self.clock()
            for account in self._accounts.values():
                account.solvent = None
                self._end(account)

    def end_due(self) -> None:
        """End the slices whose time is over, also of keys that nobody asks for."""
        with self._lock:
            now = self.clock()
            for account in self._accounts.values():
                if account.slice is not None and account.slice.ends <= now:
                    self._end(account)

    def ended(self) -> list[Return]:
        """Return what goes back to the database, told once."""
        with self._lock:
            told, self._returns = self._returns, []
            return told

    def not_returned(self, returns: Iterable[Return]) -> None:
        """Tell these again: they could not be given back."""
        with self._lock:
            self._returns.extend(returns)

    def _account(self, key_id: str) -> _Account:
        """Return the account as it is now: a slice that is over has ended."""
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
    """What the id of a piece says."""

    id: str
    slice_id: str
    usd: Decimal
    tokens: int
    bucket: int

    def is_of(self, secret: bytes) -> bool:
        """Tell whether the slice with this secret made it."""
        packed = urlsafe_b64decode(self.id.partition(".")[2])
        held, seal = packed[: _HELD.size], packed[_HELD.size :]
        return hmac.compare_digest(seal, _seal(secret, held))


def read_piece(reservation_id: str) -> Piece | None:
    """Return what a reservation id says, if it is that of a piece. Not yet that it is true."""
    slice_id, dot, packed = reservation_id.partition(".")
    try:
        held = urlsafe_b64decode(packed)
    except (NotBase64, ValueError):
        return None
    if not dot or len(held) != _HELD.size + _SEAL_BYTES:
        return None
    _, amount, tokens, bucket = _HELD.unpack_from(held)
    return Piece(reservation_id, slice_id, Decimal(amount) / BILLION, tokens, bucket)


def _seal(secret: bytes, held: bytes) -> bytes:
    return hmac.digest(secret, held, "sha256")[:_SEAL_BYTES]
