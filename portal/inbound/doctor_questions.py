"""Questions to the signature doctor, from pages and the API, and its answers.

Nothing of them is stored: no request, no body, and least of all a secret.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from portal.core.config import running
from portal.core.errors import Invalid
from portal.core.key_shape import masked
from portal.database.actor import Actor
from portal.database.record import find
from portal.database.session import database_now
from portal.inbound import late_secrets, review
from portal.inbound.models import InboundRequest
from portal.inbound.reception.clean_message import clean_text
from portal.inbound.reception.stored_request import message_of
from portal.records.schemas import Command, Line, Moment, RecordId, Rules
from portal.webhooks.models import Webhook
from portal.webhooks.schemas import InboundOptions, InboundScheme
from portal.webhooks.verification import inbound_secrets, signature_doctor
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import DEFAULT, Scheme, of_webhook
from portal.webhooks.verification.signature_doctor import Candidate, Diagnosis

# Not stripped: a space at the end may be the reason why the signature fails.
Raw = Annotated[
    str, StringConstraints(strip_whitespace=False, max_length=signature_doctor.MAX_BODY)
]
RawSecret = Annotated[str, StringConstraints(strip_whitespace=False, max_length=4096)]
Base64 = Annotated[
    str,
    StringConstraints(max_length=400_000),
    Rules(pattern="^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"),
]
Headers = Annotated[dict[str, str], Field(max_length=100)]


class SignatureCheck(Command):
    """A request to diagnose, and the scheme and secret to check it with."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"properties": {"webhook_id": {"type": "null"}, "secret": {"type": "null"}}}
        }
    )

    may_hold_keys: ClassVar[frozenset[str]] = frozenset(
        {"secret", "headers", "body", "body_base64", "url"}
    )

    webhook_id: RecordId | None = Field(
        None, description="Check with this webhook's secrets, and by its scheme."
    )
    scheme: InboundScheme | None = Field(
        None, description="Scheme of the signature; the webhook's when left out."
    )
    options: InboundOptions = Field(default={}, description="As a webhook's inbound_options.")
    secret: RawSecret | None = Field(
        None,
        description="Check with this secret. It is neither kept nor written to a log.",
        json_schema_extra={"writeOnly": True},
    )
    headers: Headers = Field(default={}, description="The request's headers.")
    body: Raw = Field("", description="The raw body as text.")
    body_base64: Base64 | None = Field(
        None, description="The raw body in base64, in place of `body`."
    )
    method: Annotated[Line, StringConstraints(max_length=10)] = Field(
        "POST", description="HTTP method of the request."
    )
    url: Annotated[Line, StringConstraints(max_length=4096)] = Field(
        "", description="The address as the sender was told it; left out, the webhook's."
    )
    at: Moment | None = Field(None, description="Time when the request arrived; now when left out.")


class FindingDocument(BaseModel):
    """One reason why a signature fails, as the API returns it."""

    code: str = Field(description="Stable name of the reason.")
    what: str = Field(description="The fault, as a sentence.")
    remedy: str = Field(description="Next step to take, as a sentence.")


class SignatureCheckResult(BaseModel):
    """The result of a check: whether the signature is right, and why not."""

    verified: bool = Field(description="True if the signature is right.")
    code: str = Field(description="verified, or the reason of the refusal.")
    reason: str = Field(description="The result, as a sentence.")
    scheme: str = Field(description="Scheme that was checked.")
    fingerprint: str | None = Field(description="Fingerprint of the secret that matched.")
    findings: list[FindingDocument] = Field(description="The reasons that were found.")
    signed_text: str = Field(description="The text that should be signed, its beginning.")
    expected: str | None = Field(
        description="The signature that the given secret makes; none for a stored secret."
    )


def check(actor: Actor, command: SignatureCheck, *, is_pasted: bool = False) -> Diagnosis:
    """Diagnose a request. Raises Invalid, NotFound for a webhook that the actor does not see, and
    Unavailable if the secret store does not answer."""
    actor.require("webhooks:write")
    webhook = find(Webhook, actor, command.webhook_id) if command.webhook_id else None
    if webhook is None and command.secret is None:
        raise Invalid.field("secret", "Give a secret, or choose the webhook that has it.")
    moment = command.at or database_now()
    return signature_doctor.examine(
        scheme_of(command, webhook),
        _message(command, webhook),
        _candidates(command, webhook),
        now=moment.timestamp(),
        # Otherwise a caller could have any text signed with a secret that nobody may see.
        reveal=command.secret is not None,
        is_pasted=is_pasted,
    )


def check_kept(actor: Actor, webhook: Webhook, request: InboundRequest) -> Diagnosis:
    """Diagnose a request in quarantine, with the webhook's secrets and the time of its arrival, and
    hide these secrets in it, as it is shown."""
    actor.require("webhooks:write")
    scheme = inbound_secrets.scheme_of(webhook)
    if scheme.hides_credential:  # it was not stored, so there is nothing to analyse
        known = inbound_secrets.known(webhook)
        verdict = review.judge(webhook, scheme, request, known)
        late_secrets.hide_known(webhook, request, known)
        return Diagnosis(verdict, ())
    candidates = inbound_secrets.candidates(webhook)
    found = signature_doctor.examine(
        scheme,
        message_of(request),
        candidates,
        now=request.received_at.timestamp(),
    )
    secrets = [one.secret for one in candidates]
    late_secrets.hide_known(webhook, request, secrets)
    return replace(found, signed_text=masked(clean_text(scheme, secrets, found.signed_text)))


def scheme_of(command: SignatureCheck, webhook: Webhook | None) -> Scheme:
    """Return the scheme by which the request should be signed."""
    if command.scheme or webhook is None:
        return of_webhook(command.scheme or DEFAULT, command.options)
    if webhook.direction == "inbound":
        return inbound_secrets.scheme_of(webhook)
    return of_webhook(DEFAULT, {})


def represent(scheme: Scheme, found: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis as a document of the API."""
    verdict = found.verdict
    return {
        "verified": verdict.verified,
        "code": verdict.code,
        "reason": verdict.reason,
        "scheme": scheme.name,
        "fingerprint": found.fingerprint,
        "findings": [
            {"code": one.code, "what": one.what, "remedy": one.remedy} for one in found.findings
        ],
        "signed_text": found.signed_text,
        "expected": found.expected,
    }


def _message(command: SignatureCheck, webhook: Webhook | None) -> Message:
    body = command.body.encode("utf-8", "surrogatepass")
    if command.body_base64 is not None:
        try:
            body = base64.b64decode(command.body_base64, validate=True)
        except (binascii.Error, ValueError):
            raise Invalid.field("body_base64", "This is not base64.") from None
    url = command.url
    if not url and webhook is not None:
        url = webhook.inbound_url or webhook.url or running().base_url
    return Message(command.method.upper(), url, tuple(command.headers.items()), body)


def _candidates(command: SignatureCheck, webhook: Webhook | None) -> Sequence[Candidate]:
    if command.secret is None:
        return inbound_secrets.candidates(webhook) if webhook else ()
    name = "the secret that was given"
    if webhook is None:
        return [Candidate(command.secret, name)]
    mark = inbound_secrets.fingerprint_of(webhook, command.secret)
    own = [Candidate(command.secret, name, mark=mark)]
    # The stored secrets only explain a failure: “it was signed with an earlier secret”.
    stored = inbound_secrets.candidates(webhook)
    return own + [replace(one, is_current=False) for one in stored]
