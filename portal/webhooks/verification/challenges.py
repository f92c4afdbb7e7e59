"""Answer the challenges that providers send before they deliver, as their documentation demands.

X and Zoom have us sign a text that the caller chooses. Such an answer could be the signature of a
forged event, so only letters, digits and a few signs are signed, and an event of these two must be
a JSON object: no text can be both. Zoom, Slack and Discord sign their challenge; it is answered
only if the signature is valid.
"""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import Scheme

_TOKEN = re.compile(r"[A-Za-z0-9_=+/-]{1,256}")
_ORIGIN = re.compile(r"[A-Za-z0-9*._:-]{1,255}")
_RATE = re.compile(r"[1-9][0-9]{0,8}")
_TEXT = re.compile(r"[\x20-\x7e]{1,1024}")


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a response: a document for JSON, or a text; None for a 204 without one."""

    body: dict[str, Any] | str | None


def unsigned(
    scheme: Scheme, message: Message, webhook_id: str, secrets: Sequence[str]
) -> Answer | None:
    """Return the answer to a challenge that is not signed; None if the request is no such
    challenge."""
    query = message.query
    if scheme.challenge == "microsoft-graph" and message.method == "POST":
        return _echo(query.get("validationToken"))
    if message.method != "GET":
        return None
    if scheme.challenge == "dropbox":
        return _echo(query.get("challenge"))
    if scheme.challenge == "okta":
        asked = message.first(("header:x-okta-verification-challenge",))
        return Answer({"verification": asked}) if asked and _TEXT.fullmatch(asked) else None
    if scheme.challenge == "meta":
        given = query.get("hub.verify_token", "")
        if query.get("hub.mode") == "subscribe" and hmac.compare_digest(
            given.encode(), webhook_id.encode()
        ):
            return _echo(query.get("hub.challenge"))
        return None
    if scheme.challenge == "twitter":
        return _signed_token(query.get("crc_token"), secrets)
    return None


def permission(scheme: Scheme, message: Message) -> Mapping[str, str] | None:
    """Return the headers that permit a sender of CloudEvents to send; None if it does not ask for
    that.

    CloudEvents, "HTTP 1.1 Web Hooks for Event Delivery", section 4. Every caller gets the
    permission: its requests must verify later. The callback URL in the request comes from an
    unknown caller, and is never called.
    """
    origin = message.first(("header:WebHook-Request-Origin",)) or ""
    if not scheme.has_handshake or not _ORIGIN.fullmatch(origin):
        return None
    rate = message.first(("header:WebHook-Request-Rate",)) or ""
    return {
        "Allow": "POST",
        "WebHook-Allowed-Origin": origin,
        "WebHook-Allowed-Rate": rate if _RATE.fullmatch(rate) else "*",
    }


def signed(scheme: Scheme, message: Message, secrets: Sequence[str]) -> Answer | None:
    """Return the answer to a verified request that is a challenge; None if it is an event."""
    body = message.json
    if scheme.challenge == "azure-event-grid":
        return _event_grid(body)
    if not isinstance(body, dict) or not secrets:
        return None
    if scheme.challenge == "slack" and body.get("type") == "url_verification":
        asked = body.get("challenge")
        is_sound = isinstance(asked, str) and _TEXT.fullmatch(asked)
        return Answer({"challenge": asked}) if is_sound else None
    if scheme.challenge == "discord":
        return _discord(body)
    if scheme.challenge == "zoom" and body.get("event") == "endpoint.url_validation":
        payload = body.get("payload")
        plain = payload.get("plainToken") if isinstance(payload, dict) else None
        if not isinstance(plain, str) or not _TOKEN.fullmatch(plain):
            return None
        digest = hmac.digest(secrets[0].encode(), plain.encode(), "sha256").hex()
        return Answer({"plainToken": plain, "encryptedToken": digest})
    return None


def _event_grid(body: Any) -> Answer | None:
    """Return the code of a validation event that came alone (learn.microsoft.com, "Webhook event
    delivery")."""
    first = body[0] if isinstance(body, list) and len(body) == 1 else body
    kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
    if not isinstance(first, dict) or first.get("eventType") != kind:
        return None
    data = first.get("data")
    code = data.get("validationCode") if isinstance(data, dict) else None
    is_sound = isinstance(code, str) and _TEXT.fullmatch(code)
    return Answer({"validationResponse": code}) if is_sound else None


def _discord(body: dict[str, Any]) -> Answer | None:
    """Return the answer to a ping: nothing to that of webhook events, whose type is 0. Interactions
    ping with type 1, which is an event's type where there is an `event`
    (docs.discord.com/developers/events/webhook-events)."""
    if body.get("type") == 0:
        return Answer(None)
    return Answer({"type": 1}) if body.get("type") == 1 and "event" not in body else None


def wants_no_content(scheme: Scheme, message: Message) -> bool:
    """Tell whether the sender takes only a 204 for its event: Discord, for webhook events."""
    body = message.json
    return scheme.challenge == "discord" and isinstance(body, dict) and "event" in body


def _echo(text: str | None) -> Answer | None:
    return Answer(text) if text and _TEXT.fullmatch(text) else None


def _signed_token(token: str | None, secrets: Sequence[str]) -> Answer | None:
    if not token or not secrets or not _TOKEN.fullmatch(token):
        return None
    digest = hmac.digest(secrets[0].encode(), token.encode(), "sha256")
    return Answer({"response_token": "sha256=" + base64.b64encode(digest).decode()})
