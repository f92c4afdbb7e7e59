"""Store, rotate and read the signing secrets of a webhook.

The secret store has one entry for each webhook: `current`, and for 24 hours after a rotation
`previous`. During these, both sign, so that the receiver has time to switch to the new secret.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from portal.core.errors import Conflict
from portal.database.session import database_now
from portal.secretstore import Secret, SecretNotFound, SecretRef, store
from portal.webhooks.models import Webhook

OVERLAP = timedelta(hours=24)


def begin(webhook: Webhook, secret: str) -> None:
    """Store the first secret of a new webhook. Raises Unavailable if the store does not answer."""
    store().put(webhook.secret_ref, {"current": secret}, cas=0)


def begin_all(secrets: Sequence[tuple[Webhook, str]]) -> None:
    """Store the first secrets of new webhooks, as `begin` does."""
    if secrets:
        store().put_many({webhook.secret_ref: {"current": one} for webhook, one in secrets})


def turn(webhook: Webhook, secret: str) -> datetime | None:
    """Make `secret` the current one; return the time until which the previous one also signs.

    Return None if there was no previous secret; then it overwrites whatever is stored there. Raises
    SecretConflict if two rotations run at once.
    """
    try:
        before = read(webhook.secret_ref, "rotate the signing secret")
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
    """Delete the previous secret, so that it signs no more. Do nothing if the store lost it."""
    try:
        secret = read(webhook.secret_ref, "retire the previous signing secret")
    except SecretNotFound:
        return
    if "previous" in secret:
        store().put(webhook.secret_ref, {"current": secret["current"]}, cas=secret.version)


def read(ref: SecretRef, reason: str) -> Secret:
    """Return the stored entry of a webhook.

    Raises SecretNotFound, also if somebody else stored something there that is no such entry.
    """
    secret = store().get(ref, reason=reason)
    if "current" not in secret:
        raise SecretNotFound
    return secret


def open_keys(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign at this moment, the newest first.

    Raises Conflict if the store has no secret of this webhook, Unavailable if it does not answer.
    """
    try:
        return keys_of(read(webhook.secret_ref, "sign a delivery"), now)
    except SecretNotFound as error:
        raise Conflict(
            "The signing secret of this webhook is gone. Rotate it, then try again."
        ) from error


def keys_of(secret: Mapping[str, str], now: datetime) -> list[str]:
    """Return the secrets in a stored entry that sign at this moment, the newest first."""
    keys = [secret["current"]]
    if "previous" in secret and now < datetime.fromisoformat(secret["previous_expires_at"]):
        keys.append(secret["previous"])
    return keys
