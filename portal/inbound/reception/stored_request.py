"""Store a request: all of it except credentials.

The sender's own credential is never stored, and no secret of the webhook that is known. One that
becomes known while a request is in quarantine is hidden where it is shown (`late_secrets`), and
goes when the request is accepted. API keys of the platform anywhere in the request are masked once
it is accepted. In quarantine they stay, because the signature covers them, for 14 days at most, and
nobody can see them.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from portal.core.config import running
from portal.core.key_shape import masked, masked_bytes
from portal.database.base import new_id
from portal.inbound.models import InboundRequest
from portal.inbound.reception.clean_message import HIDDEN, clean_text, presented
from portal.inbound.reception.deduplication import Arrival
from portal.webhooks.models import Webhook
from portal.webhooks.verification.inbound_secrets import fingerprint_of
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import SCHEMES, Scheme
from portal.webhooks.verification.signature_check import Verdict

NEVER_KEPT = ("cookie", "authorization", "proxy-authorization")
# Others may be mistaken for the webhook's scheme until somebody corrects that. The general ones
# come last in the table and are read first: a Bearer token is no whole Authorization header.
IN_CLEAR = [
    scheme
    for scheme in reversed(list(SCHEMES.values()))
    if scheme.hides_credential and scheme.signature.startswith("header:")
]
MAX_HEADERS, MAX_HEADER = 100, 8 * 1024
MAX_URL = 4096


def row(
    webhook: Webhook, arrival: Arrival, source_ip: str | None, verdict: Verdict
) -> dict[str, Any]:
    """Return the columns of a request, unchanged except for secrets: the credential that it
    carries, and those of the webhook."""
    shown = _credential(arrival.scheme, arrival.message)
    return content(arrival) | {
        "credential_digest": digests(webhook, shown)[0] if shown else None,
        "tenant_id": webhook.tenant_id,
        "id": new_id(InboundRequest.id_prefix),
        "webhook_id": webhook.id,
        "code": verdict.code,
        "reason": clean_text(arrival.scheme, arrival.known, verdict.reason),
        "method": arrival.message.method[:10],
        "source_ip": (source_ip or "")[:60] or None,
        "delivery_key": arrival.key,
        "verified_with": fingerprint_of(webhook, verdict.secret),
    }


def content(arrival: Arrival) -> dict[str, Any]:
    """Return the columns of what was sent, without secrets."""
    body = _masked(arrival.scheme, arrival.clean)
    return {
        "url": arrival.clean.url[:MAX_URL],
        "headers": _headers(arrival.scheme, arrival.clean),
        "body": body,
        "body_bytes": len(body),
    }


def _header(scheme: Scheme) -> str:
    return scheme.signature.removeprefix("header:").lower()


def _credential(scheme: Scheme, message: Message) -> str | None:
    """Return the credential by the webhook's scheme, or else by the first other one that finds
    some."""
    own = [scheme] if scheme.hides_credential else []
    found = (presented(one, message) for one in [*own, *IN_CLEAR])
    return next((one for one in found if one), None)


def without_keys(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that may hold API keys of the platform, with each key masked."""
    return {
        "url": masked(kept["url"]),
        "headers": [[name, masked(value)] for name, value in kept["headers"]],
        "body": masked_bytes(bytes(kept["body"])),
    }


def _headers(scheme: Scheme, message: Message) -> list[list[str]]:
    # Without a signature in the place of a credential, a request could not be verified again.
    own = {_header(scheme)}
    others = {_header(one) for one in IN_CLEAR}
    hidden = (others | own if scheme.hides_credential else others - own).union(NEVER_KEPT)
    kept = []
    for name, value in message.named.items():
        clean = value[:MAX_HEADER].replace("\x00", "")
        kept.append([name[:100], HIDDEN if name in hidden else clean])
    return kept[:MAX_HEADERS]


def digests(webhook: Webhook, shown: str) -> list[str]:
    """Return digests that recognise a credential without storing it. Store the first; compare with
    all.

    They are keyed, so that the credential cannot be guessed from the database alone.
    """
    label, clear = f"inbound credential of {webhook.id}", shown.encode("utf-8", "surrogatepass")
    keys = [f"{label}\n{key.text}".encode() for key in running().secret_key]
    return [hmac.new(key, clear, hashlib.sha256).hexdigest() for key in keys]


def _masked(scheme: Scheme, message: Message) -> bytes:
    """Return the body with the credential in it masked."""
    if not scheme.hides_credential or not scheme.signature.startswith("body:"):
        return message.body
    if not isinstance(message.json, dict):
        return message.body
    hidden = _hide(message.json, scheme.signature.removeprefix("body:").split("."))
    # Other schemes sign the body: one without a credential stays as it is, to the byte.
    return message.body if hidden == message.json else json.dumps(hidden).encode()


def _hide(value: Any, path: Sequence[str]) -> Any:
    if not path:
        return HIDDEN
    if path[0] == "*" and isinstance(value, list):
        return [_hide(item, path[1:]) for item in value]
    if isinstance(value, dict) and path[0] in value:
        return {**value, path[0]: _hide(value[path[0]], path[1:])}
    return value


def message_of(request: InboundRequest) -> Message:
    """Return a stored request as a message, as it was received."""
    headers: Iterable[list[str]] = request.headers
    return Message(
        method=request.method,
        url=request.url,
        headers=tuple((name, value) for name, value in headers),
        body=bytes(request.body),
    )
