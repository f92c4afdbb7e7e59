"""Record reported leaks, each place once, and apply the tenant's policy.

A report has the place where a key was found. The policy sets a response by reporter and by the kind
of the key; if both apply, the stricter one wins.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, true, update
from sqlalchemy.dialects.postgresql import insert

from portal.core.errors import Invalid, StaleVersion
from portal.core.key_shape import SHAPE
from portal.database.actor import Actor
from portal.database.record import find
from portal.database.session import database_now, flush, session
from portal.keys import service
from portal.keys.models import ApiKey
from portal.keys.schemas import ReportLeak
from portal.keys.tables import LEAK_CASES, LEAK_RESPONSES, KeyLeak, KeyLeakPolicy
from portal.records import verbs
from portal.records.audit import trail as audit

DEFAULT = "block"  # a stranger may have the key, and a person can undo the block
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Report:
    """The reporter and the place of a leak; `place` is the reporter's word, such as `commit`."""

    reporter: str
    url: str | None = None
    place: str | None = None

    @property
    def digest(self) -> str:
        """Return a hash that identifies the reporter and the URL."""
        return hashlib.sha256(f"{self.reporter} {self.url or ''}".encode()).hexdigest()


def take(actor: Actor, key_id: str, report: Report) -> str:
    """Record where a key was found, apply the policy, and return the response.

    The same place a second time changes nothing, because a person may have settled it; what holds
    for the key now is returned. Without a place, a report is the same until it is settled: after
    that, it is a new leak. Raises NotFound.
    """
    record = service.to_stop(actor, key_id)
    url = None if not report.url else SHAPE.sub("…", report.url)[:2000]
    response = _due(record, policy(actor.tenant_id), report.reporter)
    if not _note(record, report, url, response):
        return _state(record)
    found = {"found_at": (None, url), "response": (None, response)}
    audit.record(actor, "key.reported_a_leak_of", record, found)
    _respond(actor, record, response, f"Found in public: {url or report.place or 'unknown place'}")
    more = {"reporter": report.reporter, "place": report.place, "url": url, "response": response}
    service.announce(actor, record, "leaked", more)
    return response


def _note(record: ApiKey, report: Report, url: str | None, response: str) -> bool:
    """Store a report about a key that is locked, and return whether it is a new one."""
    values: dict[str, Any] = {
        "reporter": report.reporter,
        "place": report.place,
        "url": url,
        "response": response,
        # Not when the transaction began: who settles what a page shows leaves what came later.
        "reported_at": func.clock_timestamp(),
    }
    again = {**values, "settled_at": None, "settled_by": None}
    noted = session.scalar(
        insert(KeyLeak)
        .values(tenant_id=record.tenant_id, key_id=record.id, digest=report.digest, **values)
        .on_conflict_do_update(
            index_elements=[KeyLeak.tenant_id, KeyLeak.key_id, KeyLeak.digest],
            set_=again,
            where=KeyLeak.url.is_(None) & KeyLeak.settled_at.is_not(None),
        )
        .returning(KeyLeak.digest)
    )
    return noted is not None


def _state(record: ApiKey) -> str:
    """Return the response that the key's state is the same as now."""
    if record.status == "revoked":
        return "revoke"
    return "block" if record.blocked else "notify"


def by_scanner(actor: Actor, command: ReportLeak) -> dict[str, str | None]:
    """Record the report of the tenant's own scanner, by the key's fingerprint.

    As in a verification, the key may be any of the tenant: who finds one cannot know whose it is.
    """
    actor.require("keys:verify")
    # So that an application's scanner finds the keys of others, and reads no events about them.
    actor = replace(actor, app_id=None, application_id=None)
    known = ApiKey.seen_by(actor).where(ApiKey.key_hash == command.fingerprint)
    key_id = session.scalar(known.with_only_columns(ApiKey.id))
    if key_id is None:
        return {"key_id": None, "response": None}
    return {"key_id": key_id, "response": take(actor, key_id, Report("scanner", command.url))}


def _due(record: ApiKey, policy: Mapping[str, str], reporter: str) -> str:
    """Return the strictest of the policy and of what was done to the key before."""
    said = {policy[case] for case in (reporter, record.kind) if case in policy}
    said = said or {policy.get("default", DEFAULT)}
    return max({*said, _state(record)}, key=LEAK_RESPONSES.index)


def _respond(actor: Actor, record: ApiKey, response: str, reason: str) -> None:
    if response == "revoke" and record.status != "revoked":
        service.end(actor, record, reason[:200], database_now())
    elif response == "block":
        # Also if it is blocked already: who decided to unblock it before has not seen the leak.
        if record.blocked_reason:
            reason = f"{reason[:120]}. Before: {record.blocked_reason}"
        values = {"blocked": True, "blocked_reason": reason[:200]}
        verbs.change(actor, record, values, action="blocked", why="blocked_reason")


# ---------------------------------------------------------------- looking and settling


def newest(actor: Actor) -> Sequence[tuple[KeyLeak, ApiKey]]:
    """Return the newest reports about keys that the actor sees."""
    actor.require("keys:read")
    query = (
        ApiKey.seen_by(actor)
        .join(KeyLeak, (KeyLeak.tenant_id == ApiKey.tenant_id) & (KeyLeak.key_id == ApiKey.id))
        .with_only_columns(KeyLeak, ApiKey)
        .order_by(KeyLeak.reported_at.desc())
        .limit(SHOWN)
    )
    return [(leak, key) for leak, key in session.execute(query)]


def settle(actor: Actor, key_id: str, until: datetime | None = None) -> int:
    """Settle the leaks of a key, which a person has dealt with: all, or those reported until a
    time. Return how many there were."""
    actor.require("keys:write")
    record = find(ApiKey, actor, key_id)
    settled = session.scalars(
        update(KeyLeak)
        .where(
            KeyLeak.tenant_id == actor.tenant_id,
            KeyLeak.key_id == record.id,
            KeyLeak.settled_at.is_(None),
            KeyLeak.reported_at <= until if until else true(),
        )
        .values(settled_at=database_now(), settled_by=actor.person_id or actor.id)
        .returning(KeyLeak.digest)
        .execution_options(synchronize_session=False)
    ).all()
    if settled:
        audit.record(actor, "key.settled_leaks_of", record, {"leaks": (len(settled), 0)})
    return len(settled)


# ---------------------------------------------------------------- the policy


def policy(tenant_id: str) -> dict[str, str]:
    """Return case → response, for the cases that the tenant has decided."""
    own = KeyLeakPolicy.tenant_id == tenant_id
    rows = session.execute(select(KeyLeakPolicy.about, KeyLeakPolicy.response).where(own))
    return dict(rows.all())


def effective(tenant_id: str) -> dict[str, str]:
    """Return case → response, as `policy` does, with the usual one for any report."""
    return {"default": DEFAULT, **policy(tenant_id)}


def decide(actor: Actor, decided: Mapping[str, str], seen: Mapping[str, str] | None = None) -> None:
    """Set the response of these cases; an empty one takes the case back. Others stay as they are.

    `seen` has the responses that the actor saw. Raises StaleVersion if one of those to set was
    changed since, Forbidden for an application's credential, Invalid for a case or a response that
    does not exist.
    """
    actor.require("keys:write")
    actor.decide_for_tenant()
    for case, response in decided.items():
        if case not in LEAK_CASES or response not in ("", *LEAK_RESPONSES):
            raise Invalid.field(case[:20], f"Choose one of {', '.join(LEAK_RESPONSES)}.")
    # One at a time, so that two people who decide two cases both keep what they decided.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(actor.tenant_id, 0))))
    before = policy(actor.tenant_id)
    present = {"default": DEFAULT, **before}
    shown = {case: response for case, response in (seen or {}).items() if case in decided}
    if any(present.get(case, "") != response for case, response in shown.items()):
        raise StaleVersion(
            "Somebody else saved another answer while you were choosing. Nothing was changed; load"
            " the page again."
        )
    after = {case: response for case, response in {**before, **decided}.items() if response}
    if before == after:
        return
    session.execute(delete(KeyLeakPolicy).where(KeyLeakPolicy.tenant_id == actor.tenant_id))
    session.add_all(
        KeyLeakPolicy(tenant_id=actor.tenant_id, about=case, response=response)
        for case, response in after.items()
    )
    flush()
    audit.note(
        actor,
        "leak_policy.updated",
        record_kind="leak policy",
        record_id=actor.tenant_id,
        record_name="Answer to leaks",
        changes={
            case: (before.get(case), after.get(case))
            for case in sorted({*before, *after})
            if before.get(case) != after.get(case)
        },
    )
