"""The effect of an application's status on its webhooks.

The delivery engine sends nothing for a suspended or retired application, and its inbound addresses
accept nothing: both read the status at each use. This module does what has to happen at once: it
lets the workers release the deliveries that they have claimed, and wakes them when an application
is reopened.
"""

from typing import Any

from sqlalchemy import text

from portal.applications.models import Application
from portal.core.errors import Conflict
from portal.database.actor import Actor
from portal.database.record import Record
from portal.database.session import session
from portal.webhooks.models import Webhook
from portal.webhooks.subscriptions import CHANNEL, WAKE

HALT_ALL = text(f"""
SELECT pg_notify('{CHANNEL}', id) FROM webhook
WHERE tenant_id = :tenant AND application_id = :application AND direction = 'outbound' AND is_active
""")  # noqa: S608  only our own constant


def follow(actor: Actor, record: Record, action: str, changes: Any) -> None:
    """Notify the workers when an application is suspended, retired or reopened."""
    if not isinstance(record, Application):
        return
    if action in ("suspended", "retired"):
        session.execute(HALT_ALL, {"tenant": record.tenant_id, "application": record.id})
    elif action == "reopened":
        session.execute(WAKE)


def check_works(webhook: Webhook) -> None:
    """Raise Conflict if the webhook's application is stopped: no tests are sent then, and no
    received requests are published by hand."""
    if webhook.is_stopped:
        raise Conflict(
            f"The application of this webhook is {webhook.application_status}, so nothing is sent"
            " and nothing is let in. Reopen the application first."
        )
