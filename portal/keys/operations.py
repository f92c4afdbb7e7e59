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
        "verify", "/verify", "Verify a key, and take what the call costs of its limits",
        "keys:verify", view=verify_key, command=VerifyKey, answer=Verdict,
        cannot_validate="A verdict takes what the call costs. Send dry_run: true in the body; then"
        " the same verdict takes nothing.",
    ),
    _operation(
        "settle_reservation", "/reservations/{id}/settle",
        "Settle what a reserved call really cost; a second time changes nothing",
        "keys:verify", view=settle, command=SettleReservation, answer=SpentDocument,
    ),
    _operation(
        "record_usage", "/{id}/usage", "Bill a key after the fact, once for each usage_id",
        "keys:verify", view=record_usage, command=SpendOnKey, answer=SpentDocument,
        body_required=True, record=ApiKey,
    ),
    _operation(
        "revoke_many", "/revocations", "Stop all keys that fit, or say how many they are",
        "keys:write", view=revoke_many, command=RevokeKeys, answer=RevokedDocument,
        parameters=(RETRY,), body_required=True,
    ),
    _operation(
        "report_leak", "/leaks",
        "Report a key that was found where it should not be; the tenant's policy decides",
        "keys:verify", view=report_leak, command=ReportLeak, answer=ReportedDocument,
    ),
    _operation(
        "explain", "/explanations", "Explain why a call by key was refused, by its request id",
        "keys:read", view=explain, command=ExplainRequest, answer=ExplanationDocument,
        body_required=True,
    ),
    _operation(
        "rehearse", "/{id}/rehearsals", "Rehearse a call by this key; consumes nothing",
        "keys:read", view=rehearse, command=RehearseKey, answer=Verdict,
    ),
    _operation(
        "get_posture", "/posture",
        "Count the keys with each weakness, up to 10,001; the page of keys lists them",
        "keys:read", view=posture, method="GET", answer=PostureDocument,
    ),
    _operation(
        "get_impact", "/{id}/impact", "List who used the key in the last 24 hours",
        "keys:read", view=impact, method="GET", answer=ImpactDocument,
    ),
    _operation(
        "get_propagation", "/{id}/propagation", "List the verifiers that have its newest change",
        "keys:read", view=propagation, method="GET", answer=PropagationDocument,
    ),
)  # fmt: skip
