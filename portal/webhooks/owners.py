"""What the state of an application means for its webhooks.

The engine takes nothing for one whose application is suspended or retired, nor does the door let
anything in: both read the status at each use. Here is what cannot wait for that: what a worker took
ahead is put back at once, and what has waited leaves at once.
"""

from typing import Any

from sqlalchemy import text

from portal.applications.models import Application
from portal.db import Actor, Record, session
from portal.errors import Conflict
from portal.webhooks.matching import CHANNEL, WAKE
from portal.webhooks.models import Webhook

HALT_ALL = text(f"""
SELECT pg_notify('{CHANNEL}', id) FROM webhook
WHERE tenant_id = :tenant AND application_id = :application AND direction = 'outbound' AND is_active
""")  # noqa: S608  one constant of ours


def follow(actor: Actor, record: Record, action: str, changes: Any) -> None:
    """Tell the workers of an application that was stopped or reopened."""
    if not isinstance(record, Application):
        return
    if action in ("suspended", "retired"):
        session.execute(HALT_ALL, {"tenant": record.tenant_id, "application": record.id})
    elif action == "reopened":
        session.execute(WAKE)


def check_works(webhook: Webhook) -> None:
    """Raises Conflict for a webhook that may do nothing by hand either: send no test, publish
    nothing that came in."""
    if webhook.is_stopped:
        raise Conflict(
            f"The application of this webhook is {webhook.application_status}, so nothing is sent"
            " and nothing is let in. Reopen the application first."
        )
