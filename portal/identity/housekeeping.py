"""The jobs that delete ended sessions, old logout tokens and unused sign-in allowances.

Ended sessions are deleted because they hold addresses and tokens of people.
"""

from datetime import timedelta

from sqlalchemy import func, or_

from portal.core.jobs import Job, due_by
from portal.database.session import delete_some
from portal.identity import sign_in_limits
from portal.identity.models import SeenLogoutToken, WebSession
from portal.identity.sessions.sessions import ABSOLUTE, IDLE

SHOWN = timedelta(days=1)  # an ended session stays visible for this long


def forget_ended(tenant_id: str) -> int:
    """Delete some sessions of the tenant that ended more than a day ago, and return how many."""
    ended = or_(
        WebSession.revoked_at < func.now() - SHOWN,
        WebSession.last_seen_at < func.now() - (IDLE + SHOWN),
        WebSession.created_at < func.now() - (ABSOLUTE + SHOWN),
    )
    return delete_some(WebSession, WebSession.tenant_id == tenant_id, ended)


def forget_notices() -> int:
    """Delete some logout tokens after ten minutes, and return how many. A logout token is accepted
    for two minutes only."""
    old = func.now() - timedelta(minutes=10)
    return delete_some(SeenLogoutToken, SeenLogoutToken.seen_at < old)


HOUSEKEEPING = [
    Job(
        "forget ended sessions",
        forget_ended,
        timedelta(hours=1),
        due_by("due_sessions", SHOWN, IDLE + SHOWN, ABSOLUTE + SHOWN),
        repeats=True,
    ),
    Job("forget logout tokens", forget_notices, timedelta(minutes=10), repeats=True),
    Job(
        "forget the pace of sign-ins",
        sign_in_limits.forget_rested,
        timedelta(minutes=10),
        repeats=True,
    ),
]
