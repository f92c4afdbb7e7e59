"""The result of counting a call: whether it is admitted, and the key's limits and budget after
it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.keys.decision.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as a client sees it. `remaining` is None if it is not known.

    `reset_at`: for a refusal, when the call fits; otherwise, when the call no longer counts.
    """

    name: str
    limit: int
    remaining: int | None
    reset_at: datetime | None

    @property
    def document(self) -> dict[str, Any]:
        """Return the limit in the form that REST shows."""
        return {
            "name": self.name,
            "limit": self.limit,
            "remaining": self.remaining,
            "reset_at": self.reset_at,
        }


@dataclass(frozen=True, slots=True)
class Budget:
    """A family's money in its current period, in US dollars."""

    max_usd: Decimal | None
    spent_usd: Decimal
    reserved_usd: Decimal
    period_end: datetime | None

    @property
    def available_usd(self) -> Decimal | None:
        """Return the amount that may still be reserved; None without a maximum."""
        if self.max_usd is None:
            return None
        return max(Decimal(0), self.max_usd - self.spent_usd - self.reserved_usd)

    @property
    def document(self) -> dict[str, Any]:
        """Return the budget in the form that REST shows."""
        return {
            "max_usd": self.max_usd,
            "spent_usd": self.spent_usd,
            "reserved_usd": self.reserved_usd,
            "available_usd": self.available_usd,
            "period_end": self.period_end,
        }


@dataclass(frozen=True, slots=True)
class Admission:
    """The code with which a call is refused, or None; and the state of the meters after it.

    `slot` is the slot in which its requests and tokens were counted.
    """

    refused: str | None = None
    limits: tuple[Limit, ...] = ()
    budget: Budget | None = None
    reservation_id: str | None = None
    uses: int | None = None
    slot: int = 0


FREE = Admission()


def limits_of(
    key: Snapshot,
    requests: int | None,
    tokens: int | None,
    reset: datetime | None,
    uses: int | None = None,
) -> tuple[Limit, ...]:
    """Return each limit that the key has, with what remains of it."""
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
