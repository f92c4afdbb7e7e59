"""Count when, how often and from where keys are used: in memory, written every few seconds.

A write for each call would make every request of a busy key wait for the same row. Counts stay in
memory until they are written; an admin sees them at most INTERVAL later.
"""

import logging
import secrets
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from portal.database.session import db
from portal.fast.statements import set_local

log = logging.getLogger("portal.keys.verification.use_counts")
INTERVAL = 10  # seconds
ASPECTS = 50_000  # in memory; beyond them, new sources are not counted separately
SHARE = 10_000  # of them for one tenant
WHAT_LENGTH = 200

# Ids are sorted, so that two processes lock rows in the same order. Times only move forward, so
# that the slower process overwrites nothing newer.
WRITE = text(
    """
    UPDATE api_key_runtime AS runtime
    SET last_used_at = greatest(runtime.last_used_at, used.last_at),
        request_count = runtime.request_count + used.calls,
        denied_count = runtime.denied_count + used.denials,
        last_denied_at = greatest(runtime.last_denied_at, used.denied_at),
        last_denied_code = CASE WHEN used.denied_at >= coalesce(runtime.last_denied_at, '-infinity')
            THEN used.denied_code ELSE runtime.last_denied_code END
    FROM (
        SELECT runtime.key_id, used.last_at, used.calls, used.denials, used.denied_at,
            used.denied_code
        FROM jsonb_to_recordset(CAST(CAST(:uses AS text) AS jsonb)) AS used (
            key_id text, last_at timestamptz, calls bigint, denials bigint,
            denied_at timestamptz, denied_code text
        )
        JOIN api_key_runtime AS runtime
            ON runtime.tenant_id = :tenant_id AND runtime.key_id = used.key_id
        ORDER BY runtime.key_id FOR UPDATE OF runtime
    ) AS used
    WHERE runtime.tenant_id = :tenant_id AND runtime.key_id = used.key_id
    """
)
# A caller may name another source for each call, so only so many are kept. In the order of the
# primary key, so that two processes lock rows in the same order.
WRITE_ASPECTS = text(
    """
    WITH seen AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(CAST(:uses AS text) AS jsonb)) AS seen (
            key_id text, hour timestamptz, aspect text, what text, calls bigint,
            last_at timestamptz
        )
    ), kept AS MATERIALIZED (
        SELECT key_id, hour, aspect, what FROM key_use
        WHERE tenant_id = :tenant_id AND hour = ANY(CAST(:hours AS timestamptz[]))
        LIMIT :of_tenant
    ), of_hours AS (
        SELECT hour, count(*) AS many FROM kept GROUP BY hour
    ), of_keys AS (
        SELECT key_id, hour, count(*) AS many FROM kept WHERE aspect = 'source'
        GROUP BY key_id, hour
    ), placed AS (
        SELECT seen.*, kept.hour IS NOT NULL AS is_kept,
            row_number() OVER (
                PARTITION BY seen.key_id, seen.hour, seen.aspect, kept.hour IS NULL
                ORDER BY seen.calls DESC, seen.what
            ) AS place_of_key,
            row_number() OVER (
                PARTITION BY seen.hour, seen.aspect, kept.hour IS NULL
                ORDER BY seen.calls DESC, seen.key_id, seen.what
            ) AS place_of_tenant
        FROM seen LEFT JOIN kept ON kept.key_id = seen.key_id AND kept.hour = seen.hour
            AND kept.aspect = seen.aspect AND kept.what = seen.what
    )
    INSERT INTO key_use AS known (tenant_id, key_id, hour, aspect, what, calls, last_at)
    SELECT :tenant_id, p.key_id, p.hour, p.aspect, p.what, p.calls, p.last_at
    FROM placed p
    LEFT JOIN of_hours h ON h.hour = p.hour
    LEFT JOIN of_keys k ON k.key_id = p.key_id AND k.hour = p.hour
    WHERE p.aspect <> 'source' OR p.is_kept OR (
        p.place_of_key <= :of_key - coalesce(k.many, 0)
        AND p.place_of_tenant <= :of_tenant - coalesce(h.many, 0)
    )
    ORDER BY p.key_id, p.hour, p.aspect, p.what
    ON CONFLICT (tenant_id, key_id, hour, aspect, what) DO UPDATE
    SET calls = known.calls + excluded.calls, last_at = greatest(known.last_at, excluded.last_at)
    """
)
OF_KEY = 1_000  # sources of one key in an hour
OF_TENANT = 50_000  # rows of one tenant in an hour, beyond which no source is kept

# In the order of the hours, so that two processes lock rows in the same order.
WRITE_HOURS = text(
    """
    INSERT INTO key_hour AS known (tenant_id, hour, slot, calls, denials)
    SELECT :tenant_id, new.* FROM jsonb_to_recordset(CAST(CAST(:hours AS text) AS jsonb)) AS new (
        hour timestamptz, slot smallint, calls bigint, denials bigint
    )
    ORDER BY new.hour
    ON CONFLICT (tenant_id, hour, slot) DO UPDATE
    SET calls = known.calls + excluded.calls, denials = known.denials + excluded.denials
    RETURNING CAST(pg_current_xact_id() AS text)
    """
)
SLOTS = 8
# A transaction that this database has not begun yet was lost with the primary before it.
OUTCOME = text(
    """
    SELECT CASE WHEN CAST(:transaction AS xid8) < pg_current_xact_id()
        THEN pg_xact_status(CAST(:transaction AS xid8)) ELSE 'aborted' END
    """
)


@dataclass(slots=True)
class Use:
    """The use of one key since the last write."""

    last_at: datetime | None = None
    calls: int = 0
    denials: int = 0
    denied_at: datetime | None = None
    denied_code: str | None = None

    def add(self, other: "Use") -> None:
        """Add another use to this one."""
        self.last_at = _later(self.last_at, other.last_at)
        self.calls += other.calls
        self.denials += other.denials
        if other.denied_at and _later(self.denied_at, other.denied_at) == other.denied_at:
            self.denied_at, self.denied_code = other.denied_at, other.denied_code


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


Aspect = tuple[str, datetime, str, str]
"""Key id, hour, kind of counter (call, source, scope, denial), value."""

Calls = tuple[str, str, datetime, str | None, str | None]
"""Identify calls that are counted together: tenant id, key id, hour, source, scope."""


class Gathered:
    """Uses of keys, by tenant and key, and counters by source, scope and refusal."""

    def __init__(self) -> None:
        self.uses: dict[str, dict[str, Use]] = defaultdict(dict)
        self.counts: dict[str, dict[Aspect, tuple[int, datetime]]] = defaultdict(dict)
        self._sources = 0

    def add(self, tenant_id: str, key_id: str, use: Use) -> None:
        """Add a use of a key."""
        known = self.uses[tenant_id].setdefault(key_id, use)
        if known is not use:
            known.add(use)

    def count(self, tenant_id: str, aspect: Aspect, calls: int, at: datetime) -> None:
        """Add calls to a counter. A new one of a source is made only while there is room."""
        counts = self.counts[tenant_id]
        known = counts.get(aspect)
        if known is not None:
            counts[aspect] = (known[0] + calls, max(known[1], at))
        elif aspect[2] != "source":
            counts[aspect] = (calls, at)
        elif self._sources < ASPECTS:
            self._sources += 1
            counts[aspect] = (calls, at)

    def unfold(self, alike: Calls, calls: int, at: datetime) -> None:
        """Add calls that are alike to their key and to each of its counters."""
        tenant_id, key_id, hour, source, scope = alike
        self.add(tenant_id, key_id, Use(at, calls))
        for aspect, what in (("call", ""), ("source", source), ("scope", scope)):
            if what is not None:
                self.count(tenant_id, (key_id, hour, aspect, what[:WHAT_LENGTH]), calls, at)


@dataclass(slots=True)
class Write:
    """Hold what is written for one tenant, with the id of the transaction as soon as it has one."""

    tenant_id: str
    uses: Mapping[str, Use]
    counts: Mapping[Aspect, tuple[int, datetime]]
    transaction: str | None = None


class Usage:
    """The uses that this process has not written yet. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gathered = Gathered()
        self._uncertain: list[Write] = []
        # To count a call costs one look-up here; it is split into counters when it is written.
        self._calls: dict[Calls, tuple[int, datetime]] = {}
        self._shares = Counter[str]()  # of the tenants in the calls
        self._hour = datetime.min.replace(tzinfo=UTC)
        self._hour_ends = self._hour

    def note(
        self,
        tenant_id: str,
        key_id: str,
        at: datetime,
        calls: int = 1,
        *,
        source: str | None = None,
        scope: str | None = None,
    ) -> None:
        """Count a call that was let through, with its source and its scope."""
        with self._lock:
            alike = (tenant_id, key_id, self._hour_of(at), source, scope)
            known = self._calls.get(alike)
            if known is not None:
                self._calls[alike] = (known[0] + calls, max(known[1], at))
            elif len(self._calls) < ASPECTS and self._shares[tenant_id] < SHARE:
                self._shares[tenant_id] += 1
                self._calls[alike] = (calls, at)
            else:
                self._gathered.unfold((*alike[:3], None, scope), calls, at)

    def deny(self, tenant_id: str, key_id: str, at: datetime, code: str) -> None:
        """Count a call that was refused, with the code of the refusal."""
        with self._lock:
            hour = self._hour_of(at)
            self._gathered.add(tenant_id, key_id, Use(denials=1, denied_at=at, denied_code=code))
            self._gathered.count(tenant_id, (key_id, hour, "denial", code), 1, at)

    def flush(self) -> int:
        """Write the counts on a connection of its own, and return the number of keys.

        Needs an application context. Counts that cannot be written stay for the next time.
        """
        with self._lock:
            gathered, self._gathered = self._gathered, Gathered()
            calls, self._calls = self._calls, {}
            self._shares.clear()
        for alike, (many, at) in calls.items():
            gathered.unfold(alike, many, at)
        self._settle_uncertain()
        for tenant_id, uses in sorted(gathered.uses.items()):
            write = Write(tenant_id, uses, gathered.counts[tenant_id])
            try:
                with db.engine.begin() as connection:
                    write.transaction = _write(connection, write)
            except SQLAlchemyError:
                log.warning("the use of %d keys could not be written yet", len(uses))
                if write.transaction is None:
                    self._take_back(write)
                else:
                    self._keep(write)
        return sum(len(uses) for uses in gathered.uses.values())

    def _settle_uncertain(self) -> None:
        """Find out about the writes whose COMMIT had no answer, and take back what was not done."""
        with self._lock:
            uncertain, self._uncertain = self._uncertain, []
        for write in uncertain:
            outcome = _outcome(write)
            if outcome == "aborted":
                self._take_back(write)
            elif outcome == "in progress":
                self._keep(write)

    def _keep(self, write: Write) -> None:
        with self._lock:
            self._uncertain.append(write)

    def _take_back(self, write: Write) -> None:
        with self._lock:
            for key_id, use in write.uses.items():
                self._gathered.add(write.tenant_id, key_id, use)
            for aspect, (calls, at) in write.counts.items():
                self._gathered.count(write.tenant_id, aspect, calls, at)

    def _hour_of(self, at: datetime) -> datetime:
        if not self._hour <= at < self._hour_ends:
            self._hour = at.replace(minute=0, second=0, microsecond=0)
            self._hour_ends = self._hour + timedelta(hours=1)
        return self._hour


def _outcome(write: Write) -> str:
    """Return "committed", "aborted" or "in progress", which is also said while nobody knows."""
    try:
        with db.engine.connect() as connection:
            return str(connection.execute(OUTCOME, {"transaction": write.transaction}).scalar())
    except SQLAlchemyError:
        return "in progress"


def _write(connection: Connection, write: Write) -> str:
    """Write the counts of one tenant, and return the id of the transaction."""
    tenant_id, uses, counts = write.tenant_id, write.uses, write.counts
    set_local(connection, {"app.tenant_id": tenant_id})
    # As JSON: psycopg takes ten times as long to write arrays.
    used = [
        {"key_id": key_id, "last_at": use.last_at, "calls": use.calls, "denials": use.denials,
         "denied_at": use.denied_at, "denied_code": use.denied_code}
        for key_id, use in sorted(uses.items())
    ]  # fmt: skip
    connection.execute(WRITE, {"tenant_id": tenant_id, "uses": orjson.dumps(used).decode()})
    if counts:
        seen = [
            {"key_id": key_id, "hour": hour, "aspect": aspect, "what": what, "calls": calls,
             "last_at": at}
            for (key_id, hour, aspect, what), (calls, at) in sorted(counts.items())
        ]  # fmt: skip
        # PostgreSQL expects few rows in JSON, and would loop for minutes over 10,000 keys.
        set_local(connection, {"enable_nestloop": "off"})
        connection.execute(
            WRITE_ASPECTS,
            {"tenant_id": tenant_id, "uses": orjson.dumps(seen).decode(),
             "hours": list({hour for _, hour, aspect, _ in counts if aspect == "source"}),
             "of_key": OF_KEY, "of_tenant": OF_TENANT},
        )  # fmt: skip
    hours = orjson.dumps(_hours(uses, counts)).decode()
    return str(connection.scalar(WRITE_HOURS, {"tenant_id": tenant_id, "hours": hours}))


def _hours(
    uses: Mapping[str, Use], counts: Mapping[Aspect, tuple[int, datetime]]
) -> list[dict[str, Any]]:
    """Return the calls and the refused calls of all keys by the hour.

    Those that found no room for a counter of their own are in the hour of the last one.
    """
    hours: dict[datetime, Counter[str]] = defaultdict(Counter)
    for (_, hour, aspect, _), (number, _) in counts.items():
        if aspect in ("call", "denial"):
            hours[hour][aspect] += number
    for aspect, number, at in (
        ("call", sum(use.calls for use in uses.values()),
         max((use.last_at for use in uses.values() if use.last_at), default=None)),
        ("denial", sum(use.denials for use in uses.values()),
         max((use.denied_at for use in uses.values() if use.denied_at), default=None)),
    ):  # fmt: skip
        left = number - sum(found[aspect] for found in hours.values())
        if left and at is not None:
            hours[at.replace(minute=0, second=0, microsecond=0)][aspect] += left
    slot = secrets.randbelow(SLOTS)
    return [
        {"hour": hour, "slot": slot, "calls": found["call"],
         "denials": found["denial"]}
        for hour, found in sorted(hours.items())
    ]  # fmt: skip


usage = Usage()
