"""The ID tokens that sessions keep, sealed, for the provider's logout: under which key they are."""

from collections import Counter

from sqlalchemy import select, update

from portal.config import Config
from portal.db import session
from portal.identity.models import WebSession
from portal.identity.sealed import Sealer


def sealer_of(config: Config) -> Sealer:
    """What seals them."""
    return Sealer(config.secret_key, "ID token")


def under(sealer: Sealer, tenant_id: str) -> Counter[str]:
    """How many of the tenant's are sealed under which root key; under "" what none opens."""
    kept = select(WebSession.id_token).where(
        WebSession.tenant_id == tenant_id, WebSession.id_token.is_not(None)
    )
    return Counter(sealer.key_of(str(token)) or "" for token in session.scalars(kept))


def rewrap(sealer: Sealer, active: str, tenant_id: str, after: str, most: int) -> tuple[int, str]:
    """Seal the tenant's next few under the key `active`: how many changed, and the last one's id,
    "" at the end. What no key opens stays as it is."""
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
            # Without a lock: a session that ends meanwhile keeps none.
            same = (
                WebSession.tenant_id == tenant_id,
                WebSession.id == session_id,
                WebSession.id_token == token,
            )
            anew = update(WebSession).where(*same).values(id_token=sealer.sealed_anew(token))
            session.execute(anew, execution_options={"synchronize_session": False})
            changed += 1
    return changed, rows[-1][0] if len(rows) == most else ""
