"""Seal the ID tokens of sessions, which are stored for the logout at the provider."""

from collections import Counter

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.core.config import Config
from portal.database.session import session
from portal.identity.models import WebSession
from portal.identity.sessions.sealed_text import Sealer


def sealer_of(config: Config) -> Sealer:
    """Return the sealer of ID tokens."""
    return Sealer(config.secret_key, "ID token")


def under(reader: Session, sealer: Sealer, tenant_id: str) -> Counter[str]:
    """Return root key id → number of the tenant's ID tokens that it seals.

    The key "" counts the tokens that no key opens.
    """
    kept = select(WebSession.id_token).where(
        WebSession.tenant_id == tenant_id, WebSession.id_token.is_not(None)
    )
    return Counter(sealer.key_of(str(token)) or "" for token in reader.scalars(kept))


def rewrap(sealer: Sealer, active: str, tenant_id: str, after: str, most: int) -> tuple[int, str]:
    """Seal the next ID tokens of the tenant, at most `most`, under the key `active`.

    Returns how many changed, and the last session's id, or "" at the end. A token that no key opens
    stays as it is.
    """
    batch = (
        select(WebSession.id, WebSession.id_token)
        .where(
            WebSession.tenant_id == tenant_id,
            WebSession.id_token.is_not(None),
            WebSession.id > after,
        )
        .order_by(WebSession.id)
        .limit(most)
    )
    rows, changed = session.execute(batch).all(), 0
    for session_id, token in ((row.id, str(row.id_token)) for row in rows):
        if sealer.key_of(token) not in (active, None):
            # No lock is needed: the update skips a session that has ended meanwhile.
            same = (
                WebSession.tenant_id == tenant_id,
                WebSession.id == session_id,
                WebSession.id_token == token,
            )
            anew = update(WebSession).where(*same).values(id_token=sealer.sealed_anew(token))
            session.execute(anew, execution_options={"synchronize_session": False})
            changed += 1
    return changed, rows[-1][0] if len(rows) == most else ""
