"""Rotate keys, and make child keys.

A successor has the same limits and shares the budget; its rights may be others. During an overlap
both keys work.

Locks: whoever changes a rotation first locks its old key, then the rotation, and of two rotations
waits for none while it holds the other.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from portal.applications import service as applications
from portal.core.errors import Conflict
from portal.core.jobs import in_time
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import database_now, flush, session
from portal.keys import service
from portal.keys.editing import relatives
from portal.keys.limits.inheritance import earliest, end_for, networks
from portal.keys.models import ApiKey, ApiKeyRuntime
from portal.keys.schemas import ChildKey, RotateKey
from portal.keys.tables import KeyRotation
from portal.records import verbs
from portal.records.audit import trail as audit
from portal.records.verbs import Revealed

OVERLAPS = {
    "now": timedelta(0),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "until_quiet": None,
}
QUIET = timedelta(hours=24)
LONGEST = timedelta(days=30)  # for which both keys may work
AT_ONCE = 1000
MOST_CHILDREN = 1000
"""Live children of one key. They are edited with it in one transaction, and who stops it waits for
that."""

COPIED = (
    "name",
    "kind",
    "application_id",
    "issued_to_user_id",
    "issued_to_service",
    "scopes",
    "allowed_models",
    "tpm_limit",
    "rpm_limit",
    "max_budget_usd",
    "budget_period",
    "allowed_ips",
    "max_uses",
    "tags",
)
SYSTEM = "Key rotation"


def rotate(actor: Actor, key_id: str, command: RotateKey) -> Revealed[ApiKey]:
    """Issue a successor with a fresh lifetime, and set the end of the old key, in one transaction.

    Raises Conflict for a key that is revoked or expired, that is a child, or whose family has two
    live keys already; Invalid for rights that the actor does not have.
    """
    actor.require("keys:write")
    old = find(ApiKey, actor, key_id, lock=True)
    now = database_now()
    scopes = _check(actor, old, now, command.scopes)
    left = None if actor.can("keys:reopen") else old.expires_at
    _forget_failed(actor, old, now)
    values = {name: getattr(old, name) for name in COPIED}
    values |= {
        "scopes": scopes,
        "rotated_from_key_id": old.id,
        "rotation_family_id": old.rotation_family_id or old.id,
        # The whole lifetime that its issuer gave the old key, from now on, not the rest of it.
        "expires_at": end_for(actor, old.expires_at and now + (old.expires_at - old.created_at)),
    }
    made = service.mint(actor, old.kind, values)
    overlap = OVERLAPS[command.overlap]
    rotation = KeyRotation(
        tenant_id=actor.tenant_id,
        id=new_id("rot"),
        old_key_id=old.id,
        new_key_id=made.record.id,
        overlap=command.overlap,
        started_at=now,
        finish_at=None if overlap is None else now + overlap,
    )
    if rotation.finish_at == now:
        verbs.note(actor, old, "rotated", {"successor": (None, made.record.id)})
        close(actor, rotation, old, now)
    else:
        latest = rotation.finish_at or now + LONGEST
        _let_end(actor, old, made.record, min(latest, left or latest))
    session.add(rotation)
    flush()
    return made


def _forget_failed(actor: Actor, old: ApiKey, now: datetime) -> None:
    """End the earlier rotation of a key whose successor has ended, so that it can be rotated again.

    The key gets its own expiry back. The new rotation gives it no more time than it has left if the
    actor may not do that (`keys:reopen`).
    """
    failed = session.scalar(
        select(KeyRotation)
        .where(KeyRotation.tenant_id == actor.tenant_id, KeyRotation.old_key_id == old.id)
        .where(KeyRotation.finished_at.is_(None))
    )
    if failed is not None:
        undo(actor, failed, old, now)


def _let_end(actor: Actor, old: ApiKey, new: ApiKey, latest: datetime) -> None:
    if old.expires_at is None or old.expires_at > latest:
        verbs.change(actor, old, {"expires_at": latest}, action="rotated")
        session.expire(old, ["status"])
    else:
        verbs.note(actor, old, "rotated", {"successor": (None, new.id)})


def own_end(actor: Actor, old: ApiKey) -> datetime | None:
    """Return when a key in rotation would expire by itself, as its issuer set it.

    The rotation changed the key's `expires_at`; its history has the value before.
    """
    begun = audit.newest(actor, old.id, "key.rotated")
    if begun is None or "expires_at" not in begun.changes:
        return old.expires_at
    before = begun.changes["expires_at"][0]
    return before and datetime.fromisoformat(before)


def close(actor: Actor, rotation: KeyRotation, old: ApiKey, now: datetime) -> None:
    """End a rotation, and revoke its old key."""
    if old.revoked_at is None:
        service.end(actor, old, f"Rotated to {rotation.new_key_id}", now)
    rotation.finished_at = now


def undo(actor: Actor, rotation: KeyRotation, old: ApiKey, now: datetime) -> None:
    """End a rotation, and give its old key its own expiry back."""
    verbs.change(actor, old, {"expires_at": own_end(actor, old)}, action="rotation_taken_back")
    session.expire(old, ["status"])
    rotation.finished_at = now


def finish_due(tenant_id: str) -> int:
    """End the rotations whose time is over or whose old key is no longer used.

    Return how many ended: those that there is time for in one step, at most AT_ONCE. The others are
    left to the next step, and one that is being changed now to the next turn. This is a job that
    repeats.
    """
    actor = Actor(tenant_id, "system", "system", SYSTEM, source_type="system")
    now = database_now()
    quiet_since = func.greatest(KeyRotation.started_at, ApiKeyRuntime.last_used_at)
    is_quiet = or_(quiet_since + QUIET <= now, KeyRotation.started_at + LONGEST <= now)
    query = (
        select(KeyRotation, ApiKey)
        .join(ApiKey, (ApiKey.tenant_id == KeyRotation.tenant_id)
              & (ApiKey.id == KeyRotation.old_key_id))
        .join(ApiKeyRuntime, (ApiKeyRuntime.tenant_id == ApiKey.tenant_id)
              & (ApiKeyRuntime.key_id == ApiKey.id))
        .where(KeyRotation.tenant_id == tenant_id, KeyRotation.finished_at.is_(None))
        .where(or_(
            ApiKey.revoked_at.is_not(None), KeyRotation.finish_at <= now,
            KeyRotation.finish_at.is_(None) & is_quiet,
        ))
        .limit(AT_ONCE)
        .with_for_update(of=(ApiKey, KeyRotation), key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    ended = 0
    for rotation, old in in_time(session.execute(query).all()):
        close(actor, rotation, old, now)
        ended += 1
    return ended


def _check(actor: Actor, old: ApiKey, now: datetime, wanted: list[str] | None) -> list[str]:
    """Return the scopes of a successor. Raises Conflict or Invalid if the key can have none."""
    if old.revoked_at is not None or (old.revoke_at is not None and old.revoke_at <= now):
        raise Conflict("This key is revoked. Issue a new one instead.")
    if old.expires_at is not None and old.expires_at <= now:
        raise Conflict("This key has expired. Issue a new one instead.")
    if old.parent_key_id is not None:
        raise Conflict("This key is a short-lived child of another. Make a new child instead.")
    scopes = _allowed(actor, old, wanted)
    family = old.rotation_family_id or old.id
    live = select(func.count()).where(
        ApiKey.tenant_id == actor.tenant_id,
        (ApiKey.rotation_family_id == family) | (ApiKey.id == family),
        ApiKey.parent_key_id.is_(None),
        ApiKey.status == "active",
    )
    if (session.scalar(live) or 0) >= 2:
        raise Conflict("Two keys of this family are live already. Revoke the older one first.")
    return scopes


def _allowed(actor: Actor, key: ApiKey, wanted: list[str] | None) -> list[str]:
    """Return the wanted scopes, or those of the key that its application still allows.

    Raises Invalid for scopes that the actor may not grant, or that the application does not allow.
    """
    owner = key.application_id
    application = None if owner is None else applications.running(actor, owner)
    scopes = wanted
    if scopes is None:
        scopes = [one for one in key.scopes if application is None or application.allows(one)]
    service.check_scopes(actor, scopes, application)
    return scopes


def make_child(actor: Actor, key_id: str, command: ChildKey) -> Revealed[ApiKey]:
    """Issue a short-lived key with a part of its parent's rights.

    It ends with its parent, and spends its parent's budget. Raises Conflict for a parent that does
    not work, is a child, has a maximum of uses or MOST_CHILDREN already; Invalid for more than the
    parent has.
    """
    actor.require("keys:write")
    parent = find(ApiKey, actor, key_id, lock=True)
    now = database_now()
    if parent.status != "active" or parent.blocked:
        raise Conflict("This key does not open, so it can have no children.")
    if parent.parent_key_id is not None:
        raise Conflict("A child key has no children of its own.")
    if parent.max_uses is not None:
        raise Conflict("The uses of this key are counted, so it has no children.")
    if relatives.count_children(parent, MOST_CHILDREN) == MOST_CHILDREN:
        raise Conflict(
            f"This key has {MOST_CHILDREN:,} child keys that work. Revoke some, wait until they"
            " end, or use another key."
        )
    service.check_within(command.scopes or (), parent.scopes)
    scopes = _allowed(actor, parent, command.scopes)
    wanted = now + timedelta(seconds=command.lifetime_seconds)
    values = {name: getattr(parent, name) for name in COPIED}
    values |= {
        "name": command.name or f"{parent.name}, child",
        "scopes": scopes,
        "parent_key_id": parent.id,
        "rotation_family_id": parent.rotation_family_id or parent.id,
        "expires_at": end_for(actor, earliest(wanted, parent.expires_at, parent.revoke_at)),
        "max_uses": command.max_uses,
        "allowed_ips": networks(command.allowed_ips, parent.allowed_ips),
    }
    return service.mint(actor, parent.kind, values)
