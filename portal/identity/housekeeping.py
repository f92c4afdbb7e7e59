"""The jobs that delete ended sessions, old logout tokens and unused sign-in allowances.

Ended sessions are deleted because they hold addresses and tokens of people.
"""

from datetime import timedelta

from sqlalchemy import delete, func, or_

from portal.core.jobs import Job, due_by
from portal.database.session import session
from portal.identity import sign_in_limits
from portal.identity.models import SeenLogoutToken, WebSession
from portal.identity.sessions.sessions import ABSOLUTE, IDLE

SHOWN = timedelta(days=1)  # an ended session stays visible for this long


def forget_ended(tenant_id: str) -> int:
    """Delete the tenant's sessions that ended more than a day ago; return their number."""
    ended = or_(
        WebSession.revoked_at < func.now() - SHOWN,
        WebSession.last_seen_at < func.now() - (IDLE + SHOWN),
        WebSession.created_at < func.now() - (ABSOLUTE + SHOWN),
    )
    old = delete(WebSession).where(WebSession.tenant_id == tenant_id, ended)
    return len(session.execute(old.returning(WebSession.id)).all())


def forget_notices() -> None:
    """Delete logout tokens after ten minutes. A logout token is accepted for two minutes only."""
    old = func.now() - timedelta(minutes=10)
    session.execute(delete(SeenLogoutToken).where(SeenLogoutToken.seen_at < old))


HOUSEKEEPING = [
    Job(
        "forget ended sessions",
        forget_ended,
        timedelta(hours=1),
        due_by("due_sessions", SHOWN, IDLE + SHOWN, ABSOLUTE + SHOWN),
    ),
    Job("forget logout tokens", forget_notices, timedelta(minutes=10)),
    Job("forget the pace of sign-ins", sign_in_limits.forget_rested, timedelta(minutes=10)),
]
