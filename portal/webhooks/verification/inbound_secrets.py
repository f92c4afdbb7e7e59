"""The secret of an inbound webhook: generated here for the sender, or made by the sender."""

from collections.abc import Iterator, Sequence
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from portal.core.errors import Conflict, FieldError, Invalid
from portal.database.session import database_now
from portal.secretstore import Secret, SecretDamaged, SecretNotFound, StoreUnavailable, store
from portal.webhooks import keyring
from portal.webhooks.models import Webhook
from portal.webhooks.signing import signature_schemes, standard_webhooks
from portal.webhooks.signing.signature_schemes import fingerprints
from portal.webhooks.verification.json_web_tokens import NO_AUDIENCE
from portal.webhooks.verification.provider_schemes import CLAIMS, DEFAULT, Scheme, of_webhook
from portal.webhooks.verification.signature_check import is_shared, key_problem, lacks_audience
from portal.webhooks.verification.signature_doctor import Candidate

if TYPE_CHECKING:
    from portal.webhooks.schemas import WebhookInput

__all__ = [
    "candidates",
    "check_kept",
    "fingerprint_of",
    "first",
    "known",
    "new",
    "problems",
    "scheme_name",
    "scheme_of",
    "take",
]


_WHY_NOT = {
    "equal_bodies": "it is not the body alone that is signed",
    **dict.fromkeys(CLAIMS, "requests carry no token that says it"),
}


def scheme_of(webhook: Webhook) -> Scheme:
    """Return the scheme that checks the requests of this inbound webhook."""
    return of_webhook(webhook.inbound_scheme or DEFAULT, webhook.inbound_options)


def scheme_name(command: "WebhookInput") -> str | None:
    """Return the name of the scheme to store: an inbound webhook always has one."""
    if command.direction == "inbound":
        return command.inbound_scheme or DEFAULT
    return command.inbound_scheme


def problems(values: dict[str, Any]) -> list[FieldError]:
    """Return an error for each contradiction in the inbound settings of a webhook."""
    found = []
    name = values["inbound_scheme"]
    if values["direction"] != "inbound":
        if name:
            found.append(FieldError("inbound_scheme", "Only an inbound webhook has one."))
        if values["inbound_options"]:
            found.append(FieldError("inbound_options", "Only an inbound webhook has some."))
    elif values["inbound_options"] and not of_webhook(name, {}).is_generic:
        message = f"The scheme {name} says itself where everything is."
        found.append(FieldError("inbound_options", message))
    else:
        scheme = of_webhook(name, {})
        for option in values["inbound_options"]:
            if not scheme.takes(option):
                message = f"Leave out {option}: with {name} {_WHY_NOT[option]}."
                found.append(FieldError("inbound_options", message))
    return found


def first(command: "WebhookInput") -> tuple[str | None, bool]:
    """Return the secret of a new webhook, and whether the portal generated it.

    The secret is None if only the sender can make it and it was not given yet; requests are held in
    quarantine until then. Raises Invalid for a text that cannot be a secret of the scheme.
    """
    scheme = of_webhook(command.inbound_scheme or DEFAULT, command.inbound_options)
    if command.inbound_secret:
        _check(scheme, command.inbound_secret)
        return command.inbound_secret, False
    return (_made(scheme), True) if scheme.made_here else (None, False)


def take(webhook: Webhook, command: "WebhookInput") -> dict[str, Any]:
    """Store the sender's secret that was given; return the columns that change with it.

    The previous secret is accepted for 24 hours more, unless the scheme changes with it: then it is
    no secret of the new scheme. Raises Invalid for a text that cannot be a secret, and if an
    audience is missing; Conflict while too many previous ones are accepted.
    """
    secret = command.inbound_secret or ""
    if webhook.direction != "inbound":
        raise Invalid.field("inbound_secret", "Only an inbound webhook is given a secret.")
    after = of_webhook(command.inbound_scheme or DEFAULT, command.inbound_options)
    is_kept = webhook.inbound_scheme == scheme_name(command)
    _check_secret(after, secret)
    if lacks_audience(after, secret) and not (is_kept and secret in known(webhook)):
        raise Invalid.field("inbound_options.audience", NO_AUDIENCE)
    if is_kept:
        _check_audience_kept(webhook, after)
    until = keyring.turn(webhook, secret, keep=is_kept)
    return {
        "secret_fingerprint": fingerprints(webhook.id, secret)[0],
        "secret_rotated_at": database_now(),
        "previous_secret_expires_at": until,
    }


def check_kept(webhook: Webhook, command: "WebhookInput") -> None:
    """Check that the stored secrets are secrets of the scheme, if it changes without a new one, and
    that an audience stays where it is needed.

    Raises Invalid otherwise: what another scheme keeps may be a public key or an address, with
    which anybody could sign now. Raises Unavailable if the secret store does not answer.
    """
    if webhook.inbound_scheme is None:
        return
    before = scheme_of(webhook)
    after = of_webhook(command.inbound_scheme or DEFAULT, command.inbound_options)
    if webhook.inbound_scheme == scheme_name(command):
        _check_audience_kept(webhook, after)
        return
    secrets = known(webhook)
    if not secrets:
        return
    current = secrets[0]
    accepted = [current, *(one for one in secrets[1:] if key_problem(after, one) is None)]
    is_other = any(is_shared(before, one) is not is_shared(after, one) for one in accepted)
    if is_other or key_problem(after, current):
        message = f"Give the secret of {after.title}. The stored one belongs to {before.title}."
        raise Invalid.field("inbound_secret", message)
    _check_audience(after, accepted)


def new(webhook: Webhook) -> str:
    """Return the next secret of a webhook. Raises Conflict if only the sender can make it."""
    if webhook.direction != "inbound":
        return signature_schemes.new_secret(webhook.signature_scheme)
    scheme = scheme_of(webhook)
    if not scheme.made_here:
        raise Conflict(
            f"The secret of {scheme.title} is made there. Make a new one there and give it here."
        )
    return _made(scheme)


def known(webhook: Webhook) -> Sequence[str]:
    """Return the secrets that are accepted now, the one in use first; none if none was given yet.

    Raises Unavailable if the secret store does not answer, or the stored secret is damaged: the
    sender comes again, perhaps after somebody has given a new one.
    """
    try:
        stored = keyring.read(webhook.secret_ref, "verify an inbound request")
    except SecretNotFound:
        return []
    except SecretDamaged as error:
        raise StoreUnavailable("The secret of this webhook cannot be read.") from error
    return _accepted(webhook, stored)


def fingerprint_of(webhook: Webhook, secret: str | None) -> str | None:
    """Return the fingerprint of a secret of this webhook as people can compare it: as the webhook
    has it, also if that is from before the portal's secret key was replaced."""
    if secret is None:
        return None
    found = fingerprints(webhook.id, secret)
    return webhook.secret_fingerprint if webhook.secret_fingerprint in found else found[0]


def candidates(webhook: Webhook) -> list[Candidate]:
    """Return all secrets of a webhook that the store still has, the newest first, for the
    doctor."""
    try:
        newest = keyring.read(webhook.secret_ref, "find why a signature fails")
    except SecretNotFound:
        return []
    current = _accepted(webhook, newest)
    words = "the secret of this webhook"
    found = {one: Candidate(one, words, mark=fingerprint_of(webhook, one)) for one in current}
    for stored in [newest, *_older(webhook, newest.version)]:
        for name in ("current", *keyring.PREVIOUS):
            if (secret := stored.get(name)) and secret not in found:
                words = f"an earlier secret of this webhook, of {stored.created_at:%-d %b %Y}"
                mark = fingerprint_of(webhook, secret)
                found[secret] = Candidate(secret, words, is_current=False, mark=mark)
    return list(found.values())


def _accepted(webhook: Webhook, stored: Secret) -> list[str]:
    """Return the secrets of an entry that are accepted now. A previous one from before a change of
    the scheme may be no key of it; it would have every request refused."""
    keys = keyring.keys_of(stored, webhook.id, webhook.secret_fingerprint)
    current, *previous = keys.signing(database_now())
    if webhook.direction == "inbound":
        scheme = scheme_of(webhook)
        previous = [one for one in previous if key_problem(scheme, one) is None]
    return [current, *previous]


def _older(webhook: Webhook, version: int) -> Iterator[Secret]:
    """Yield the stored versions before this one that can still be read, the newest first."""
    if version < 2:
        return
    kept = [one.number for one in store().head(webhook.secret_ref).versions if one.is_live]
    for number in sorted(kept, reverse=True):
        if number < version:
            reason = "find why a signature fails"
            yield store().get(webhook.secret_ref, version=number, reason=reason)


def _made(scheme: Scheme) -> str:
    return standard_webhooks.new_secret() if scheme.method == "standard" else token_urlsafe(32)


def _check(scheme: Scheme, secret: str) -> None:
    _check_secret(scheme, secret)
    _check_audience(scheme, [secret])


def _check_secret(scheme: Scheme, secret: str) -> None:
    if problem := key_problem(scheme, secret):
        raise Invalid.field("inbound_secret", problem)


def _check_audience_kept(webhook: Webhook, after: Scheme) -> None:
    """Raise Invalid if the audience is taken away while the address of a key set is accepted. A
    webhook from before audiences has none, and may stay so."""
    if scheme_of(webhook).audience and not after.audience:
        _check_audience(after, known(webhook))


def _check_audience(scheme: Scheme, secrets: Sequence[str]) -> None:
    if any(lacks_audience(scheme, secret) for secret in secrets):
        raise Invalid.field("inbound_options.audience", NO_AUDIENCE)
