"""Calls of our own REST by key, or by a token for which one was exchanged: the same decision as for
everybody else's, through the same cache.

The gate decides twice: who it is (before the operation is known), and whether this operation may
be done now. Only the second consumes. A refusal tells the caller no more than its kind; the trace
is kept for the people who own the key, by the request's id.
"""

from datetime import datetime
from math import ceil

from flask import Flask, Response, g

from portal.core.errors import UNKNOWN, Forbidden, RateLimited, Unauthenticated
from portal.database.actor import Actor, Origin
from portal.database.session import enter_tenant
from portal.identity.openid.claims import ALL_SCOPES
from portal.keys.decision.decision import SOURCE_LIMITED, Question, refusal
from portal.keys.decision.snapshot import Snapshot
from portal.keys.decision.verdict import FREE, Admission
from portal.keys.verification.use_counts import usage
from portal.keys.verification.verifier import Engine, engine
from portal.keys.verification.verify import deny
from portal.outbound.networks import parse


def authenticate_key(token: str, origin: Origin) -> Actor | None:
    """Return the actor that a raw key speaks for, its tenant entered; None for every key that does
    not hold, whatever the reason: the caller learns no more than that.

    Raises RateLimited for a source that tries too many unknown keys, Forbidden for a good key from
    an address that it may not be used from.
    """
    checks = engine()
    source = None if origin.ip is None else parse(origin.ip)
    key = checks.find(token, source)
    if key == SOURCE_LIMITED:
        raise RateLimited(
            "Too many unknown keys from here.", retry_after=checks.sources.wait(source)
        )
    if isinstance(key, str):
        return None
    return opened(checks, key, origin)


def opened(checks: Engine, key: Snapshot, origin: Origin) -> Actor | None:
    """Return the actor of a key that was shown, or of what a token carries of one; its tenant is
    entered.

    None, and a trace for its owners, for a key that does not open; Forbidden from an address that
    it may not be used from.
    """
    source = None if origin.ip is None else parse(origin.ip)
    question, now = Question(ip=source), checks.clock.now()
    code = refusal(key, question, now)
    if code is not None:
        _refuse(checks, key, question, code, origin, now)
        if code == "IP_FORBIDDEN":
            raise Forbidden("This key may not be used from this address.")
        return None
    g.key_called_with = key
    enter_tenant(key.tenant_id)
    return actor_of(key, origin)


def actor_of(key: Snapshot, origin: Origin) -> Actor:
    """Return who acts when this key opens."""
    return Actor(
        tenant_id=key.tenant_id,
        kind="application",
        id=key.id,
        name=key.name,
        scopes=ALL_SCOPES & key.scopes,
        app_id=key.application_slug,
        application_id=key.application_id,
        origin=origin,
    )


def admit(actor: Actor, scope: str) -> None:
    """Let the actor do what needs `scope`, or raise Forbidden, RateLimited, Unauthenticated.

    A call by key, or by a token of it, takes one of the key's requests; what follows may fail
    without giving it back.
    """
    key: Snapshot | None = g.get("key_called_with")
    if key is None or key.id != actor.id:
        actor.require(scope)
        return
    source = None if actor.origin.ip is None else parse(actor.origin.ip)
    checks = engine()
    question, now = Question(scope=scope, ip=source), checks.clock.now()
    if not actor.can(scope):
        _refuse(checks, key, question, "SCOPE_MISSING", actor.origin, now)
        actor.require(scope)
    admission = FREE
    if key.counts_calls:
        admission = checks.meters.admit(key, question, money=False)
        g.key_limits = admission
    if admission.refused is not None:
        _refuse(checks, key, question, admission.refused, actor.origin, now, admission)
        if admission.refused == "RPM_EXCEEDED":
            raise too_often(key, admission)
        raise Unauthenticated(UNKNOWN)
    usage.note(key.tenant_id, key.id, now, source=actor.origin.ip, scope=scope)


def too_often(key: Snapshot, admission: Admission) -> RateLimited:
    """Return the refusal of a key whose minute is full, with the seconds that it has to wait."""
    return RateLimited(
        f"This key may make {key.rpm_limit} requests a minute.",
        retry_after=_seconds_left(admission),
    )


def _refuse(
    checks: Engine,
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


def tell_limits(response: Response) -> Response:
    """For calls by key: `RateLimit`, `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers)."""
    admission: Admission | None = g.get("key_limits")
    for limit in () if admission is None else admission.limits:
        if limit.name == "rpm" and admission is not None:
            left, seconds = limit.remaining or 0, _seconds_left(admission)
            response.headers["RateLimit"] = f'"rpm";r={left};t={seconds}'
            response.headers["RateLimit-Policy"] = f'"rpm";q={limit.limit};w=60'
    return response


def init_app(app: Flask) -> None:
    """Say in every answer to a call by key what is left of its limit."""
    app.after_request(tell_limits)
