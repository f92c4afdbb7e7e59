"""Jobs of the worker for keys: release reservations, send notices, delete old data."""

from datetime import timedelta

from sqlalchemy import and_, extract, func, or_, select
from sqlalchemy.dialects.postgresql import array

from portal.core.jobs import Job, due_by
from portal.database.session import delete_some
from portal.keys.issuing import one_time_links
from portal.keys.limits import ledger
from portal.keys.revocation import revocation
from portal.keys.rotation import rotation
from portal.keys.tables import KeyDenial, KeyHour, KeyUse, SpendReservation, UnknownKeySource
from portal.keys.usage import concerns, expiry_notices
from portal.keys.verification.denials import KEPT, KEPT_DAYS

USE_DAYS = 92
RELEASED_DAYS = 7
EMPTY_SLICE_HOURS = 1  # after its end; then no piece of it can be settled any more


def forget_old(tenant_id: str) -> int:
    """Delete some denials, hourly counts, released reservations and empty slices that are too old,
    and return how many."""
    own = KeyDenial.tenant_id == tenant_id
    newest = select(KeyDenial.denied_at).where(own).order_by(KeyDenial.denied_at.desc())
    full = newest.offset(KEPT).limit(1).scalar_subquery()
    old = func.now() - timedelta(days=KEPT_DAYS)
    gone = delete_some(KeyDenial, own, KeyDenial.denied_at < func.greatest(old, full))
    for counts in (KeyUse, KeyHour):
        too_old = counts.hour < func.now() - timedelta(days=USE_DAYS)
        gone += delete_some(counts, counts.tenant_id == tenant_id, too_old)
    held = SpendReservation
    released = held.released_at < func.now() - timedelta(days=RELEASED_DAYS)
    over = held.expires_at < func.now() - timedelta(hours=EMPTY_SLICE_HOURS)
    empty = and_(held.secret.is_not(None), held.usd == 0, over)
    return gone + delete_some(held, held.tenant_id == tenant_id, or_(released, empty))


def forget_sources() -> int:
    """Delete some sources of unknown keys whose minute is over, and return how many."""
    running = func.floor(extract("epoch", func.now()) / 60)
    return delete_some(UnknownKeySource, UnknownKeySource.minute < running)


HOUSEKEEPING = [
    Job(
        "release reservations",
        ledger.release_due,
        timedelta(minutes=1),
        due_by("due_reservations"),
        repeats=True,
    ),
    Job(
        "end planned keys",
        revocation.apply_due,
        timedelta(minutes=1),
        due_by("due_revocations"),
        repeats=True,
    ),
    Job(
        "finish rotations",
        rotation.finish_due,
        timedelta(minutes=1),
        due_by("due_rotations", rotation.QUIET, rotation.LONGEST),
        repeats=True,
    ),
    Job(
        "tell of expiring keys",
        expiry_notices.announce_expiring,
        timedelta(minutes=10),
        due_by("due_expiry_notices", array(expiry_notices.AHEAD)),
        repeats=True,
    ),
    Job(
        "tell of unused keys",
        expiry_notices.announce_unused,
        timedelta(hours=6),
        due_by("due_unused_notices", timedelta(days=expiry_notices.UNUSED_DAYS)),
        repeats=True,
    ),
    Job(
        "find weak keys",
        concerns.find,
        timedelta(hours=1),
        due_by("due_concerns", concerns.AWAY, concerns.WEEK),
    ),
    Job(
        "forget sealed keys",
        one_time_links.forget_expired,
        timedelta(minutes=5),
        due_by("due_sealed_keys"),
        repeats=True,
    ),
    Job("forget where guesses came from", forget_sources, timedelta(minutes=1), repeats=True),
    Job(
        "forget old uses of keys",
        forget_old,
        timedelta(hours=1),
        due_by("due_key_uses", timedelta(days=KEPT_DAYS), KEPT, timedelta(days=USE_DAYS)),
        repeats=True,
    ),
]
