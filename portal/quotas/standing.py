"""A tenant's use of each of its quotas, for the page and for REST."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Literal

from sqlalchemy import func, select

from portal.database.actor import Actor
from portal.database.session import database_now, session
from portal.records.quotas.limits import QUOTAS, RATES, RECORDS, STORED, Quota
from portal.records.quotas.models import QuotaCount, QuotaRate, Stored, TenantQuota

NEAR = 0.8
LATELY = timedelta(minutes=5)

State = Literal["room", "near", "reached", "unknown"]
WORDS: dict[State, tuple[str, str]] = {
    "room": ("ok", "has room"),
    "near": ("degraded", "near the limit"),
    "reached": ("refused", "at the limit"),
    "unknown": ("unknown", "not counted yet"),
}
REFUSED = "refused some lately"  # even if the last minute's average is below the limit


@dataclass(frozen=True, slots=True)
class Standing:
    """The use of one quota.

    `used` is None before the first count; `counted_at` is None when the count is exact now.
    """

    quota: Quota
    used: int | None
    limit: int
    counted_at: datetime | None = None
    refused_at: datetime | None = None

    @property
    def name(self) -> str:
        """Return the quota's name in REST."""
        return self.quota.name

    @property
    def words(self) -> str:
        """Return the state in words."""
        return REFUSED if self.refused_at is not None else WORDS[self.state][1]

    @property
    def tone(self) -> str:
        """Return the status word that selects the colour and icon."""
        return WORDS[self.state][0]

    @property
    def numbers(self) -> str:
        """Return the use and the limit as text."""
        say = _bytes if self.quota is STORED else "{:,}".format
        return f"{'?' if self.used is None else say(self.used)} of {say(self.limit)}"

    @property
    def counted(self) -> str:
        """Return how the number was determined. The page shows `counted_at` after it, if set."""
        if self.used is None:
            return "The worker counts it soon."
        if self.quota in RATES:
            return "Average of the minute that ended"
        return "Estimated" if self.quota is STORED else "Exact now"

    @property
    def advice(self) -> str:
        """Return advice for a quota at or near its limit; else an empty text."""
        return self.quota.room if self.state in ("near", "reached") else ""

    @property
    def state(self) -> State:
        """Return the state. A recent refusal counts as reached."""
        if self.used is None:
            return "unknown"
        if self.used >= self.limit or self.refused_at is not None:
            return "reached"
        return "near" if self.used >= NEAR * self.limit else "room"


def _bytes(number: int) -> str:
    """Return a readable size: `48.8 GiB`."""
    size, units = float(number), iter(("KiB", "MiB", "GiB", "TiB"))
    unit = "bytes"
    while size >= 1024 and unit != "TiB":
        size, unit = size / 1024, next(units)
    return f"{number:,} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"


def of(actor: Actor) -> list[Standing]:
    """Return every quota of the actor's tenant, in the order of the page."""
    actor.require("audit:read")
    own = select(TenantQuota.name, TenantQuota.value).filter_by(tenant_id=actor.tenant_id)
    limits = {quota.name: quota.default for quota in QUOTAS}
    limits |= {row.name: row.value for row in session.execute(own)}
    return [
        *_rates(actor, limits),
        *_records(actor, limits),
        _stored(actor, limits[STORED.name]),
    ]


def _rates(actor: Actor, limits: Mapping[str, int]) -> list[Standing]:
    """Return the averages over the last full minute. An average alone causes no refusal."""
    now = database_now()
    found = session.scalars(select(QuotaRate).filter_by(tenant_id=actor.tenant_id))
    rows = {row.name: row for row in found}
    return [_rate(quota, limits[quota.name], rows.get(quota.name), now) for quota in RATES]


def _rate(quota: Quota, limit: int, row: QuotaRate | None, now: datetime) -> Standing:
    minute = int(now.timestamp() // 60)
    ended = datetime.fromtimestamp(minute * 60, UTC)
    if row is None:
        return Standing(quota, 0, limit, counted_at=ended)
    lent = {row.minute: row.lent, row.minute - 1: row.lent_before}
    lately = row.refused_at if row.refused_at and now - row.refused_at <= LATELY else None
    used = ceil(lent.get(minute - 1, 0) / 60)
    return Standing(quota, used, limit, counted_at=ended, refused_at=lately)


def _records(actor: Actor, limits: Mapping[str, int]) -> list[Standing]:
    counted = dict(
        session.execute(
            select(QuotaCount.kind, func.sum(QuotaCount.live))
            .where(QuotaCount.tenant_id == actor.tenant_id)
            .group_by(QuotaCount.kind)
        ).all()
    )
    return [
        Standing(quota, None if quota.name not in counted else int(counted[quota.name]), limit)
        for quota, limit in ((quota, limits[quota.name]) for quota in RECORDS)
    ]


def _stored(actor: Actor, limit: int) -> Standing:
    found = session.get(Stored, actor.tenant_id)
    if found is None:
        return Standing(STORED, None, limit)
    return Standing(STORED, found.bytes, limit, counted_at=found.measured_at)


SAID = {"reached": "At the limit", "near": "Near the limit", "unknown": "Not counted yet"}


def sentence(standings: Sequence[Standing]) -> str:
    """Return which quotas need attention or are not known, or that there is room in all."""
    named: dict[str, list[str]] = {}
    for one in standings:
        named.setdefault(one.state, []).append(one.quota.plural)
    said = [
        f"{words}: {', '.join(named[state])}." for state, words in SAID.items() if state in named
    ]
    return " ".join(said) or "There is room in every quota."
