"""Hide a secret that became known after a request arrived, wherever the request is shown.

The request itself stays as it came until it is accepted, because its signature covers all of it: it
can be verified again by any secret and scheme.
"""

from collections.abc import Sequence

from sqlalchemy import inspect

from portal.core.errors import PortalError
from portal.core.threads.precedence import give_way
from portal.database.session import session
from portal.inbound.models import InboundRequest
from portal.inbound.reception.clean_message import HIDDEN, clean_text
from portal.inbound.reception.deduplication import Arrival
from portal.inbound.reception.stored_request import content
from portal.webhooks.models import Webhook
from portal.webhooks.verification import inbound_secrets
from portal.webhooks.verification.message import Message

NOT_SHOWN = (
    "The secret store gives no secrets now. What was sent is not shown: it may have one in it."
)


def hide(webhook: Webhook, requests: Sequence[InboundRequest]) -> None:
    """Hide the secrets of a webhook in those of its requests that are in quarantine.

    For requests that are shown: they leave the session, so that nothing of this is stored. Without
    the secrets, nothing of what was sent is shown.
    """
    waiting = [one for one in requests if one.state == "quarantined"]
    if not waiting:
        return
    known = _known(webhook)
    for one in waiting:
        give_way()
        if known is None:
            _hide_all(one)
        else:
            hide_known(webhook, one, known)


def _known(webhook: Webhook) -> Sequence[str] | None:
    """Return the webhook's secrets, or None if the secret store does not give them."""
    try:
        return inbound_secrets.known(webhook)
    except PortalError:
        return None


def hide_known(webhook: Webhook, one: InboundRequest, known: Sequence[str]) -> None:
    """Hide these secrets of a webhook in one of its requests, which leaves the session."""
    session.expunge(one)
    scheme, has_body = inbound_secrets.scheme_of(webhook), "body" not in inspect(one).unloaded
    headers = tuple((name, value) for name, value in one.headers)
    sent = Message(one.method, one.url, headers, bytes(one.body) if has_body else b"")
    shown = content(Arrival(scheme, sent, known))
    one.url, one.headers = shown["url"], shown["headers"]
    if has_body:
        one.body = shown["body"]
    one.delivery_key = one.delivery_key and clean_text(scheme, known, one.delivery_key)


def _hide_all(one: InboundRequest) -> None:
    session.expunge(one)
    one.url, one.headers, one.body, one.delivery_key = HIDDEN, [], HIDDEN.encode(), None
    one.reason = NOT_SHOWN
