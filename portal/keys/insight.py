"""What an admin asks about keys: who uses it, what would break, why was it refused, who knows."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Double, Select, cast, func, select

from portal.db import Actor, find, session
from portal.errors import NotFound
from portal.keys.engine import engine
from portal.keys.explain import of_request
from portal.keys.models import ApiKey
from portal.keys.observed import Seen
from portal.keys.schemas import RehearseKey
from portal.keys.snapshot import Snapshot
from portal.keys.state import KeyAcknowledgement, KeyChange, KeyUse, KeyVerifier
from portal.keys.verify import rehearsed
from portal.keys.watch import ALIVE_SECONDS

DAY = timedelta(hours=24)
LATEST = timedelta(seconds=10)


def _used(actor: Actor, key_id: str, span: timedelta) -> dict[str, list[Seen]]:
    """Aspect → the sources, scopes, denials or calls of a key, the most frequent first."""
    actor.require("keys:read")
    find(ApiKey, actor, key_id)
    calls = func.sum(KeyUse.calls)
    query = (
        select(KeyUse.aspect, KeyUse.what, calls, func.max(KeyUse.last_at))
        .where(KeyUse.tenant_id == actor.tenant_id, KeyUse.key_id == key_id)
        .where(KeyUse.last_at > func.now() - span)
        .group_by(KeyUse.aspect, KeyUse.what)
        .order_by(calls.desc())
        .limit(1000)
    )
    found: dict[str, list[Seen]] = {}
    for aspect, what, count, at in session.execute(query):
        found.setdefault(aspect, []).append(Seen(what, int(count), at))
    return found


def impact(actor: Actor, key_id: str) -> dict[str, Any]:
    """What would be hit if the key ended now: its last 24 hours, and the keys that hang on it."""
    aspects = _used(actor, key_id, DAY)
    children = select(func.count()).where(
        ApiKey.tenant_id == actor.tenant_id,
        ApiKey.parent_key_id == key_id,
        ApiKey.status == "active",
    )
    return {
        "key_id": key_id,
        "calls": sum(seen.calls for seen in aspects.get("call", [])),
        "sources": [asdict(seen) for seen in aspects.get("source", [])],
        "scopes": [asdict(seen) for seen in aspects.get("scope", [])],
        "children": session.scalar(children) or 0,
    }


def explain(actor: Actor, request_id: str) -> dict[str, Any]:
    """Why the request of this id was refused. Raises NotFound where nothing is kept of it."""
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
    """The verdict about a key as if it were used, with every check; consumes nothing."""
    actor.require("keys:read")
    record = find(ApiKey, actor, key_id)
    snapshot: Snapshot | None = engine().look_up(record.key_hash)
    if snapshot is None:
        raise NotFound(f"There is no key {key_id[:60]} in this tenant.")
    return rehearsed(engine(), snapshot, asked)


@dataclass(frozen=True, slots=True)
class Heard:
    """How many of the processes that verify have heard of a key's newest change, and after how
    many milliseconds the last of them had; None where that was forgotten or nothing changed."""

    verifiers: int
    heard: int
    milliseconds: float | None

    @property
    def by_all(self) -> bool:
        """Whether nobody verifies who has not heard."""
        return self.heard == self.verifiers


def propagation(actor: Actor, key_id: str) -> Heard:
    """Who has heard of the newest change of a key: "2 of 2 verifiers, the last after 3 ms"."""
    actor.require("keys:read")
    find(ApiKey, actor, key_id)
    row = session.execute(hearing(actor.tenant_id, key_id)).one()
    return Heard(row[0], row[1], row[2])


def hearing(tenant_id: str, key_id: str) -> Select[int, int, float | None]:
    """The one row that `Heard` is made of."""
    change = select(KeyChange.seq, KeyChange.changed_at).where(
        KeyChange.tenant_id == tenant_id, KeyChange.record_id == key_id
    )
    newest = change.with_only_columns(KeyChange.seq).scalar_subquery()
    changed_at = change.with_only_columns(KeyChange.changed_at).scalar_subquery()
    heard_at = (
        select(func.min(KeyAcknowledgement.seen_at))
        .where(KeyAcknowledgement.verifier_id == KeyVerifier.id, KeyAcknowledgement.seq >= newest)
        # One that began after the change knew it from its start: what it hears later is other news.
        .where(KeyAcknowledgement.seen_at < changed_at + LATEST)
        .scalar_subquery()
    )
    alive = (
        select(KeyVerifier.seq, heard_at.label("heard_at"))
        .where(KeyVerifier.seen_at > func.now() - timedelta(seconds=ALIVE_SECONDS))
        .subquery()
    )
    seconds = func.extract("epoch", func.max(alive.c.heard_at) - changed_at)
    spent = func.nullif(func.greatest(func.round(seconds * 1000, 1), 0), 0)
    return select(
        func.count().label("verifiers"),
        func.count().filter(alive.c.seq >= func.coalesce(newest, 0)).label("heard"),
        cast(spent, Double).label("milliseconds"),
    ).select_from(alive)
