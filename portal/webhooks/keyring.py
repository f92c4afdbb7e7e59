"""Store, rotate and read the signing secrets of a webhook.

The secret store has one entry for each webhook: `current`, and for 24 hours after a rotation
`previous`. During these, both sign, so that the receiver has time to switch to the new secret.

A Vault keeps what a rotation stored there also if the row was not committed. The fingerprint in the
row tells which of the two is in use.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from portal.core.errors import Conflict
from portal.database.session import database_now
from portal.secretstore import Secret, SecretNotFound, SecretRef, store
from portal.webhooks.models import Webhook
from portal.webhooks.signing.signature_schemes import fingerprint

OVERLAP = timedelta(hours=24)


def begin(webhook: Webhook, secret: str) -> None:
    """Store the first secret of a new webhook. Raises Unavailable if the store does not answer."""
    store().put(webhook.secret_ref, {"current": secret}, cas=0)


def begin_all(secrets: Sequence[tuple[Webhook, str]]) -> None:
    """Store the first secrets of new webhooks, as `begin` does."""
    if secrets:
        store().put_many({webhook.secret_ref: {"current": one} for webhook, one in secrets})


def turn(webhook: Webhook, secret: str) -> datetime | None:
    """Make `secret` the current one; return the time until which the one in use also signs.

    Call it before the row has the new fingerprint. Return None if the store has no secret of this
    webhook; then it overwrites whatever is stored there. Raises SecretConflict if two rotations run
    at once.
    """
    try:
        before = read(webhook.secret_ref, "rotate the signing secret")
    except SecretNotFound:
        store().put(webhook.secret_ref, {"current": secret}, cas=None)
        return None
    until = database_now() + OVERLAP
    values = {
        "current": secret,
        "previous": _in_use(webhook, before),
        "previous_expires_at": until.isoformat(),
    }
    store().put(webhook.secret_ref, values, cas=before.version)
    return until


def retire(webhook: Webhook) -> None:
    """Keep only the secret in use, so that no other signs. Do nothing if the store lost it."""
    try:
        secret = read(webhook.secret_ref, "retire the previous signing secret")
    except SecretNotFound:
        return
    if "previous" in secret:
        left = {"current": _in_use(webhook, secret)}
        store().put(webhook.secret_ref, left, cas=secret.version)


def _in_use(webhook: Webhook, stored: Mapping[str, str]) -> str:
    """Return the stored secret that the row has; the current one if it has neither."""
    before = stored.get("previous")
    if before is not None and fingerprint(before) == webhook.secret_fingerprint:
        return before
    return stored["current"]


def read(ref: SecretRef, reason: str) -> Secret:
    """Return the stored entry of a webhook.

    Raises SecretNotFound, also if somebody else stored something there that is no such entry.
    """
    secret = store().get(ref, reason=reason)
    if "current" not in secret:
        raise SecretNotFound
    return secret


def open_keys(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign at this moment, the one in use first.

    Raises Conflict if the store has no secret of this webhook, Unavailable if it does not answer.
    """
    try:
        stored = read(webhook.secret_ref, "sign a delivery")
    except SecretNotFound as error:
        raise Conflict(
            "The signing secret of this webhook is gone. Rotate it, then try again."
        ) from error
    return keys_of(stored, now, webhook.secret_fingerprint)


def keys_of(stored: Mapping[str, str], now: datetime, in_use: str | None) -> list[str]:
    """Return the secrets in a stored entry that sign at this moment: first the one in use, which
    has this fingerprint, then the other one while it still signs."""
    current, before = stored["current"], stored.get("previous")
    if before is None:
        return [current]
    if fingerprint(before) == in_use:
        return [before, current]
    if now < datetime.fromisoformat(stored["previous_expires_at"]):
        return [current, before]
    return [current]
