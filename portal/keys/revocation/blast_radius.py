"""Stopping keys: what it would break, at once or later, one or many.

What is about to stop is looked at first: how much it was used in the last day, from where, with
which rights, and what else falls with it. A stop at a time and a brown-out (denied for 1 minute in
the first hour, then 2, 4, 8 …) are decided by verification itself, not by a job.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import joinedload

from portal.applications.models import Application
from portal.core.errors import Invalid
from portal.database.actor import Actor
from portal.database.session import database_now, flush, session
from portal.events import service as events
from portal.keys import service
from portal.keys.models import ApiKey, not_revoked
from portal.keys.usage import figures
from portal.keys.usage.figures import Use
from portal.keys.verification.verifier import changed
from portal.records import verbs
from portal.records.audit import trail as audit
from portal.records.listing import Listing, Query, narrowed
from portal.records.quotas import counts

DAY = timedelta(hours=24)
ONE_BY_ONE = 200  # so many get an entry of the history each; more get one together
MOST = 10_000  # an exact count stops here
MOST_REPAIRED = 1000


@dataclass(frozen=True, slots=True)
class Blast:
    """What a stop would break: a day of use, and the keys that fall with this one."""

    use: Use
    children: int
    siblings: int


def blast(actor: Actor, record: ApiKey) -> Blast:
    """Return what the last 24 hours say about stopping a key."""
    family = record.rotation_family_id or record.id
    here = (ApiKey.tenant_id == actor.tenant_id, not_revoked(ApiKey))
    counts = session.execute(
        select(
            select(func.count())
            .select_from(ApiKey)
            .where(*here, ApiKey.parent_key_id == record.id)
            .scalar_subquery(),
            select(func.count())
            .select_from(ApiKey)
            .where(*here, ApiKey.rotation_family_id == family, ApiKey.id != record.id)
            .scalar_subquery(),
        )
    ).one()
    return Blast(figures.use(actor, record.id, DAY), counts[0], counts[1])


def keep(actor: Actor, key_id: str) -> ApiKey:
    """Take back a stop that lies ahead. Raises Conflict when it is over."""
    record = service.to_reopen(actor, key_id)
    values = {"revoke_at": None, "brownout_from": None, "revoked_reason": None}
    return verbs.change(actor, record, values, action="revocation_cancelled")


# ---------------------------------------------------------------- many at once


@dataclass(frozen=True, slots=True)
class Selection:
    """Which keys: a list's question, and of it some ids, or all."""

    listing: Listing[ApiKey]
    query: Query
    ids: Sequence[str] = ()

    @property
    def is_narrowed(self) -> bool:
        """Tell whether it says which keys, and is not simply all of them."""
        asked = self.query
        return bool(self.ids or asked.filters or asked.bounds or asked.q or asked.tag or asked.show)


def how_many(actor: Actor, chosen: Selection) -> int:
    """Return how many keys a revocation of these would stop: the dry run. At most MOST are
    counted."""
    actor.require("keys:read")
    return (
        session.scalar(select(func.count()).select_from(_ids(actor, chosen, MOST).subquery())) or 0
    )


def sample(actor: Actor, chosen: Selection, most: int) -> Sequence[ApiKey]:
    """Return the first few of them, to look at before they are stopped."""
    return session.scalars(
        select(ApiKey)
        .where(ApiKey.tenant_id == actor.tenant_id, ApiKey.id.in_(_ids(actor, chosen, most)))
        .options(joinedload(ApiKey.owning_application))
        .order_by(ApiKey.name_key)
    ).all()


def revoke_many(actor: Actor, chosen: Selection, reason: str | None) -> int:
    """Stop all of these for ever, in one transaction; gives how many there were."""
    return _stop(actor, chosen, "revoked", reason)


def block_many(actor: Actor, chosen: Selection, reason: str | None) -> int:
    """Stop all of these until they are unblocked."""
    return _stop(actor, chosen, "blocked", reason)


REPAIRS: Mapping[str, Callable[[datetime], Mapping[str, object]]] = {
    "expire": lambda now: {"expires_at": now + timedelta(days=90)},
    "limit": lambda now: {"rpm_limit": 600},
    "budget": lambda now: {"max_budget_usd": Decimal(100), "budget_period": "month"},
}


def repair_many(actor: Actor, chosen: Selection, verb: str) -> int:
    """Give these keys, MOST_REPAIRED at most, the end, the limit or the budget that they lack; what
    a key has already stays."""
    actor.require("keys:write")
    values = REPAIRS[verb](database_now())
    repaired = 0
    for record in _locked(actor, chosen, MOST_REPAIRED):
        missing = {name: value for name, value in values.items() if not _has(record, name)}
        if missing:
            verbs.change(actor, record, missing)
            session.expire(record, ["status"])
            repaired += 1
    return repaired


def _has(record: ApiKey, name: str) -> bool:
    return getattr(record, name) not in (None, "none")


def _stop(actor: Actor, chosen: Selection, verb: str, reason: str | None) -> int:
    actor.require("keys:write")
    now = database_now()
    values: dict[str, object] = {"revoked_at": now, "revoked_reason": reason}
    if verb == "blocked":
        values = {"blocked": True, "blocked_reason": reason}
    few = _locked(actor, chosen, ONE_BY_ONE + 1)
    if len(few) <= ONE_BY_ONE:
        for record in few:
            verbs.change(actor, record, values, action=verb)
            session.expire(record, ["status"])
        return len(few)
    return _stop_together(actor, chosen, verb, values, reason)


def _locked(actor: Actor, chosen: Selection, most: int) -> Sequence[ApiKey]:
    """Return the first of these keys as they are now, to be changed."""
    return session.scalars(
        select(ApiKey)
        .where(ApiKey.tenant_id == actor.tenant_id)
        .where(ApiKey.id.in_(_ids(actor, chosen, most)))
        .with_for_update(of=ApiKey)
        .execution_options(populate_existing=True)
    ).all()


def _stop_together(
    actor: Actor, chosen: Selection, verb: str, values: dict[str, object], reason: str | None
) -> int:
    """Return one statement and one entry: an emergency does not wait for thousands of entries."""
    stopped = session.scalars(
        update(ApiKey)
        .where(ApiKey.tenant_id == actor.tenant_id)
        .where(ApiKey.id.in_(_ids(actor, chosen, None)))
        .where(ApiKey.revoked_at.is_(None))  # skip those that somebody else has just revoked
        .values(**values, version=ApiKey.version + 1, updated_by=actor.person_id or actor.id)
        .returning(ApiKey.id)
        .execution_options(synchronize_session=False)
    ).all()
    flush()
    if not stopped:
        return 0
    if verb == "revoked":
        counts.give_back(actor.tenant_id, ApiKey, len(stopped))
    changed(stopped)
    audit.note(
        actor,
        f"key.{verb}",
        record_kind="key",
        record_id=stopped[0],
        record_name=f"{len(stopped):,} keys together",
        changes={"keys": (None, len(stopped))},
    )
    application_id = chosen.query.filters.get("application_id")
    told = {"count": len(stopped), "reason": reason, "application_id": application_id}
    events.announce(actor, f"api_keys.{verb}", told)
    return len(stopped)


def _ids(actor: Actor, chosen: Selection, most: int | None) -> Select[str]:
    statement = narrowed(actor, chosen.listing, chosen.query).where(ApiKey.revoked_at.is_(None))
    if chosen.ids:
        statement = statement.where(ApiKey.id.in_(chosen.ids))
    return statement.with_only_columns(ApiKey.id).limit(most)


# ---------------------------------------------------------------- the panic button


def panic(
    actor: Actor, application: Application, typed: str, reason: str | None, of: Listing[ApiKey]
) -> int:
    """Revoke every key of an application, now. Raises Invalid unless its slug was typed."""
    if typed != application.slug:
        raise Invalid.field("confirm", f"Type {application.slug} to confirm.")
    chosen = of_application(application, of)
    return revoke_many(actor, chosen, reason or "Panic: all keys of the application")


def of_application(application: Application, of: Listing[ApiKey]) -> Selection:
    """Return every key of an application."""
    return Selection(of, Query(filters={"application_id": application.id}))
