"""Revocations at a time, by a brown-out, and in bulk through REST."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import ARRAY, ColumnElement, Select, String, any_, func, literal, select, update

from portal.core.errors import Conflict, Invalid
from portal.core.jobs import in_time
from portal.database.actor import Actor
from portal.database.session import database_now, session
from portal.events import service as events
from portal.keys import service
from portal.keys.listing.filters import CONSOLE
from portal.keys.models import ApiKey
from portal.keys.revocation.in_parts import in_parts
from portal.keys.schemas import RevokeKey, RevokeKeys
from portal.records import verbs
from portal.records.audit import trail as audit
from portal.records.listing import Query, narrowed
from portal.records.quotas import counts

BROWNOUT = timedelta(hours=6)  # then it refuses all calls; see decision.is_dark
AT_ONCE = 10_000
SHOWN = 20
Past = Literal["revoked", "blocked"]


def revoke(actor: Actor, key_id: str, command: RevokeKey) -> ApiKey:
    """Revoke a key: now, at a time, or by a brown-out that refuses calls for longer each hour.

    A brown-out that has begun goes on, unless it gets a later end. Raises Conflict for a key that
    is revoked already, unless it is to end now; Invalid for a time that is past, or that is too
    late for a brown-out.
    """
    if command.at is None and not command.brownout:
        return service.revoke(actor, key_id, command)
    actor.require("keys:write")
    record = service.to_stop(actor, key_id)
    if record.status == "revoked":
        raise Conflict("This key is revoked already.")
    now = database_now()
    at = command.at or now + BROWNOUT
    if at <= now:
        raise Invalid.field("at", "Choose a moment in the future.")
    if command.brownout and at > now + BROWNOUT:
        raise Invalid.field("at", "A brown-out lasts 6 hours at most: choose a moment within them.")
    later = record.revoke_at is not None and at > record.revoke_at
    if later or (record.brownout_from is not None and not command.brownout):
        actor.require("keys:reopen")  # the key would work again for a while
    begun = record.brownout_from if record.brownout_from and not later else now
    values = {
        "revoke_at": at,
        "revoked_reason": command.reason or record.revoked_reason,
        "brownout_from": begun if command.brownout else None,
    }
    return verbs.change(actor, record, values, action="revocation_planned", why="revoked_reason")


def revoke_many(actor: Actor, command: RevokeKeys) -> dict[str, Any]:
    """Revoke or block all keys that meet the conditions, or return how many they are (`dry_run`).

    For request handlers only: it stops them in parts, and commits each. A block can be undone.
    Raises Conflict for more than AT_ONCE keys.
    """
    actor.require("keys:write")
    fitting = _fitting(actor, command)
    count = session.scalar(select(func.count()).select_from(fitting.subquery())) or 0
    sample = session.execute(
        fitting.with_only_columns(ApiKey.id, ApiKey.name).order_by(ApiKey.id).limit(SHOWN)
    ).all()
    found: dict[str, Any] = {
        "count": count,
        "left": count,
        "dry_run": command.dry_run,
        "sample": [{"id": key_id, "name": name} for key_id, name in sample],
    }
    if command.dry_run or not count:
        return found
    if count > AT_ONCE:
        raise Conflict(f"These are {count} keys. Narrow it down to {AT_ONCE} at once.")
    ids = session.scalars(fitting.with_only_columns(ApiKey.id)).all()
    past: Past = "blocked" if command.verb == "block" else "revoked"
    application_id = command.application_id
    stopped = in_parts(
        ids, lambda part: stop_together(actor, part, past, command.reason, application_id)
    )
    return found | {"count": stopped.count, "left": stopped.left}


def stop_together(
    actor: Actor, ids: Sequence[str], past: Past, reason: str | None, application_id: str | None
) -> int:
    """Revoke or block keys with a few statements and one event, and return how many there were.

    In an emergency there is no time for thousands of statements. Without a reason, that of a
    planned revocation or of an earlier block stays. The caller must have checked that the actor
    may do this, and tells the verifier.
    """
    done: dict[str, Any] = {"revoked_at": func.now()} if past == "revoked" else {"blocked": True}
    why = f"{past}_reason"
    stopped = session.execute(
        update(ApiKey)
        # Not the query that found the keys, which a bad plan would run again for each of them.
        .where(ApiKey.tenant_id == actor.tenant_id, ApiKey.id == any_(literal(ids, ARRAY(String))))
        .where(ApiKey.revoked_at.is_(None))  # skip keys that another admin has just revoked
        .values({**done, why: reason or getattr(ApiKey, why)})
        .values(version=ApiKey.version + 1, updated_by=actor.person_id or actor.id)
        .returning(ApiKey.id, ApiKey.name, getattr(ApiKey, why))
        .execution_options(synchronize_session=False)
    ).all()
    if not stopped:
        return 0
    if past == "revoked":
        counts.give_back(actor.tenant_id, ApiKey, len(stopped))
    entries = (
        (key_id, name, {past: (False, True), "reason": (None, given)})
        for key_id, name, given in stopped
    )
    audit.note_all(actor, f"key.{past}", ApiKey.noun, entries)
    audit.note(
        actor, f"keys.{past}", record_kind="keys", record_id="many",
        record_name=f"{len(stopped)} keys", changes={"count": (0, len(stopped))},
    )  # fmt: skip
    data = {"count": len(stopped), "reason": reason, "application_id": application_id}
    events.announce(actor, f"api_keys.{past}", data)
    return len(stopped)


def apply_due(tenant_id: str) -> int:
    """Write down the planned revocations whose time has come, as many as there is time for in one
    step, and return how many.

    They are effective without this job, which repeats.
    """
    actor = Actor(tenant_id, "system", "system", "Planned revocation", source_type="system")
    query = select(ApiKey).where(
        ApiKey.tenant_id == tenant_id, ApiKey.revoke_at <= func.now(), ApiKey.revoked_at.is_(None)
    )
    revoked = 0
    for record in in_time(session.scalars(query.limit(AT_ONCE)).all()):
        values = {"revoked_at": record.revoke_at}
        verbs.change(actor, record, values, action="revoked", why="revoked_reason")
        revoked += 1
    return revoked


def _fitting(actor: Actor, command: RevokeKeys) -> Select[Any]:
    """Select the keys that meet the conditions. Raises Invalid if there is none."""
    chosen = _chosen(command)
    if not chosen and command.weakness is None:
        raise Invalid.field(
            "application_id", "Say which keys: by application, owner, tag, age or weakness."
        )
    if command.verb == "block":
        chosen.append(ApiKey.blocked.is_(False))
    some = narrowed(actor, CONSOLE, Query(show=command.weakness or ""))
    return some.where(ApiKey.revoked_at.is_(None), *chosen)


def _chosen(command: RevokeKeys) -> list[ColumnElement[bool]]:
    """Return the conditions that the command names, without the weakness."""
    chosen: list[ColumnElement[bool]] = []
    if command.application_id is not None:
        chosen.append(ApiKey.application_id == command.application_id)
    if command.owner is not None:
        chosen.append(
            (ApiKey.created_by_user_id == command.owner)
            | (ApiKey.issued_to_user_id == command.owner)
        )
    if command.tag is not None:
        chosen.append(ApiKey.tags.contains([command.tag]))
    if command.created_before is not None:
        chosen.append(ApiKey.created_at < command.created_before)
    return chosen
