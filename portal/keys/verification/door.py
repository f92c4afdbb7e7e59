"""Answer requests about keys before Flask, which would cost more than the requests themselves.

Only the plain case is answered here: the caller is a key without limits of its own, and the body is
valid. Every other request goes on to the application, which decides with the same functions and
reports what is wrong. Nothing is consumed before this is clear.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from portal.core.deadlines import elapsed
from portal.core.errors import PortalError
from portal.keys.decision.decision import Question, refusal
from portal.keys.decision.snapshot import Snapshot
from portal.keys.schemas import VerifyKey
from portal.keys.verification.introspection import described, is_active
from portal.keys.verification.use_counts import usage
from portal.keys.verification.verifier import KeyVerifier
from portal.keys.verification.verify import begin
from portal.rest import strict_json
from portal.rest.api import Ready, bearer_of, new_request_id, ready
from portal.rest.openapi import PREFIX

VERIFY = f"{PREFIX}/api-keys/verify"
INTROSPECT = "/oauth/introspect"
SCOPE = "keys:verify"

Header = Callable[[str], str | None]
InThread = Callable[..., Awaitable[Any]]
"""Run a function with these arguments in a thread, and return its result."""


async def verify(
    engine: KeyVerifier, header: Header, body: bytes, in_thread: InThread
) -> Ready | None:
    """Return the verdict on a key; None if the application must handle this request.

    It waits for nothing but PostgreSQL's count, and for a look-up `in_thread` if the key may have
    changed meanwhile. Raises UnknownOutcome when the call may have been counted, and Unavailable
    when it was not, or when PostgreSQL has not answered for too long.
    """
    engine.require_current_for(credential(header))
    caller = caller_of(engine, header, SCOPE)
    if caller is None or _kind(header) != "application/json":
        return None
    request_id = new_request_id()
    try:
        asked = VerifyKey.read(strict_json.parse(body))
    except PortalError:
        return None  # the application reports it
    asked_at = elapsed()
    key = engine.remembered(asked.key.strip())
    if key is None or asked.dry_run:
        return None
    begun = begin(engine, caller.tenant_id, asked, request_id, key, asked_at)
    if not isinstance(begun, dict):
        call, counted = begun
        admission = await engine.meters.counting.counted(counted)
        if engine.may_have_changed(call.key, asked_at):
            begun = await in_thread(call.answer_anew, asked, counted, admission)
        else:
            begun = call.answer(admission)
    usage.note(caller.tenant_id, caller.id, engine.clock.now(), scope=SCOPE)
    return ready(begun, 200, request_id)


def introspect(engine: KeyVerifier, issuer: str, header: Header, body: bytes) -> Ready | None:
    """Return the description of a key (RFC 7662); None if the application must handle this.

    Raises Unavailable for a caller with a key when PostgreSQL has not answered for too long.
    """
    engine.require_current_for(credential(header))
    caller = caller_of(engine, header, SCOPE)
    if caller is None or _kind(header) != "application/x-www-form-urlencoded":
        return None
    try:
        # With empty values: an empty token and another are two, which the application refuses.
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=8)
        [shown] = fields["token"]
    except (ValueError, KeyError):
        return None
    key = engine.remembered(shown.strip())
    if key is None or engine.meters.may_be_used_up(key):
        return None
    request_id = new_request_id()
    usage.note(caller.tenant_id, caller.id, engine.clock.now(), scope=SCOPE)
    is_own = key.tenant_id == caller.tenant_id
    if is_own and is_active(engine, key, caller.id, request_id):
        return ready(described(key, issuer), 200, request_id)
    return ready({"active": False}, 200, request_id)


def caller_of(engine: KeyVerifier, header: Header, scope: str) -> Snapshot | None:
    """Return the key that a request authenticates with, or None.

    The key must be valid, have this scope, and have no allowed networks and no limits on its calls.
    """
    key = engine.remembered(credential(header))
    if key is None or key.allowed_ips or key.counts_calls:
        return None
    refused = refusal(key, Question(scope=scope), engine.clock.now())
    return key if refused is None else None


def credential(header: Header) -> str:
    """Return the bearer credential of a request, or an empty text."""
    return bearer_of(header("authorization") or "")


def _kind(header: Header) -> str:
    return (header("content-type") or "").partition(";")[0].strip().lower()
