"""Store, rotate and read the signing secrets of a webhook.

The secret store has one entry for each webhook: `current`, and for 24 hours after a rotation
`previous`, with `previous_expires_at`. During these, both sign, so that the receiver has time to
switch to the new secret. A rotation within that time moves it on to `previous_2`, and so on: each
secret signs as long as was said when it was replaced.

A Vault keeps what a rotation stored there also if the row was not committed. The fingerprint in the
row tells which of them is in use.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from portal.core.errors import Conflict, PortalError
from portal.database.session import database_now
from portal.secretstore import Secret, SecretDamaged, SecretNotFound, SecretRef, store
from portal.webhooks.models import Webhook
from portal.webhooks.signing.signature_schemes import fingerprints

OVERLAP = timedelta(hours=24)
PREVIOUS = ("previous", "previous_2", "previous_3")  # the newest first
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, repr=False)
class SigningKeys:
    """The secrets of a stored entry: the one in use, and the others, each with its end, the newest
    first."""

    in_use: str
    others: Sequence[tuple[str, datetime]]

    def signing(self, now: datetime) -> list[str]:
        """Return those that sign at this moment, the one in use first."""
        return [self.in_use, *(secret for secret, end in self.others if now < end)]


def begin(webhook: Webhook, secret: str) -> None:
    """Store the first secret of a new webhook. Raises Unavailable if the store does not answer."""
    store().put(webhook.secret_ref, {"current": secret}, cas=0)


def begin_all(secrets: Sequence[tuple[Webhook, str]]) -> None:
    """Store the first secrets of new webhooks, as `begin` does."""
    if secrets:
        store().put_many({webhook.secret_ref: {"current": one} for webhook, one in secrets})


def turn(webhook: Webhook, secret: str, *, keep: bool = True) -> datetime | None:
    """Make `secret` the current one; return the time until which the one in use also signs.

    Call it before the row has the new fingerprint. Return None if the store has no secret of this
    webhook, or a damaged one; then it overwrites whatever is stored there. With `keep=False` only
    `secret` signs from here on; the one in use is kept, with an end that has passed, in case the
    row is not committed. Raises Conflict while as many previous secrets as are kept still sign, and
    SecretConflict if two rotations run at once.
    """
    try:
        before = read(webhook.secret_ref, "rotate the signing secret")
    except (SecretNotFound, SecretDamaged):
        store().put(webhook.secret_ref, {"current": secret}, cas=None)
        return None
    now, in_use = database_now(), _in_use(before, webhook.id, webhook.secret_fingerprint)
    until = now + OVERLAP if keep else now
    others = [(one, end) for one, end in _previous(before) if keep and end > now and one != in_use]
    kept = [(in_use, until), *others]
    if len(kept) > len(PREVIOUS):
        oldest_ends = kept[-1][1].astimezone(UTC)
        raise Conflict(
            f"{len(PREVIOUS)} previous secrets of this webhook are still valid, the oldest until"
            f" {oldest_ends:%-d %b %Y, %H:%M:%S} UTC. Retire them, or wait until then."
        )
    values = {"current": secret}
    for name, (previous, end) in zip(PREVIOUS, kept, strict=False):
        values |= {name: previous, f"{name}_expires_at": end.isoformat()}
    store().put(webhook.secret_ref, values, cas=before.version)
    return until if keep else None


def previous_signs(webhook: Webhook) -> bool:
    """Tell whether a previous secret still signs as well as the current one."""
    until = webhook.previous_secret_expires_at
    return until is not None and database_now() < until


def retire(webhook: Webhook) -> None:
    """Keep only the secret in use, so that no other signs. Do nothing if the store lost it."""
    try:
        secret = read(webhook.secret_ref, "retire the previous signing secret")
    except (SecretNotFound, SecretDamaged):
        return
    if "previous" in secret:
        left = {"current": _in_use(secret, webhook.id, webhook.secret_fingerprint)}
        store().put(webhook.secret_ref, left, cas=secret.version)


def _in_use(stored: Mapping[str, str], webhook_id: str, mark: str | None) -> str:
    """Return the stored secret with the fingerprint that the row has; the current one if there is
    none."""
    before = stored.get("previous")
    if before is not None and mark in fingerprints(webhook_id, before):
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


def read_many(refs: Sequence[SecretRef], reason: str) -> dict[SecretRef, Secret | PortalError]:
    """Return the stored entries of several webhooks of one tenant, as `read` does; an error in the
    place of one that cannot be read."""
    found = store().get_many(refs, reason=reason)
    return {ref: _entry(one) for ref, one in found.items()}


def _entry(found: Secret | PortalError) -> Secret | PortalError:
    is_other = isinstance(found, Secret) and "current" not in found
    return SecretNotFound() if is_other else found


def open_keys(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign at this moment, the one in use first.

    Raises Conflict if the store has no usable secret of this webhook, Unavailable if it does not
    answer.
    """
    try:
        stored = read(webhook.secret_ref, "sign a delivery")
    except (SecretNotFound, SecretDamaged) as error:
        raise Conflict(
            "The signing secret of this webhook is gone or damaged. Rotate it, then try again."
        ) from error
    return keys_of(stored, webhook.id, webhook.secret_fingerprint).signing(now)


def keys_of(stored: Mapping[str, str], webhook_id: str, mark: str | None) -> SigningKeys:
    """Return the secrets in a webhook's stored entry; the one in use has this fingerprint."""
    in_use = _in_use(stored, webhook_id, mark)
    known = [(stored["current"], NEVER), *_previous(stored)]
    return SigningKeys(in_use, [(one, end) for one, end in known if one != in_use])


def _previous(stored: Mapping[str, str]) -> Iterator[tuple[str, datetime]]:
    """Yield the previous secrets, the newest first, each with its end."""
    for name in PREVIOUS:
        if name in stored:
            yield stored[name], datetime.fromisoformat(stored[f"{name}_expires_at"])
