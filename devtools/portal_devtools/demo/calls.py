"""Use the keys of Acme: calls are decided, counted and traced as the portal does it for any call.

The demo discards the raw keys. So it finds a key by its stored hash, and from there on asks the
verifier. For a past hour it passes that hour's time, and for now the time of the database.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select

from portal.core.deadlines import elapsed
from portal.database.base import new_id
from portal.database.session import session
from portal.keys.decision.decision import refusal
from portal.keys.decision.snapshot import Snapshot
from portal.keys.decision.verdict import FREE
from portal.keys.models import ApiKey
from portal.keys.schemas import VerifyKey
from portal.keys.tables import KeyUse
from portal.keys.verification import verify
from portal.keys.verification.use_counts import usage
from portal.keys.verification.verifier import engine
from portal_devtools.demo.happenings import DAY, HOUR, busyness
from portal_devtools.demo.tenants import (
    ALERTS,
    BACKEND,
    BLOCKED,
    DRAFTS,
    ENDING,
    LEAKED,
    ORPHAN,
    ROTATING,
    RUNTIME,
)
from portal_devtools.identity_provider.people import ACME

SELDOM = 0.02
A_BUSY_HOUR = 360  # turns of the demo


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that calls with a key: calls of a busy hour, addresses, and the scope or model.

    Once a day it asks for `wrong`, a scope or a model that the key does not have.
    """

    key: str
    calls: int
    sources: Sequence[str]
    scope: str | None = None
    model: str | None = None
    wrong: str = ""

    def asks(self, chance: Random, *, wrongly: bool = False) -> VerifyKey:
        """Return one call. The text of the key is not read, because the key is known."""
        scope, model = self.scope, self.model
        if wrongly and model:
            model = self.wrong
        elif wrongly:
            scope = self.wrong
        source = chance.choice(self.sources)
        named = {"key": "known by its hash", "scope": scope, "model": model, "ip": source}
        return VerifyKey.read(named)


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one hour that are let through."""

    caller: Caller
    at: datetime
    calls: int
    source: str


CALLERS = (
    Caller(BACKEND, 240, ("10.20.4.11", "10.20.4.12"), "webhooks:read"),
    Caller(RUNTIME, 30, ("10.20.7.3",), "connectors:use"),
    Caller(DRAFTS, 60, ("10.20.7.21", "10.20.7.22"), model="claude-sonnet", wrong="gpt-4-turbo"),
    Caller(ALERTS, 45, ("10.20.9.5",), "connectors:read", wrong="keys:write"),
    Caller(ROTATING, 90, ("10.20.5.8", "10.20.5.9"), "connectors:read"),
    Caller(LEAKED, 12, ("198.51.100.24",), "applications:read"),
    Caller(ENDING, 8, ("10.20.6.2",), "webhooks:read"),
    Caller(ORPHAN, 1, ("10.20.1.40",), "applications:read"),
)
NIGHTLY = Caller(BLOCKED, 0, ("10.20.5.30",), "applications:read")
"""Tries twice a night, and is refused."""


def of_day(begun_at: datetime, number: int) -> None:
    """Count the calls of a past day, once: they are written together or not at all."""
    if _is_counted(begun_at - number * DAY):
        return
    hashes, verifier = _hashes(), engine()
    found = {name: verifier.look_up(some[0]) for name, some in hashes.items()}
    keys = {name: key for name, key in found.items() if key is not None}
    for one in planned(begun_at, number):
        if key := keys.get(one.caller.key):
            more = {"source": one.source, "scope": one.caller.scope}
            usage.note(ACME, key.id, one.at, one.calls, **more)
    for serial, (at, caller, asked) in enumerate(_refused(begun_at, number), 1):
        if key := keys.get(caller.key):
            _refuse(key, asked, f"demo-{number:02}-{serial:03}", at)
    verifier.denials.flush(verifier.wire)
    usage.flush()


def planned(begun_at: datetime, number: int) -> Iterator[Calls]:
    """Yield the calls of a past day that are let through."""
    chance = Random(f"calls of day {number}")  # noqa: S311  no secret
    for hour in range(24):
        at = begun_at - number * DAY + hour * HOUR
        for caller in CALLERS:
            calls = round(caller.calls * busyness(at) * (0.8 + chance.random() * 0.4))
            if calls:
                yield Calls(caller, at + HOUR / 2, calls, chance.choice(caller.sources))


def _refused(begun_at: datetime, number: int) -> Iterator[tuple[datetime, Caller, VerifyKey]]:
    """Yield the calls of a past day that are refused."""
    chance = Random(f"refusals of day {number}")  # noqa: S311  no secret
    first = begun_at - number * DAY
    for minute in (10, 40):
        yield first + timedelta(hours=2, minutes=minute), NIGHTLY, NIGHTLY.asks(chance)
    for caller in CALLERS:
        if caller.wrong:
            yield first + chance.random() * DAY, caller, caller.asks(chance, wrongly=True)


def now(chance: Random) -> None:
    """Let some of the callers call now, the busy ones more often, and one wrongly at times."""
    engine().begin()
    hashes = _hashes()
    for caller in (*CALLERS, NIGHTLY):
        for hashed in hashes.get(caller.key, ()):
            if chance.random() < SELDOM + caller.calls / A_BUSY_HOUR:
                wrongly = bool(caller.wrong) and chance.random() < SELDOM
                _call(hashed, caller.asks(chance, wrongly=wrongly))


def _call(hashed: str, asked: VerifyKey) -> None:
    asked_at = elapsed()
    key = engine().look_up(hashed)
    if key is None:
        return
    begun = verify.begin(engine(), ACME, asked, new_id("req"), key, asked_at)
    if not isinstance(begun, dict):
        call, counted = begun
        call.answer(engine().meters.wait(counted))


def _refuse(key: Snapshot, asked: VerifyKey, name: str, at: datetime) -> None:
    question = verify.question_of(asked)
    if (code := refusal(key, question, at)) is not None:
        call = verify.KnownCall(engine(), key, question, name, asked.ip, at)
        verify.refused(call, code, FREE)


def _hashes() -> dict[str, list[str]]:
    """Return the hashes of the keys by name; those of one name with the oldest first."""
    rows = session.execute(
        select(ApiKey.name, ApiKey.key_hash)
        .where(ApiKey.tenant_id == ACME, ApiKey.revoked_at.is_(None))
        .order_by(ApiKey.created_at)
    )
    found: dict[str, list[str]] = {}
    for name, hashed in rows:
        found.setdefault(name, []).append(hashed)
    return found


def _is_counted(first: datetime) -> bool:
    """Tell whether the calls of the day that begins with this hour were counted before."""
    of_day = KeyUse.hour.between(first, first + DAY - HOUR)
    query = select(KeyUse.key_id).where(KeyUse.tenant_id == ACME, of_day).limit(1)
    return session.scalar(query) is not None
