"""Compute the effect of stopping keys, and stop many at once.

Before a key is stopped, its use of the last day is shown: how much, from where, with which rights,
and which other keys end with it. Verification itself decides a planned revocation and a brown-out
(refused for 1 minute in the first hour, then 2, 4, 8 …); no job is needed.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import joinedload

from portal.applications.models import Application
from portal.core.errors import Conflict, Invalid
from portal.database.actor import Actor
from portal.database.session import database_now, session
from portal.keys import service
from portal.keys.editing import editing
from portal.keys.models import ApiKey, not_revoked
from portal.keys.revocation.in_parts import Stopped, in_parts
from portal.keys.revocation.revocation import Past, stop_together
from portal.keys.usage import figures
from portal.keys.usage.figures import Use
from portal.records import verbs
from portal.records.listing import Listing, Query, narrowed

DAY = timedelta(hours=24)
ONE_BY_ONE = 200  # up to this number, each key is an event of its own; more are one event a part
MOST = 10_000  # keys of a selection that are stopped at once
MOST_OF_ONE = 200_000  # keys of an application: more than there is time for
MOST_REPAIRED = 1000
REPAIRED_AT_ONCE = 50  # keys, which take a fraction of a second


@dataclass(frozen=True, slots=True)
class StopImpact:
    """Hold the effect of stopping a key: a day of its use, and the number of related keys."""

    use: Use
    children: int
    siblings: int


def blast(actor: Actor, record: ApiKey) -> StopImpact:
    """Return the use of a key in the last 24 hours, and the number of its children, and of its
    other relatives, that have not ended."""
    family = record.rotation_family_id or record.id
    in_force = (not_revoked(ApiKey), ApiKey.expires_key > func.now())
    here = (ApiKey.tenant_id == actor.tenant_id, *in_force)
    counts = session.execute(
        select(
            select(func.count())
            .select_from(ApiKey)
            .where(*here, ApiKey.parent_key_id == record.id)
            .scalar_subquery(),
            select(func.count())
            .select_from(ApiKey)
            .where(*here, (ApiKey.rotation_family_id == family) | (ApiKey.id == family))
            .where(ApiKey.id != record.id, ApiKey.parent_key_id.is_distinct_from(record.id))
            .scalar_subquery(),
        )
    ).one()
    return StopImpact(figures.use(actor, record.id, DAY), counts[0], counts[1])


def keep(actor: Actor, key_id: str) -> ApiKey:
    """Cancel a planned revocation. Raises Conflict if none is planned, or the key is revoked."""
    record = service.to_reopen(actor, key_id)
    if record.revoke_at is None:
        raise Conflict("No revocation of this key is planned, so there is none to take back.")
    values = {"revoke_at": None, "brownout_from": None, "revoked_reason": None}
    return verbs.change(actor, record, values, action="revocation_cancelled")


# ---------------------------------------------------------------- many at once


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of keys: a query of the list."""

    listing: Listing[ApiKey]
    query: Query

    @property
    def is_narrowed(self) -> bool:
        """Tell whether the selection has any condition, and is not simply all keys."""
        return self.query.is_narrowed


def how_many(actor: Actor, chosen: Selection, verb: str) -> int:
    """Return how many keys an action on many would change (the dry run), at most MOST + 1."""
    actor.require("keys:write")
    keys = _ids(actor, chosen, MOST + 1, *_fit_for(verb)).subquery()
    return session.scalar(select(func.count()).select_from(keys)) or 0


def sample(actor: Actor, chosen: Selection, verb: str, most: int) -> Sequence[ApiKey]:
    """Return a few of the keys that an action on many would change, to look at before."""
    few = _ids(actor, chosen, most, *_fit_for(verb))
    return session.scalars(
        select(ApiKey)
        .where(ApiKey.tenant_id == actor.tenant_id, ApiKey.id.in_(few))
        .options(joinedload(ApiKey.owning_application))
        .order_by(ApiKey.name_key)
    ).all()


def selected(actor: Actor, chosen: Selection, verb: str) -> Sequence[str]:
    """Return the ids of the keys that an action on many would change, at most MOST + 1.

    The oldest come first, so that two such actions change the keys that both have in one order.
    """
    actor.require("keys:write")
    return sorted(session.scalars(_ids(actor, chosen, MOST + 1, *_fit_for(verb))))


def fingerprint(ids: Iterable[str]) -> str:
    """Return a digest of keys, by which a form says which ones it has shown."""
    return hashlib.sha256(" ".join(sorted(ids)).encode()).hexdigest()[:32]


class Shown(NamedTuple):
    """The fingerprint of the keys that a form has shown, and for which action; may be empty."""

    keys: str
    verb: str


def confirmed(
    actor: Actor, chosen: Selection, verb: str, typed: str, shown: Shown
) -> Sequence[str]:
    """Return the ids of the keys that an action on many changes.

    Raises Conflict if these are others than were shown, unless their number was typed, and for more
    than MOST keys to stop.
    """
    ids = selected(actor, chosen, verb)
    # Of more than MOST, other ones may be selected each time.
    if shown.keys and len(ids) <= MOST and shown.keys != fingerprint(ids):
        if shown.verb and shown.verb != verb:
            raise Conflict(
                "For this action, other keys are selected than were shown. Look at them now, then"
                " confirm again."
            )
        raise Conflict("Other keys are selected now than were shown. Look at them first.")
    if len(ids) > MOST and verb not in REPAIRS:
        raise Conflict(f"These are more than {MOST:,} keys.")
    count = min(len(ids), MOST)
    if typed != str(count):
        would = "key would" if count == 1 else "keys would"
        raise Conflict(f"Type {count} to confirm: {count} {would} be changed now.")
    return ids[:count]


class Repair(NamedTuple):
    """The condition for the keys that lack something, and what gives it to them."""

    lacks: ColumnElement[bool]
    given: Callable[[datetime], Mapping[str, object]]


REPAIRS: Mapping[str, Repair] = {
    "expire": Repair(
        ApiKey.expires_at.is_(None), lambda now: {"expires_at": now + timedelta(days=90)}
    ),
    "limit": Repair(ApiKey.rpm_limit.is_(None), lambda now: {"rpm_limit": 600}),
    "budget": Repair(
        # A child spends the budget of its parent.
        ApiKey.max_budget_usd.is_(None) & ApiKey.parent_key_id.is_(None),
        lambda now: {"max_budget_usd": Decimal(100), "budget_period": "month"},
    ),
}


def repair_many(actor: Actor, ids: Sequence[str], verb: str) -> Stopped:
    """Give these keys the expiry, the limit or the budget that they lack.

    At most MOST_REPAIRED keys are changed. A value that a key has already stays, and a key that may
    not be edited, such as one that was found in public, stays as it is. For request handlers only:
    it commits after each REPAIRED_AT_ONCE, so that nobody who stops one of them waits for all.
    Returns how many were changed, and how many are left: not those that others change meanwhile.
    """
    actor.require("keys:write")
    fit, values = _fit_for(verb), REPAIRS[verb].given(database_now())

    def repair(part: Sequence[str]) -> int:
        found = _locked(actor, part, *fit)
        for record in found:
            lacking = {n: one for n, one in values.items() if getattr(record, n) in (None, "none")}
            editing.apply(actor, record, lacking)
        return len(found)

    done = in_parts(ids[:MOST_REPAIRED], repair, REPAIRED_AT_ONCE)
    return replace(done, left=done.left + len(ids[MOST_REPAIRED:]))


def _fit_for(verb: str) -> Sequence[ColumnElement[bool]]:
    """Return the conditions for the keys that an action changes."""
    if verb == "block":  # or those that are blocked would be blocked again and again
        return (ApiKey.blocked.is_(False),)
    return (*editing.open_only(), REPAIRS[verb].lacks) if verb in REPAIRS else ()


def stop_many(
    actor: Actor, chosen: Selection, ids: Sequence[str], past: Past, reason: str | None
) -> Stopped:
    """Revoke keys of a selection, or block them until they are unblocked.

    For request handlers only: it stops more than ONE_BY_ONE in parts, and commits each. Without a
    reason, that of a planned revocation or of an earlier block stays.
    """
    actor.require("keys:write")
    if len(ids) > ONE_BY_ONE:
        given = chosen.query.filters.get("application_id")
        owner = given if isinstance(given, str) else None
        return in_parts(ids, lambda part: stop_together(actor, part, past, reason, owner))
    few, now = _locked(actor, ids), database_now()
    for record in few:
        if past == "revoked":
            service.end(actor, record, reason, now)
        else:
            values = {"blocked": True, "blocked_reason": reason or record.blocked_reason}
            verbs.change(actor, record, values, action=past, why="blocked_reason")
    return Stopped(len(few), 0)


def _locked(actor: Actor, ids: Sequence[str], *only: ColumnElement[bool]) -> Sequence[ApiKey]:
    """Return these keys with their current values, locked for a change."""
    return session.scalars(
        select(ApiKey)
        .where(ApiKey.tenant_id == actor.tenant_id, ApiKey.id.in_(ids), *only)
        .where(ApiKey.revoked_at.is_(None))  # skip keys that another admin has just revoked
        .with_for_update(of=ApiKey, key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def _ids(
    actor: Actor, chosen: Selection, most: int | None, *only: ColumnElement[bool]
) -> Select[str]:
    statement = narrowed(actor, chosen.listing, chosen.query)
    statement = statement.where(ApiKey.revoked_at.is_(None), *only)
    return statement.with_only_columns(ApiKey.id).limit(most)


# ---------------------------------------------------------------- the panic button


def panic(
    actor: Actor, application: Application, typed: str, reason: str | None, of: Listing[ApiKey]
) -> Stopped:
    """Revoke every key of an application now, as `stop_many` does, and return how many are left.

    Raises Invalid unless its slug was typed.
    """
    if typed != application.slug:
        raise Invalid.field("confirm", f"Type {application.slug} to confirm.")
    chosen = of_application(application, of)
    reason = reason or "Panic: all keys of the application"
    ids = session.scalars(_ids(actor, chosen, MOST_OF_ONE)).all()
    stopped = stop_many(actor, chosen, ids, "revoked", reason)
    # Counted again, because keys may have been issued meanwhile.
    return replace(stopped, left=how_many(actor, chosen, "revoke"))


def of_application(application: Application, of: Listing[ApiKey]) -> Selection:
    """Return the selection of all keys of an application."""
    return Selection(of, Query(filters={"application_id": application.id}))
