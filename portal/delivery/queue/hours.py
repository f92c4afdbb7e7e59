"""Count the deliveries of a tenant by the hour in which they were published, as they are recorded.

The overview reads these counts: a count of the deliveries themselves would cost more as they grow.
Each record adds to the rows of one slot, chosen at random, so that few processes wait for others.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import log2
from typing import Any

SLOTS = 8
BANDS, PER_DOUBLING = 48, 3
"""Times of answers are counted in bands, each 26 % wider than the one before: 1 ms to 65 s."""

# In the order of the hours, so that two processes lock rows in the same order.
ADD = """
INSERT INTO delivery_hour AS known (tenant_id, hour, slot, delivered, failed, waits)
SELECT %(tenant)s::text, new.* FROM jsonb_to_recordset(%(hours)s) AS new(
    hour timestamptz, slot smallint, delivered bigint, failed bigint, waits bigint[])
ORDER BY new.hour
ON CONFLICT (tenant_id, hour, slot) DO UPDATE SET
    delivered = known.delivered + excluded.delivered, failed = known.failed + excluded.failed,
    waits = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
        FROM unnest(known.waits, excluded.waits) WITH ORDINALITY AS w(a, b, band) ORDER BY band)
"""


def counted(
    done: Iterable[tuple[datetime, Mapping[str, Any], Mapping[str, Any] | None]],
) -> list[dict[str, Any]]:
    """Return the rows to add for deliveries and their attempts, as they are recorded. Each comes
    with the time at which it was queued, by the clock of the database as in lists."""
    hours: dict[str, dict[str, Any]] = {}
    slot = secrets.randbelow(SLOTS)
    for queued, delivery, attempt in done:
        hour = queued.astimezone(UTC).replace(minute=0, second=0, microsecond=0).isoformat()
        row = hours.setdefault(
            hour, {"hour": hour, "slot": slot, "delivered": 0, "failed": 0, "waits": [0] * BANDS}
        )
        if delivery["state"] in ("delivered", "failed"):
            row[delivery["state"]] += 1
        if attempt is not None:
            row["waits"][_band(attempt["timings"]["total_ms"])] += 1
    return [hours[hour] for hour in sorted(hours)]


def _band(milliseconds: float) -> int:
    return min(int(PER_DOUBLING * log2(max(milliseconds, 1.0))), BANDS - 1)


def within(waits: Sequence[int], share: float) -> float | None:
    """Return the time in milliseconds within which this share of the attempts was answered, to
    about 10 %; None if there was no attempt."""
    left = sum(waits) * share
    for band, number in enumerate(waits):
        if number and number >= left:
            return float(2 ** ((band + left / number) / PER_DOUBLING))
        left -= number
    return None
