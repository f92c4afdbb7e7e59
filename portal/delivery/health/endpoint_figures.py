"""Figures of endpoints: a range of time, and the current state. Two statements, bounded work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from portal.database.actor import Actor
from portal.database.session import session
from portal.delivery.health import safe_pause
from portal.webhooks.models import WAITING_SQL, Webhook

HOUR = timedelta(hours=1)
LOOKED_AT = 1_000
"""The most attempts of one span that are read: the newest."""

TARGET = 0.99
"""The share of attempts that should succeed; the rest is the error budget."""

LATELY = text("""
WITH span AS (
    SELECT begins, CAST(:step AS interval) AS step
    FROM generate_series(CAST(:first AS timestamptz), :last, :step) AS begins
), recent AS (
    SELECT span.begins, outcome, ms FROM span CROSS JOIN LATERAL (
        SELECT outcome, (timings ->> 'total_ms')::float8 AS ms FROM delivery_attempt
        WHERE tenant_id = :tenant AND webhook_id = :webhook AND delivery_id IS NOT NULL
        AND id >= ulid_floor('att', span.begins) AND id < ulid_floor('att', span.begins + span.step)
        ORDER BY id DESC LIMIT :most
    ) AS newest
)
SELECT begins, count(*) AS tried,
    count(*) FILTER (WHERE outcome = 'delivered') AS good,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95
FROM recent GROUP BY GROUPING SETS ((1), ()) ORDER BY 1 NULLS LAST
""")
STANDING = text(f"""
WITH waiting AS MATERIALIZED (
    SELECT id, created_at, due_at, subject FROM delivery
    WHERE tenant_id = :tenant AND webhook_id = :webhook AND {WAITING_SQL} LIMIT :most
), mine AS (SELECT * FROM endpoint WHERE tenant_id = :tenant AND webhook_id = :webhook)
SELECT now() AS now,
    (SELECT count(*) FROM waiting) AS held,
    (SELECT min(created_at) FROM waiting) AS oldest,
    (SELECT min(due_at) FROM waiting) AS next_at,
    (SELECT count(DISTINCT subject) + count(*) FILTER (WHERE subject IS NULL) FROM waiting)
        AS newest_only,
    mine.failing_since, mine.not_before, mine.next_probe_at, mine.probes, mine.good_probes,
    mine.resumed_at, mine.last_sequence, mine.expired, mine.expired_at
FROM (SELECT 1) AS one LEFT JOIN mine ON true
""")  # noqa: S608  one constant of the models


@dataclass(frozen=True, slots=True)
class Tried:
    """One span of time, or the whole range: attempts, successes, and the latency (p50 and p95) in
    milliseconds."""

    begins: datetime | None
    tried: int
    good: int
    p50: float | None
    p95: float | None

    @property
    def bad(self) -> int:
        return self.tried - self.good

    @property
    def rate(self) -> float | None:
        """Return the share of attempts that succeeded; None if there was no attempt."""
        return self.good / self.tried if self.tried else None

    @property
    def shown_rate(self) -> str:
        """Return the share of successes in per cent, rounded down: 100 % if none failed."""
        return f"{1000 * self.good // self.tried / 10:.1f}%" if self.tried else "–"  # noqa: RUF001

    @property
    def allowed(self) -> float:
        """Return how many failures the target allows."""
        return self.tried * (1 - TARGET)


@dataclass(frozen=True, slots=True)
class Lately:
    """A range of time of an endpoint: each span, without gaps, and the whole."""

    spans: Sequence[Tried]
    whole: Tried

    @property
    def is_cut(self) -> bool:
        """Tell whether there may be more attempts than were read."""
        return any(tried.tried >= LOOKED_AT for tried in self.spans)


@dataclass(frozen=True, slots=True)
class Standing:
    """The current state of an endpoint; `seconds` is how long sending the waiting deliveries
    takes."""

    now: datetime
    held: int
    oldest: datetime | None
    next_at: datetime | None
    newest_only: int
    failing_since: datetime | None
    not_before: datetime | None
    next_probe_at: datetime | None
    probes: int
    good_probes: int
    resumed_at: datetime | None
    last_sequence: int
    expired: int
    expired_at: datetime | None
    seconds: float

    @property
    def is_more(self) -> bool:
        return self.held >= safe_pause.COUNTED

    @property
    def is_ramping(self) -> bool:
        """Tell whether its rate is still ramping up after a pause."""
        ended = self.resumed_at
        return ended is not None and self.now - ended < timedelta(seconds=10)


def last_day(now: datetime) -> list[datetime]:
    """Return when each of the last 24 hours began, the current one last."""
    last = now.replace(minute=0, second=0, microsecond=0)
    return [last - HOUR * back for back in reversed(range(24))]


def lately(actor: Actor, webhook: Webhook, begins: Sequence[datetime], step: timedelta) -> Lately:
    """Return the figures of the engine's attempts in spans of one size, that follow one another;
    tests are not counted."""
    actor.require("webhooks:read")
    times = {"first": begins[0], "last": begins[-1], "step": step}
    values = {**_key(webhook), **times, "most": LOOKED_AT}
    found = [Tried(**row) for row in session.execute(LATELY, values).mappings()]
    known = {tried.begins: tried for tried in found if tried.begins is not None}
    whole = next(tried for tried in found if tried.begins is None)
    return Lately([known.get(one, Tried(one, 0, 0, None, None)) for one in begins], whole)


def standing(actor: Actor, webhook: Webhook) -> Standing:
    """Return the number of waiting deliveries of an endpoint, and the engine's state for it."""
    actor.require("webhooks:read")
    values = {**_key(webhook), "most": safe_pause.COUNTED}
    row = dict(session.execute(STANDING, values).mappings().one())
    for name in ("probes", "good_probes", "last_sequence", "expired"):
        row[name] = row[name] or 0
    rate = min(float(webhook.rate_limit or safe_pause.USUAL_RATE), safe_pause.USUAL_RATE)
    return Standing(**row, seconds=row["held"] / rate)


def _key(webhook: Webhook) -> dict[str, Any]:
    return {"tenant": webhook.tenant_id, "webhook": webhook.id}


def in_words(seconds: float) -> str:
    """Return a duration as a text: `about 64 s`, `about 12 min`, `about 3 h`."""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"about {seconds / size:,.0f} {unit}"
    return f"about {max(seconds, 1):,.0f} s"
