"""The progress of a rotation: the calls with each key; finish it, extend it, or take it back.

Rotations start, and end by themselves, in `portal.keys.rotation.rotation`, which also says in which
order rows are locked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select

from portal.core.errors import Conflict
from portal.database.actor import Actor
from portal.database.record import find
from portal.database.session import database_now, flush, session
from portal.keys.models import ApiKey
from portal.keys.rotation.rotation import LONGEST, QUIET, close, own_end, undo
from portal.keys.tables import KeyRotation
from portal.keys.usage import figures
from portal.keys.usage.figures import Use
from portal.records import verbs

SPAN = timedelta(days=2)
NONE_RUNS = "No rotation of this key is under way."


@dataclass(frozen=True, slots=True)
class Cockpit:
    """The state of a rotation: both keys, the use of each, and when it ends."""

    rotation: KeyRotation
    old: ApiKey
    new: ApiKey
    old_use: Use
    new_use: Use
    now: datetime
    latest: datetime  # the old key cannot be extended beyond this

    @property
    def ends_at(self) -> datetime:
        """Return when the old key ends at the latest, if nobody extends it."""
        return _ends_at(self.rotation, self.old)

    @property
    def is_at_its_latest(self) -> bool:
        """Tell whether the old key's end cannot be moved any later."""
        return self.ends_at >= self.latest

    @property
    def ends_as_issued(self) -> bool:
        """Tell whether the old key ends by its own expiry, and not by the rotation."""
        return self.is_at_its_latest and self.latest < self.rotation.started_at + LONGEST

    @property
    def failed(self) -> str | None:
        """Return why the new key does not work: revoked, expired or blocked; None if it works."""
        if self.new.status != "active":
            return self.new.status
        return "blocked" if self.new.blocked else None

    @property
    def can_be_taken_back(self) -> bool:
        """Tell whether the old key may stay, because its successor has ended."""
        return not self.is_done and self.new.status != "active"

    @property
    def was_taken_back(self) -> bool:
        """Tell whether the rotation is over and the old key still works."""
        return self.rotation.finished_at is not None and self.old.status == "active"

    @property
    def ended_at(self) -> datetime | None:
        """Return when the old key ended."""
        return self.old.revoked_at or self.rotation.finished_at or self.ends_at

    @property
    def is_done(self) -> bool:
        """Tell whether the rotation is over or the old key has ended."""
        return self.rotation.finished_at is not None or self.old.status != "active"

    @property
    def state(self) -> str:
        """Return created → seen (the new key is used) → quiet (the old one is not used) → done.

        Return failed if the new key does not work, and kept if the rotation was taken back.
        """
        if self.was_taken_back:
            return "kept"
        if self.is_done:
            return "done"
        if self.failed:
            return "failed"
        if not self.new_use.total:
            return "created"
        quiet_since = self.rotation.quiet_since(self.old.last_used_at)
        return "quiet" if quiet_since < self.now - QUIET else "seen"

    @property
    def share(self) -> int | None:
        """Return the percentage of the last day's calls that used the new key, rounded down: 100
        if all did. None without calls."""
        since = self.now - QUIET
        new = sum(n for hour, n in self.new_use.calls.items() if hour >= since)
        old = sum(n for hour, n in self.old_use.calls.items() if hour >= since)
        return 100 * new // (new + old) if new + old else None


def cockpit(actor: Actor, key_id: str) -> Cockpit | None:
    """Return the newest rotation that this key is part of, as the old or as the new one."""
    actor.require("keys:read")
    return newest(actor, key_id)


def newest(actor: Actor, key_id: str) -> Cockpit | None:
    """Return the same as `cockpit` to who has just changed the rotation and may only write."""
    rotation = session.scalar(_of(actor, key_id).order_by(KeyRotation.started_at.desc()).limit(1))
    if rotation is None:
        return None
    ids = [rotation.old_key_id, rotation.new_key_id]
    pair = session.scalars(ApiKey.seen_by(actor).where(ApiKey.id.in_(ids))).all()
    keys = {key.id: key for key in pair}
    if len(keys) < len(ids):
        return None
    use = figures.uses(actor, ids, SPAN)
    now = use[ids[0]].until
    old, new = keys[ids[0]], keys[ids[1]]
    latest = _latest(actor, rotation, old)
    return Cockpit(rotation, old, new, use[old.id], use[new.id], now, latest)


def finish(actor: Actor, key_id: str) -> ApiKey:
    """Revoke the old key of a rotation now. Raises Conflict when no rotation is running."""
    actor.require("keys:write")
    rotation, old = _running(actor, key_id)
    close(actor, rotation, old, database_now())
    flush()
    return old


def take_back(actor: Actor, key_id: str) -> ApiKey:
    """Give the old key of a rotation its own expiry back, because its successor has ended.

    Raises Conflict if no rotation is running, or if the successor still works.
    """
    actor.require("keys:reopen")
    rotation, old = _running(actor, key_id)
    if find(ApiKey, actor, rotation.new_key_id).status == "active":
        raise Conflict("The new key is there to follow. Revoke it first if the old one is to stay.")
    undo(actor, rotation, old, database_now())
    flush()
    return old


def extend(actor: Actor, key_id: str) -> datetime:
    """Extend the life of a rotation's old key by one day, or to its latest end if that is sooner.

    It lives for at most LONGEST in all, and never beyond the end that its issuer set. Raises
    Conflict if no rotation is running, if it has no end to move, or if the end cannot be moved
    further. Return the new end.
    """
    actor.require("keys:reopen")
    rotation, old = _running(actor, key_id)
    if rotation.finish_at is None:
        raise Conflict("This rotation waits until the old key is quiet; it needs no more time.")
    latest, ends = _latest(actor, rotation, old), _ends_at(rotation, old)
    if ends >= latest < rotation.started_at + LONGEST:
        raise Conflict("That is the old key's own end, which a rotation does not put off.")
    if ends >= latest:
        raise Conflict(f"Both keys may live for {LONGEST.days} days at most.")
    rotation.finish_at = extended = min(latest, ends + QUIET)
    verbs.change(actor, old, {"expires_at": extended})
    session.expire(old, ["status"])
    flush()
    return extended


def _ends_at(rotation: KeyRotation, old: ApiKey) -> datetime:
    ends = (rotation.finish_at, old.expires_at, old.revoke_at, rotation.started_at + LONGEST)
    return min(end for end in ends if end is not None)


def _latest(actor: Actor, rotation: KeyRotation, old: ApiKey) -> datetime:
    ends = (own_end(actor, old), old.revoke_at, rotation.started_at + LONGEST)
    return min(end for end in ends if end is not None)


def _running(actor: Actor, key_id: str) -> tuple[KeyRotation, ApiKey]:
    """Return the newest rotation that this key is part of, and its old key, both locked.

    Raises Conflict if there is none, if it is over, or if its old key has ended.
    """
    newest = _of(actor, key_id).order_by(KeyRotation.started_at.desc()).limit(1)
    if (seen := session.scalar(newest)) is None:
        raise Conflict(NONE_RUNS)
    old = find(ApiKey, actor, seen.old_key_id, lock=True)
    rotation = session.scalar(
        newest.with_for_update()
        .execution_options(populate_existing=True)
        .where(KeyRotation.old_key_id == old.id, KeyRotation.finished_at.is_(None))
        .where(or_(KeyRotation.finish_at.is_(None), KeyRotation.finish_at > func.now()))
    )
    if rotation is None:
        raise Conflict(NONE_RUNS)
    if old.status != "active":
        raise Conflict("The old key has ended, and the rotation with it.")
    return rotation, old


def _of(actor: Actor, key_id: str) -> Select[KeyRotation]:
    """Return the rotations that this key is part of, as the old or as the new one."""
    part = or_(KeyRotation.old_key_id == key_id, KeyRotation.new_key_id == key_id)
    return select(KeyRotation).where(KeyRotation.tenant_id == actor.tenant_id, part)
