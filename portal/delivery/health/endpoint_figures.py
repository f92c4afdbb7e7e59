"""Figures of endpoints: the last 24 hours, and the current state. Two statements, bounded work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from portal.database.actor import Actor
from portal.database.session import session
from portal.delivery.health import safe_pause
from portal.webhooks.models import WAITING_SQL, Webhook

HOURS = 24
LOOKED_AT = 20_000
"""The most attempts of the last day that are read: the newest."""

TARGET = 0.99
"""The share of attempts that should succeed; the rest is the error budget."""

LATELY = text("""
WITH recent AS (
    SELECT created_at, outcome, (timings ->> 'total_ms')::float8 AS ms FROM delivery_attempt
    WHERE tenant_id = :tenant AND webhook_id = :webhook AND delivery_id IS NOT NULL
    AND id >= ulid_floor('att', now() - make_interval(hours => :hours)) AND id < 'atu'
    ORDER BY id DESC LIMIT :most
)
SELECT date_trunc('hour', created_at) AS hour, count(*) AS tried,
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
class Span:
    """One hour, or the whole day: attempts, successes, and the latency (p50 and p95) in
    milliseconds."""

    hour: datetime | None
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
    """The last 24 hours of an endpoint: each hour, without gaps, and the whole."""

    hours: Sequence[Span]
    whole: Span

    @property
    def is_cut(self) -> bool:
        """Tell whether there may be more attempts than were read."""
        return self.whole.tried >= LOOKED_AT


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


def lately(actor: Actor, webhook: Webhook, now: datetime) -> Lately:
    """Return the figures of the engine's attempts in the last 24 hours; tests are not counted."""
    actor.require("webhooks:read")
    values = {**_key(webhook), "hours": HOURS, "most": LOOKED_AT}
    found = [Span(**row) for row in session.execute(LATELY, values).mappings()]
    by_hour = {span.hour: span for span in found if span.hour is not None}
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    hours = [first + timedelta(hours=number) for number in range(HOURS)]
    whole = next(span for span in found if span.hour is None)
    return Lately([by_hour.get(hour, Span(hour, 0, 0, None, None)) for hour in hours], whole)


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
