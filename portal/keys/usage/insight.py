"""Answers for admins about a key: its use, its refusals, and how many verifiers know its
changes."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Double, case, cast, func, not_, select

from portal.core.errors import NotFound
from portal.core.key_shape import shown
from portal.database.actor import Actor
from portal.database.record import find
from portal.database.session import session
from portal.keys.decision.snapshot import Snapshot
from portal.keys.models import ApiKey
from portal.keys.schemas import RehearseKey
from portal.keys.tables import KeyAcknowledgement, KeyChange, KeyUse, KeyVerifier
from portal.keys.usage.explain import of_request
from portal.keys.usage.figures import Seen
from portal.keys.verification.verifier import engine
from portal.keys.verification.verify import rehearsed

DAY = timedelta(hours=24)
MOST = 1000  # of the sources of a key, and so of its scopes
LATEST = timedelta(seconds=10)
SECONDS_FROM_MS = 10_000
UNSAID_SECONDS = 60.0  # for processes of a release that does not store `stale_seconds`


def _used(actor: Actor, key_id: str, span: timedelta) -> dict[str, list[Seen]]:
    """Return aspect → the sources, scopes, denials or calls of a key, the most frequent first.

    The caller must have checked that the actor may read the key.
    """
    calls = func.sum(KeyUse.calls)
    # The limit is for each aspect: a caller may name another source for each call.
    rank = func.row_number().over(partition_by=KeyUse.aspect, order_by=(calls.desc(), KeyUse.what))
    used = (
        select(
            KeyUse.aspect,
            KeyUse.what,
            calls.label("calls"),
            func.max(KeyUse.last_at).label("at"),
            rank.label("rank"),
        )
        .where(KeyUse.tenant_id == actor.tenant_id, KeyUse.key_id == key_id)
        .where(KeyUse.last_at > func.now() - span)
        .group_by(KeyUse.aspect, KeyUse.what)
        .subquery()
    )
    query = (
        select(used.c.aspect, used.c.what, used.c.calls, used.c.at)
        .where(used.c.rank <= MOST)
        .order_by(used.c.rank)
    )
    found: dict[str, list[Seen]] = {}
    for aspect, what, count, at in session.execute(query):
        found.setdefault(aspect, []).append(Seen(what, int(count), at))
    return found


def impact(actor: Actor, key_id: str) -> dict[str, Any]:
    """Return what would break if the key ended now: its last 24 hours, and the children that work.

    A child does not work while its parent is stopped.
    """
    actor.require("keys:read")
    works = find(ApiKey, actor, key_id).state == "active"
    aspects = _used(actor, key_id, DAY)
    children = select(func.count()).where(
        ApiKey.tenant_id == actor.tenant_id,
        ApiKey.parent_key_id == key_id,
        ApiKey.state == "active",
    )
    return {
        "key_id": key_id,
        "calls": sum(seen.calls for seen in aspects.get("call", [])),
        "sources": [asdict(seen) for seen in aspects.get("source", [])],
        "scopes": [asdict(seen) for seen in aspects.get("scope", [])],
        "children": (session.scalar(children) or 0) if works else 0,
    }


def explain(actor: Actor, request_id: str) -> dict[str, Any]:
    """Return why a request was refused. Raises NotFound if nothing is stored about it."""
    found = of_request(actor, request_id)
    if found is None:
        raise NotFound("Nothing is kept of a refusal with this request id.")
    return {
        "request_id": request_id,
        "denied_at": found.at,
        "key_id": found.key_id,
        "code": found.code,
        "source": found.source,
        "trace": found.checks,
    }


def what_if(actor: Actor, key_id: str, asked: RehearseKey) -> dict[str, Any]:
    """Return the verdict of an imagined call with a key, with every check. Consumes nothing."""
    actor.require("keys:read")
    record = find(ApiKey, actor, key_id)
    snapshot: Snapshot | None = engine().look_up(record.key_hash)
    if snapshot is None:
        raise NotFound(f"There is no key {shown(key_id)} in this tenant.")
    return rehearsed(engine(), snapshot, asked)


@dataclass(frozen=True, slots=True)
class Propagation:
    """The number of verifying processes that have received a key's newest change.

    `verifiers` counts those that may answer from memory. `milliseconds` is the time from the moment
    at which the change was written until the last of them received it, so with the time of saving
    it, and all keys that were changed with it. It leaves out those that began later and knew it,
    and is None if that is not stored of all of them or nothing changed. `cut_off` are the hosts
    where a process has not said that it received it, and all are silent for too long. A silent
    process responds with 503, unless it only cannot write what it has received.
    """

    verifiers: int
    heard: int
    milliseconds: float | None
    cut_off: list[str]

    @property
    def by_all(self) -> bool:
        """Tell whether every process that may answer from memory has received the change.

        If all are silent, one may be heard again soon.
        """
        return self.heard == self.verifiers and (self.verifiers > 0 or not self.cut_off)

    @property
    def took(self) -> str:
        """Return `milliseconds` with a unit for people, empty if that is not known."""
        if self.milliseconds is None:
            return ""
        if self.milliseconds < SECONDS_FROM_MS:
            return f"{self.milliseconds:g} ms"
        return f"{self.milliseconds / 1000:,.1f} s"


def propagation(actor: Actor, key_id: str) -> Propagation:
    """Return how many verifiers have received the newest change of a key."""
    actor.require("keys:read")
    find(ApiKey, actor, key_id)
    return hearing(actor.tenant_id, key_id)


def of_stop(record: ApiKey) -> Propagation | None:
    """Return how many verifiers have received that a key is blocked or revoked; None if it is
    neither."""
    is_stopped = record.blocked or record.revoked_at is not None
    return hearing(record.tenant_id, record.id) if is_stopped else None


def hearing(tenant_id: str, key_id: str) -> Propagation:
    """Count the verifiers that have received the newest change of a key.

    The caller must have checked that the key belongs to the tenant.
    """
    change = select(KeyChange.seq, KeyChange.changed_at).where(
        KeyChange.tenant_id == tenant_id, KeyChange.record_id == key_id
    )
    newest = func.coalesce(change.with_only_columns(KeyChange.seq).scalar_subquery(), 0)
    changed_at = change.with_only_columns(KeyChange.changed_at).scalar_subquery()
    own = select(KeyAcknowledgement).where(KeyAcknowledgement.verifier_id == KeyVerifier.id)
    # The acknowledgement of a later change says when this one was heard only if it came soon.
    of_this = KeyAcknowledgement.seq == newest
    soon = (KeyAcknowledgement.seq > newest) & (KeyAcknowledgement.seen_at < changed_at + LATEST)
    heard_at = (
        own.with_only_columns(func.min(KeyAcknowledgement.seen_at))
        .where(of_this | soon)
        .scalar_subquery()
    )
    # A process acknowledges first what it knows when it begins.
    began_with = own.with_only_columns(func.min(KeyAcknowledgement.seq)).scalar_subquery()
    # By the clock of PostgreSQL, which also set `seen_at`.
    silent_for = func.extract("epoch", func.clock_timestamp() - KeyVerifier.seen_at)
    may_answer = silent_for < func.coalesce(KeyVerifier.stale_seconds, UNSAID_SECONDS)
    # The row of a process that was killed stays for an hour, beside that of the one in its place.
    host_may_answer = func.bool_or(may_answer).over(partition_by=KeyVerifier.host)
    known = select(
        KeyVerifier.host,
        host_may_answer.label("host_may_answer"),
        (KeyVerifier.seq >= newest).label("heard"),
        may_answer.label("may_answer"),
        heard_at.label("heard_at"),
        func.coalesce(began_with < newest, True).label("had_to_hear"),
    ).subquery()
    one, has_heard, had_to_hear = known.c.may_answer, known.c.heard, known.c.had_to_hear
    last = func.max(known.c.heard_at).filter(one, had_to_hear)
    is_known = func.bool_and(known.c.heard_at.is_not(None)).filter(one, has_heard, had_to_hear)
    seconds = case((is_known, func.extract("epoch", last - changed_at)))
    spent = func.nullif(func.greatest(func.round(seconds * 1000, 1), 0), 0)
    count = func.count()
    row = session.execute(
        select(
            count.filter(one),
            count.filter(one, has_heard),
            cast(spent, Double),
            func.array_agg(func.distinct(known.c.host)).filter(
                not_(known.c.host_may_answer), not_(has_heard)
            ),
        ).select_from(known)
    ).one()
    return Propagation(row[0], row[1], row[2], sorted(row[3] or []))
