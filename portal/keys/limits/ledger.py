"""Write the costs of calls, settled or billed later, to the ledger and its counters.

Every line has an id and is written once, so that a caller may retry a request whose response was
lost. Every amount is a decimal number of US dollars.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg.errors import NumericValueOutOfRange, UniqueViolation
from sqlalchemy import func, or_, select, text
from sqlalchemy.exc import DataError, IntegrityError

from portal.core.errors import Conflict, FieldError, NotFound
from portal.core.key_shape import shown
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import session
from portal.events import service as events
from portal.keys.decision.verdict import Budget
from portal.keys.limits.budget_leases import Piece, read_piece
from portal.keys.models import ApiKey
from portal.keys.schemas import SettleReservation, SpendOnKey
from portal.keys.tables import SpendReservation
from portal.records.audit import trail as audit

SETTLE = text(
    "SELECT key_id, repeated, crossed, spent_usd, reserved_usd, max_usd, period_end, cost_usd"
    " FROM settle_reservation(:tenant_id, :id, CAST(:usd AS numeric), CAST(:tokens AS bigint),"
    " :model, 'settled')"
)
SETTLE_PIECE = text(
    "SELECT key_id, repeated, crossed, spent_usd, reserved_usd, max_usd, period_end, cost_usd"
    " FROM settle_piece(:tenant_id, :slice_id, :id, CAST(:held AS numeric),"
    " CAST(:held_tokens AS bigint), CAST(:bucket AS bigint), CAST(:usd AS numeric),"
    " CAST(:tokens AS bigint), :model)"
)
SPEND = text(
    "SELECT CAST(:key_id AS text), repeated, crossed, spent_usd, reserved_usd, max_usd,"
    " period_end, cost_usd FROM spend_on_key(:tenant_id, :id, 'usage', :key_id,"
    " CAST(:usd AS numeric), NULL, NULL, CAST(:tokens AS bigint), :model)"
)
OTHERS = text(
    "SELECT other.key_id, other.percent, other.max_usd FROM api_key AS k, announce_thresholds("
    "k.tenant_id, coalesce(k.rotation_family_id, k.id), NULL) AS other"
    " WHERE k.tenant_id = :tenant_id AND k.id = :key_id"
)
RELEASE = text(
    "SELECT key_id, reservations, usd"
    " FROM release_some(:tenant_id, :family_id, clock_timestamp(), :most, NULL)"
)
RELEASED_AT_ONCE = 2000  # by the worker; calls of the same family wait for it
SYSTEM = "system"
Notice = tuple[str, int, Decimal]
"""Key id, percentage of its budget that is spent, its budget."""
USAGE_ID_IN_USE = FieldError(
    "usage_id", "This id belongs to another key, or to a reservation. Use a new one."
)
RESERVATION_ID_IN_USE = FieldError(
    "id", "The cost of another call was recorded with this id. Record this one as a usage."
)


@dataclass(frozen=True, slots=True)
class Spent:
    """A line of the ledger, and the budget after it."""

    id: str
    key_id: str
    cost_usd: Decimal
    repeated: bool
    budget: Budget

    @property
    def document(self) -> dict[str, Any]:
        """Return the line and the budget in the form that REST shows."""
        return {
            "id": self.id,
            "key_id": self.key_id,
            "cost_usd": self.cost_usd,
            "repeated": self.repeated,
            "budget": self.budget.document,
        }


def settle(actor: Actor, reservation_id: str, command: SettleReservation) -> Spent:
    """Settle a reservation with the cost of the call; the unused part is available again.

    A repetition returns the first result. Raises NotFound if the tenant has no such reservation,
    and Conflict if the ledger has its id for another key or a usage.
    """
    actor.require("keys:verify")
    usd = command.cost_usd
    piece = _piece(actor, reservation_id)
    if piece is not None:
        arguments = {"slice_id": piece.slice_id, "id": piece.id, "held": piece.usd,
                 "held_tokens": piece.tokens, "bucket": piece.bucket, "tokens": command.tokens,
                 "usd": piece.usd if usd is None else usd, "model": command.model}  # fmt: skip
        spent = _spent(actor, SETTLE_PIECE, arguments)
        assert spent is not None  # noqa: S101 - its slice exists
        return spent
    if usd is None:
        held = select(SpendReservation.usd).where(
            SpendReservation.tenant_id == actor.tenant_id,
            SpendReservation.id == reservation_id,
            SpendReservation.secret.is_(None),
        )
        usd = session.scalar(held) or Decimal(0)
    arguments = {"usd": usd, "tokens": command.tokens, "model": command.model}
    spent = _spent(actor, SETTLE, {"id": reservation_id, **arguments})
    if spent is None:
        raise NotFound(f"There is no reservation {shown(reservation_id)} in this tenant.")
    return spent


def _piece(actor: Actor, reservation_id: str) -> Piece | None:
    """Return the piece of a slice that an id names; None for any other reservation, or a forged
    id."""
    piece = read_piece(reservation_id)
    if piece is None:
        return None
    secret = session.scalar(
        select(SpendReservation.secret).where(
            SpendReservation.tenant_id == actor.tenant_id, SpendReservation.id == piece.slice_id
        )
    )
    return piece if secret is not None and piece.is_of(secret) else None


def record_usage(actor: Actor, key_id: str, command: SpendOnKey) -> Spent:
    """Record a cost on a key after the call, once for each id.

    Raises NotFound, and Conflict for an id that belongs to another key or a reservation, and for a
    sum that is too large to be kept.
    """
    actor.require("keys:verify")
    key = find(ApiKey, actor, key_id)
    line = {"id": command.usage_id or new_id("use"), "key_id": key.id}
    arguments = {"usd": command.cost_usd, "tokens": command.tokens, "model": command.model}
    spent = _spent(actor, SPEND, {**line, **arguments})
    assert spent is not None  # noqa: S101 - the SQL function always returns a row
    return spent


def _spent(actor: Actor, statement: Any, values: dict[str, Any]) -> Spent | None:
    try:
        rows = session.execute(statement, {"tenant_id": actor.tenant_id, **values}).all()
    except DataError as error:
        if not isinstance(error.orig, NumericValueOutOfRange):
            raise
        raise Conflict("A key spends less than 1,000,000,000 US dollars in one period.") from error
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        problem = USAGE_ID_IN_USE if statement is SPEND else RESERVATION_ID_IN_USE
        raise Conflict(problem.message, errors=[problem]) from error
    if not rows:
        return None
    key_id, repeated, _, spent_usd, reserved_usd, max_usd, period_end, cost = rows[0]
    notices = [(key_id, row.crossed, max_usd) for row in rows if row.crossed]
    if any(row.crossed == 0 for row in rows):
        others = session.execute(OTHERS, {"tenant_id": actor.tenant_id, "key_id": key_id})
        notices += [tuple(row) for row in others]
    _announce(actor, notices, spent_usd)
    budget = Budget(max_usd, spent_usd, reserved_usd, period_end)
    return Spent(values["id"], key_id, cost, repeated, budget)


def _announce(actor: Actor, notices: Iterable[Notice], spent_usd: Decimal) -> None:
    """Announce which percentages of the budgets of keys are spent, the lowest first."""
    for key_id, percent, max_usd in sorted(notices, key=lambda notice: notice[1]):
        data = {"id": key_id, "percent": percent, "spent_usd": float(spent_usd),
                "max_usd": float(max_usd)}  # fmt: skip
        events.announce(actor, "api_key.budget_threshold", data, subject=key_id)


# ---------------------------------------------------------------- housekeeping


def release_due(tenant_id: str) -> int:
    """Release expired reservations of one family, and write a line to the audit log of each key.

    Return the number of keys; 0 if nothing is due any more.
    """
    actor = Actor(tenant_id, "system", SYSTEM, "Key engine", source_type="system")
    held = SpendReservation
    family_id = session.scalar(
        select(held.family_id)
        .where(held.tenant_id == tenant_id, held.released_at.is_(None))
        .where(held.expires_at <= func.now(), or_(held.secret.is_(None), held.usd > 0))
        .limit(1)
    )
    if family_id is None:
        return 0
    values = {"tenant_id": tenant_id, "family_id": family_id, "most": RELEASED_AT_ONCE}
    released = session.execute(RELEASE, values).all()
    for key_id, count, usd in released:
        if count and (key := session.get(ApiKey, (tenant_id, key_id))):
            changes = {"reserved_usd": (float(usd), 0), "reservations": (count, 0)}
            audit.record(actor, "key.reservations_released", key, changes)
    return len(released)
