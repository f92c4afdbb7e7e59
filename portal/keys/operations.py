"""REST operations beside the records: verify keys, settle calls, and report on keys."""

from dataclasses import asdict
from typing import Any

from flask import Response

from portal.keys.leaks import reports
from portal.keys.limits import ledger
from portal.keys.models import ApiKey
from portal.keys.posture import posture as standing
from portal.keys.revocation import revocation
from portal.keys.schemas import (
    ExplainRequest,
    ExplanationDocument,
    ImpactDocument,
    PostureDocument,
    PropagationDocument,
    RehearseKey,
    ReportedDocument,
    ReportLeak,
    RevokedDocument,
    RevokeKeys,
    SettleReservation,
    SpendOnKey,
    SpentDocument,
    Verdict,
    VerifyKey,
)
from portal.keys.usage import insight
from portal.keys.verification.verifier import engine
from portal.keys.verification.verify import verify
from portal.rest.api import Outcome, actor, answer, body, no_parameters, once, request_id
from portal.rest.openapi import Operation
from portal.rest.resources import RETRY


def verify_key() -> Response:
    """Tell whether a key is valid for a call. A refused key also gets the status 200."""
    no_parameters()
    asked = VerifyKey.read(body())
    return answer(verify(engine(), actor().tenant_id, asked, request_id()))


def settle(id: str) -> Response:
    """Settle a reservation with the actual cost."""
    no_parameters()
    return answer(ledger.settle(actor(), id, SettleReservation.read(body())).document)


def record_usage(id: str) -> Response:
    """Record a cost on a key after the call."""
    no_parameters()
    return answer(ledger.record_usage(actor(), id, SpendOnKey.read(body())).document)


def revoke_many() -> Response:
    """Revoke or block many keys, or count them on a dry run."""
    no_parameters()
    command = RevokeKeys.read(body())
    return once(lambda: Outcome(revocation.revoke_many(actor(), command), 200))


def report_leak() -> Response:
    """Apply the tenant's leak policy to a key that a scanner found."""
    no_parameters()
    return answer(reports.by_scanner(actor(), ReportLeak.read(body())))


def explain() -> Response:
    """Return why a request was refused."""
    no_parameters()
    return answer(insight.explain(actor(), ExplainRequest.read(body()).request_id))


def posture() -> Response:
    """Return how many keys have each weakness."""
    no_parameters()
    return answer(standing.counts(actor()))


def impact(id: str) -> Response:
    """Return the use of a key in the last 24 hours, and the number of its child keys."""
    no_parameters()
    return answer(insight.impact(actor(), id))


def propagation(id: str) -> Response:
    """Return how many verifiers have received a key's newest change."""
    no_parameters()
    return answer(asdict(insight.propagation(actor(), id)))


def rehearse(id: str) -> Response:
    """Return the verdict that a call with this key would get. Consumes nothing."""
    no_parameters()
    return answer(insight.what_if(actor(), id, RehearseKey.read(body())))


def _operation(name: str, path: str, summary: str, scope: str, **more: Any) -> Operation:
    more.setdefault("method", "POST")
    return Operation(
        resource="api-keys",
        name=name,
        path=f"/api-keys{path}",
        summary=summary,
        scope=scope,
        **more,
    )


OPERATIONS = (
    _operation(
        "verify", "/verify", "Verify a key for a call",
        "keys:verify", view=verify_key, command=VerifyKey, answer=Verdict,
        cannot_validate="A verdict takes what the call costs. Send dry_run: true in the body; then"
        " the same verdict takes nothing.",
        description="Tell whether a key may make a call, and take what the call costs from"
        " its limits and its budget. A refused key is a 200 with `valid: false`"
        " and a code. With `dry_run` nothing is consumed, and every check is"
        " returned.",
    ),
    _operation(
        "settle_reservation", "/reservations/{id}/settle",
        "Settle the reserved cost of a call",
        "keys:verify", view=settle, command=SettleReservation, answer=SpentDocument,
        description="Replace the reserved amount of a call by what it really cost. A"
        " second time changes nothing and returns the first result. A"
        " reservation that does not exist is a 404.",
    ),
    _operation(
        "record_usage", "/{id}/usage", "Record the cost of a call on a key",
        "keys:verify", view=record_usage, command=SpendOnKey, answer=SpentDocument,
        body_required=True, record=ApiKey,
        description="Record the cost of a call on a key after the call. The same"
        " `usage_id` is recorded once. The answer has the budget after it.",
    ),
    _operation(
        "revoke_many", "/revocations", "Revoke or block many keys, or count them",
        "keys:write", view=revoke_many, command=RevokeKeys, answer=RevokedDocument,
        parameters=(RETRY,), body_required=True,
        description="Revoke or block every key that meets all conditions, such as a weakness of"
        " the posture. Without `dry_run: false` it only counts them and names"
        " some. At least one condition is needed, otherwise 422; more than 10,000 keys"
        " at once are a 409. After about 20 seconds it answers how many are `left`: repeat the call"
        " until none is.",
    ),
    _operation(
        "report_leak", "/leaks",
        "Report a leaked key by its fingerprint",
        "keys:verify", view=report_leak, command=ReportLeak, answer=ReportedDocument,
        description="Report a key that was found in public, by the hash of its text; it may be"
        " any key of the tenant, also if the caller belongs to one application. The"
        " policy of the tenant decides: people are told, and the key is blocked"
        " or revoked. The same `url` again changes nothing, because a person may have dealt"
        " with it; without a `url`, a report after the leaks of the key were settled is a new"
        " leak. A fingerprint of no key is no error: `key_id` is null.",
    ),
    _operation(
        "explain", "/explanations", "Explain the refusal of a call, by its request id",
        "keys:read", view=explain, command=ExplainRequest, answer=ExplanationDocument,
        body_required=True,
        description="Return the checks that led to the refusal of a request, by the"
        " request id that it was answered with. A request of another tenant or of a key that"
        " the caller does not see, or one that is no longer kept, is a 404.",
    ),
    _operation(
        "rehearse", "/{id}/rehearsals", "Rehearse a call with a key; consumes nothing",
        "keys:read", view=rehearse, command=RehearseKey, answer=Verdict,
        description="Return the verdict that a call with this key would get now. Nothing"
        " is consumed and nothing is recorded. Every check is in the trace.",
    ),
    _operation(
        "get_posture", "/posture",
        "Count the active keys with each weakness",
        "keys:read", view=posture, method="GET", answer=PostureDocument,
        description="Return how many active keys have each weakness, each counted up to"
        " 10,001. A key can have several.",
    ),
    _operation(
        "get_impact", "/{id}/impact", "Get the use of a key in the last 24 hours",
        "keys:read", view=impact, method="GET", answer=ImpactDocument,
        description="Return who used the key in the last 24 hours: the callers' addresses,"
        " the scopes, and the number of child keys that work. Read it before the key"
        " is revoked.",
    ),
    _operation(
        "get_propagation", "/{id}/propagation", "Get the propagation of a key's newest change",
        "keys:read", view=propagation, method="GET", answer=PropagationDocument,
        description="Return how many of the processes that verify keys have heard of the"
        " newest change of this key. A host that is cut off answers 503 and"
        " never something old.",
    ),
)  # fmt: skip
