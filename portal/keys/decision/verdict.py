"""Say whether a call is let through, and how the key's limits and its budget stand after it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.keys.decision.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as a caller sees it; `remaining` is None where it was not asked for.

    `reset_at`: for a refusal, when the call fits; else, when all that is counted now is free again.
    """

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
        """Return what may still be reserved: the number that denies."""
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
    """Why a call is refused, or None; and how the meters stand after it.

    `slot` is the one in which its requests and tokens were counted.
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
    """Return each limit that the key has, with what is left of it."""
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
