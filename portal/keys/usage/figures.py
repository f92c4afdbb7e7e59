"""Figures about the use of a key: over time, by source, by scope, its money and its related keys.

Each figure is one statement over a bounded number of rows, however much the key is used. They are
the numbers that decide: the windows and the budget that verification itself counts in.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    ScalarSelect,
    Select,
    and_,
    func,
    literal,
    select,
    union,
    union_all,
)

from portal.database.actor import Actor
from portal.database.session import session
from portal.keys.models import ApiKey, ApiKeyRuntime
from portal.keys.tables import KeyBudget, KeyRate, KeyUse, SpendLedger

HOUR = timedelta(hours=1)
RATE_OVER = timedelta(hours=24)  # a forecast is based on this span
MOST_SOURCES = 10_000  # of one key, in all hours
MOST_RELATIVES = 50


# ---------------------------------------------------------------- use over time


@dataclass(frozen=True, slots=True)
class Seen:
    """A source, a scope or a refusal code, with its number of calls and the last of them."""

    what: str
    calls: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """The use of a key in a span: calls and denials by hour, and by source, scope and reason."""

    since: datetime
    until: datetime
    calls: Counter[datetime]
    denials: Counter[datetime]
    sources: Sequence[Seen]
    scopes: Sequence[Seen]
    reasons: Sequence[Seen]

    @property
    def total(self) -> int:
        """Return the number of calls that were let through."""
        return sum(self.calls.values())

    @property
    def denied(self) -> int:
        """Return the number of calls that were refused."""
        return sum(self.denials.values())

    @property
    def without_source(self) -> int:
        """Return the number of calls whose address is not known: a service that introspects a key
        does not name it, one that verifies a key need not, and only so many are kept and read."""
        return max(0, self.total - sum(seen.calls for seen in self.sources))

    @property
    def hours(self) -> list[datetime]:
        """Return every hour of the span, also those without any call."""
        first = self.since.replace(minute=0, second=0, microsecond=0)
        return [first + HOUR * n for n in range(int((self.until - first) / HOUR) + 1)]


def use(actor: Actor, key_id: str, span: timedelta) -> Use:
    """Return the use of one key in the last `span`, by hour."""
    return uses(actor, [key_id], span)[key_id]


def uses(actor: Actor, key_ids: Sequence[str], span: timedelta) -> dict[str, Use]:
    """Return the use of each of these keys in the last `span`, in one statement."""
    until = datetime.now(UTC)
    since = until - span
    parts = [part for key_id in key_ids for part in _counted(actor, key_id, since)]
    rows = session.execute(union_all(*parts)).all()
    return {
        key_id: _gathered([row[1:] for row in rows if row[0] == key_id], since, until)
        for key_id in key_ids
    }


def _counted(actor: Actor, key_id: str, since: datetime) -> Iterator[Select[*tuple[Any, ...]]]:
    """Yield selects of the counters of one key: all of calls, refusals and scopes, which are few in
    an hour, and the last of its sources. A caller may name another source for each call."""
    of_key = (
        select(KeyUse.key_id, KeyUse.hour, KeyUse.aspect, KeyUse.what, KeyUse.calls, KeyUse.last_at)
        .where(KeyUse.tenant_id == actor.tenant_id, KeyUse.key_id == key_id)
        .where(KeyUse.hour >= since - HOUR)
    )
    yield of_key.where(KeyUse.aspect != "source")
    sources = of_key.where(KeyUse.aspect == "source")
    last = sources.order_by(KeyUse.hour.desc(), KeyUse.calls.desc()).limit(MOST_SOURCES).subquery()
    yield select(last)


def _gathered(
    rows: Iterable[tuple[datetime, str, str, int, datetime]], since: datetime, until: datetime
) -> Use:
    calls: Counter[datetime] = Counter()
    denials: Counter[datetime] = Counter()
    named: dict[str, dict[str, Seen]] = {"source": {}, "scope": {}, "denial": {}}
    for hour, aspect, what, number, last_at in rows:
        if aspect == "call":
            calls[hour.astimezone(UTC)] += number
            continue
        if aspect == "denial":
            denials[hour.astimezone(UTC)] += number
        before = named.setdefault(aspect, {}).get(what)
        seen = Seen(what, number, last_at)
        if before is not None:
            seen = Seen(what, number + before.calls, max(last_at, before.last_at))
        named[aspect][what] = seen
    ordered = {
        aspect: sorted(found.values(), key=lambda seen: (-seen.calls, seen.what))
        for aspect, found in named.items()
    }
    return Use(since, until, calls, denials, ordered["source"], ordered["scope"], ordered["denial"])


# ---------------------------------------------------------------- relatives and meters


@dataclass(frozen=True, slots=True)
class Relative:
    """A related key: child, parent, predecessor, successor, or another key of the family."""

    id: str
    name: str
    shown: str
    state: str
    relation: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Gauge:
    """The current state of a limit: how much of it is used."""

    name: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Money:
    """The family's budget in its current period, US dollars. `empty_at` is a forecast."""

    limit: Decimal
    spent: Decimal
    reserved: Decimal
    period_end: datetime | None
    empty_at: datetime | None

    @property
    def available(self) -> Decimal:
        """Return the amount that may still be reserved."""
        return max(Decimal(0), self.limit - self.spent - self.reserved)


@dataclass(frozen=True, slots=True)
class Standing:
    """The related keys of a key, and the current state of its limits and its money."""

    relatives: Sequence[Relative]
    gauges: Sequence[Gauge]
    money: Money | None


def standing(actor: Actor, key: ApiKey) -> Standing:
    """Return the related keys, limits, budget and forecast of a key, in one statement."""
    related: dict[str, Relative] = {}
    window = budget = None
    lately, used, now = Decimal(0), 0, datetime.now(UTC)
    for row in session.execute(_key_and_related(actor, key)):
        if row.id == key.id:
            window, budget = row.KeyRate or window, row.KeyBudget or budget
            lately, used, now = row.lately, row.uses or 0, row.now
        elif row.id not in related or related[row.id].relation == "family":
            shown = f"{row.key_prefix}…{row.last4}"
            related[row.id] = Relative(
                row.id, row.name, shown, row.state, row.relation, row.created_at
            )
    return Standing(
        tuple(related.values()), _gauges(key, window, used, now), _money(key, budget, lately, now)
    )


def _key_and_related(actor: Actor, key: ApiKey) -> Select[Any]:
    """Select the related keys and the key itself, which has the state of its limits beside it."""
    family = key.rotation_family_id or key.id
    here = ApiKey.tenant_id == actor.tenant_id
    found = _related(key, family, here).limit(MOST_RELATIVES).subquery()
    rate = and_(KeyRate.tenant_id == actor.tenant_id, KeyRate.key_id == key.id, ApiKey.id == key.id)
    budget = and_(
        KeyBudget.tenant_id == actor.tenant_id, KeyBudget.family_id == family, ApiKey.id == key.id
    )
    uses = select(ApiKeyRuntime.uses).where(
        ApiKeyRuntime.tenant_id == actor.tenant_id, ApiKeyRuntime.key_id == key.id
    )
    return (
        select(
            found.c.relation, ApiKey.id, ApiKey.name, ApiKey.key_prefix, ApiKey.last4,
            ApiKey.state, ApiKey.created_at, KeyRate, KeyBudget,
            _spent_lately(actor, family, here).label("lately"),
            uses.scalar_subquery().label("uses"), func.now().label("now"),
        )
        .join(ApiKey, and_(here, ApiKey.id == found.c.id))
        .outerjoin(KeyRate, rate)
        .outerjoin(KeyBudget, budget)
        .order_by(ApiKey.id)
    )  # fmt: skip


def _related(key: ApiKey, family: str, here: ColumnElement[bool]) -> CompoundSelect[Any]:
    """Select the ids of the key and of related ones, each with how it is related."""
    ids = [
        select(ApiKey.id, literal("itself").label("relation")).where(here, ApiKey.id == key.id),
        select(ApiKey.id, literal("child")).where(here, ApiKey.parent_key_id == key.id),
        select(ApiKey.id, literal("family")).where(here, ApiKey.rotation_family_id == family),
        select(ApiKey.id, literal("family")).where(here, ApiKey.id == family),
        select(ApiKey.id, literal("successor")).where(here, ApiKey.rotated_from_key_id == key.id),
    ]
    named = {"predecessor": key.rotated_from_key_id, "parent": key.parent_key_id}
    ids += [
        select(ApiKey.id, literal(relation)).where(here, ApiKey.id == other)
        for relation, other in named.items()
        if other
    ]
    return union(*ids)


def _spent_lately(actor: Actor, family: str, here: ColumnElement[bool]) -> ScalarSelect[Decimal]:
    """Select what the family spent lately: the budget is the family's, so its pace is, too.

    Its keys are selected by id, because the ledger has an index on keys.
    """
    keys = union(
        select(ApiKey.id).where(here, ApiKey.id == family),
        select(ApiKey.id).where(here, ApiKey.rotation_family_id == family),
    )
    return (
        select(func.coalesce(func.sum(SpendLedger.cost_usd), 0))
        .where(SpendLedger.tenant_id == actor.tenant_id, SpendLedger.key_id.in_(keys))
        .where(SpendLedger.noted_at > func.now() - RATE_OVER)
        .scalar_subquery()
    )


def _gauges(key: ApiKey, rate: KeyRate | None, used: int, now: datetime) -> list[Gauge]:
    """Return the limits per minute, as of the last 60 seconds, and the maximum of uses."""
    counts = (0, 0) if rate is None else rate.counted_at(now)
    limits = (
        ("Requests per minute", counts[0], key.rpm_limit),
        ("Tokens per minute", counts[1], key.tpm_limit),
        ("Maximum uses", used, key.max_uses),
    )
    return [Gauge(name, number, limit) for name, number, limit in limits if limit is not None]


def _money(key: ApiKey, budget: KeyBudget | None, lately: Decimal, now: datetime) -> Money | None:
    if key.max_budget_usd is None:
        return None
    spent = reserved = Decimal(0)
    end = None
    if budget is not None and (budget.period_end is None or budget.period_end > now):
        spent, reserved, end = budget.spent_usd, budget.reserved_usd, budget.period_end
    left = key.max_budget_usd - spent - reserved
    return Money(key.max_budget_usd, spent, reserved, end, forecast(left, lately, now, end))


def forecast(
    left: Decimal, lately: Decimal, now: datetime, period_end: datetime | None
) -> datetime | None:
    """Return when `left` dollars are used up, at the pace of the last day (`lately`).

    Return None if they last beyond the period, for more than a year, or if nothing was spent.
    """
    if lately <= 0:
        return None
    if left <= 0:
        return now
    seconds = float(left / lately) * RATE_OVER.total_seconds()
    if seconds > 366 * 86_400:
        return None
    at = now + timedelta(seconds=seconds)
    return at if period_end is None or at < period_end else None
