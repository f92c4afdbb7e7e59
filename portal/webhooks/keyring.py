"""The signing secrets of one webhook: made here, kept in the secret store, opened only to sign.

One secret of the store a webhook: `current`, and for a day after a rotation `previous`, so that a
receiver can be given the new one in peace: both sign meanwhile.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from portal.core.errors import Conflict
from portal.database.session import database_now
from portal.secretstore import SecretNotFound, store
from portal.webhooks.models import Webhook

OVERLAP = timedelta(hours=24)


def begin(webhook: Webhook, secret: str) -> None:
    """Store a new webhook's first secret. Raises Unavailable when the store does not answer."""
    store().put(webhook.secret_ref, {"current": secret}, cas=0)


def turn(webhook: Webhook, secret: str) -> datetime | None:
    """Make `secret` the current one; gives the moment until which the one before signs too.

    None when there was none before. Raises SecretConflict when two rotate at once.
    """
    try:
        before = store().get(webhook.secret_ref, reason="rotate the signing secret")
    except SecretNotFound:
        store().put(webhook.secret_ref, {"current": secret}, cas=None)
        return None
    until = database_now() + OVERLAP
    values = {
        "current": secret,
        "previous": before["current"],
        "previous_expires_at": until.isoformat(),
    }
    store().put(webhook.secret_ref, values, cas=before.version)
    return until


def retire(webhook: Webhook) -> None:
    """Forget the secret before the current one, so that it signs no more.

    Raises Conflict when there is none.
    """
    secret = store().get(webhook.secret_ref, reason="retire the previous signing secret")
    if "previous" not in secret:
        raise Conflict("There is no previous secret that still signs.")
    store().put(webhook.secret_ref, {"current": secret["current"]}, cas=secret.version)


def open_keys(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign at this moment, the newest first.

    Raises Conflict when the secret is gone, Unavailable when the store does not answer.
    """
    try:
        return keys_of(store().get(webhook.secret_ref, reason="sign a delivery"), now)
    except SecretNotFound as error:
        raise Conflict(
            "The signing secret of this webhook is gone. Rotate it, then try again."
        ) from error


def keys_of(secret: Mapping[str, str], now: datetime) -> list[str]:
    """Return what of a stored secret signs at this moment."""
    keys = [secret["current"]]
    if "previous" in secret and now < datetime.fromisoformat(secret["previous_expires_at"]):
        keys.append(secret["previous"])
    return keys
