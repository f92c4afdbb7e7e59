"""Authenticate calls of the portal's own REST API with a key, or with a token made from a key.

The decision and the cache are the same as for every other call. A request is checked twice: first
the key, before the operation is known, then whether the key may do this operation now. Only the
second check consumes. The caller learns only the kind of a refusal; the trace is stored for the
owners of the key, by request id.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from math import ceil

from flask import Flask, Response, g

from portal.core.deadlines import elapsed
from portal.core.errors import UNKNOWN, Forbidden, RateLimited, Unauthenticated
from portal.database.actor import Actor, Origin
from portal.database.session import enter_tenant
from portal.identity.openid.claims import ALL_SCOPES
from portal.keys.decision.decision import SOURCE_LIMITED, Question, refusal
from portal.keys.decision.format import digest
from portal.keys.decision.snapshot import Snapshot, gone
from portal.keys.decision.verdict import FREE, Admission
from portal.keys.verification.use_counts import usage
from portal.keys.verification.verifier import KeyVerifier, engine
from portal.keys.verification.verify import deny
from portal.outbound.networks import parse

NOT_FROM_HERE = (
    "This key, or a token of it, may not be used from this address. Call from one of the key's"
    " networks (allowed_ips)."
)


def authenticate_key(token: str, origin: Origin) -> Actor | None:
    """Return the actor of a raw key, and enter its tenant; None for a key that is not valid.

    The caller does not learn the reason. Raises RateLimited for a source that tries too many
    unknown keys, and Forbidden for a valid key from an address that it may not be used from.
    """
    checks, asked_at = engine(), elapsed()
    source = None if origin.ip is None else parse(origin.ip)
    key = checks.find(token, source)
    if key == SOURCE_LIMITED:
        raise RateLimited(
            "Too many unknown keys from here.", retry_after=checks.sources.wait(source)
        )
    if isinstance(key, str):
        return None
    return opened(checks, key, origin, asked_at, lambda: checks.known(digest(token)))


def opened(
    checks: KeyVerifier,
    key: Snapshot,
    origin: Origin,
    asked_at: float,
    look_again: Callable[[], Snapshot | None],
) -> Actor | None:
    """Return the actor of a key, or of the key behind a token, and enter its tenant.

    `asked_at` is the time (`elapsed`) before the key was read, and `look_again` returns the key as
    it is now, if it may have changed since. Return None for a key that is not valid, and store a
    trace for its owners. Raises Forbidden for an address that the key may not be used from.
    """
    source = None if origin.ip is None else parse(origin.ip)
    question, now = Question(ip=source), checks.clock.now()
    code = refusal(key, question, now)
    if code is not None:
        _refuse(checks, key, question, code, origin, now)
        if code == "IP_FORBIDDEN":
            raise Forbidden(NOT_FROM_HERE)
        return None
    g.key_called_with, g.key_asked_at, g.look_at_key_again = key, asked_at, look_again
    enter_tenant(key.tenant_id)
    return actor_of(key, origin)


def actor_of(key: Snapshot, origin: Origin) -> Actor:
    """Return the actor for calls with this key."""
    return Actor(
        tenant_id=key.tenant_id,
        kind="application",
        id=key.id,
        name=key.name,
        scopes=ALL_SCOPES & key.scopes,
        app_id=key.application_slug,
        application_id=key.application_id,
        expires_at=key.ends_at,
        origin=origin,
    )


def admit(actor: Actor, scope: str, is_dry: bool = False) -> None:
    """Admit an actor to what needs `scope`, or raise Forbidden, RateLimited or Unauthenticated.

    A call with a key, or with a token of it, takes one of the key's requests, and one of its uses
    unless it is a dry run. What is taken is not given back if the operation fails later.
    """
    key: Snapshot | None = g.get("key_called_with")
    if key is None or key.id != actor.id:
        actor.require(scope)
        return
    source = None if actor.origin.ip is None else parse(actor.origin.ip)
    checks = engine()
    question, now = Question(scope=scope or None, ip=source), checks.clock.now()
    if not actor.can(scope):
        _refuse(checks, key, question, "SCOPE_MISSING", actor.origin, now)
        actor.require(scope)
    admission = FREE
    if key.counts_calls:
        take = _taken_by_dry_run if is_dry and key.max_uses is not None else _taken
        admission = g.key_limits = take(checks, key, question)
    if admission.refused is not None:
        _refuse(checks, key, question, admission.refused, actor.origin, now, admission)
        if admission.refused == "RPM_EXCEEDED":
            raise too_often(key, admission)
        raise Unauthenticated(UNKNOWN)
    if checks.may_have_changed(key, g.key_asked_at):
        _admit_anew(checks, key, question, actor.origin)
    usage.note(key.tenant_id, key.id, now, source=actor.origin.ip, scope=scope or None)


def _admit_anew(checks: KeyVerifier, key: Snapshot, question: Question, origin: Origin) -> None:
    """Refuse a call if its key is refused now: the call may have waited for its count."""
    key, now = g.look_at_key_again() or gone(key), checks.clock.now()
    code = refusal(key, question, now)
    if code is None:
        return
    _refuse(checks, key, question, code, origin, now)
    if code == "IP_FORBIDDEN":
        raise Forbidden(NOT_FROM_HERE)
    if code == "SCOPE_MISSING":
        actor_of(key, origin).require(question.scope or "")
    raise Unauthenticated(UNKNOWN)


def _taken(checks: KeyVerifier, key: Snapshot, question: Question) -> Admission:
    return checks.meters.admit(key, question, money=False, asked_at=g.key_asked_at)


def _taken_by_dry_run(checks: KeyVerifier, key: Snapshot, question: Question) -> Admission:
    """Take a request of a key, and only look whether it has a use left.

    Its lent requests are no part of the look, because PostgreSQL has counted them all as taken.
    """
    looked = checks.meters.look_at_uses(key)
    return looked if looked.refused else _taken(checks, replace(key, max_uses=None), question)


def too_often(key: Snapshot, admission: Admission) -> RateLimited:
    """Return the error for a key over its limit per minute, with the seconds to wait."""
    return RateLimited(
        f"Rate limit of this key exceeded ({key.rpm_limit:,}/min).",
        retry_after=_seconds_left(admission),
    )


def _refuse(
    checks: KeyVerifier,
    key: Snapshot,
    question: Question,
    code: str,
    origin: Origin,
    now: datetime,
    admission: Admission = FREE,
) -> None:
    usage.deny(key.tenant_id, key.id, now, code)
    deny(checks, key, question, code, admission, origin.request_id or "", now)


def _seconds_left(admission: Admission) -> int:
    reset = next((one.reset_at for one in admission.limits if one.name == "rpm"), None)
    seconds = 1.0 if reset is None else (reset - engine().clock.now()).total_seconds()
    return max(1, ceil(seconds))


def add_limit_headers(response: Response) -> Response:
    """Add the headers `RateLimit` and `RateLimit-Policy` to the response to a call with a key.

    They are defined in draft-ietf-httpapi-ratelimit-headers.
    """
    admission: Admission | None = g.get("key_limits")
    for limit in () if admission is None else admission.limits:
        if limit.name == "rpm" and admission is not None:
            left, seconds = limit.remaining or 0, _seconds_left(admission)
            response.headers["RateLimit"] = f'"rpm";r={left};t={seconds}'
            response.headers["RateLimit-Policy"] = f'"rpm";q={limit.limit};w=60'
    return response


def init_app(app: Flask) -> None:
    """Show the rest of the key's limit in every response to a call with a key."""
    app.after_request(add_limit_headers)
