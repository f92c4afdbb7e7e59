"""Create, change, delete and restore webhooks, and rotate their signing secrets."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import select

from portal.applications import service as applications
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.core.config import running
from portal.core.errors import Conflict, FieldError, Invalid
from portal.database.actor import Actor
from portal.database.audience import RestrictedRecord
from portal.database.base import new_id
from portal.database.record import Record, find
from portal.database.session import database_now, session
from portal.events.type_names import LENGTH, patterns_of
from portal.outbound import check_url
from portal.records import verbs
from portal.records.listing import Listing, Side, sorted_time
from portal.records.purge import Releaser
from portal.records.verbs import Changes, Revealed
from portal.webhooks import keyring, subscriptions
from portal.webhooks.models import (
    DIRECTIONS,
    OUTCOMES,
    SIGNATURE_SCHEMES,
    Subscription,
    Webhook,
)
from portal.webhooks.schemas import WebhookInput
from portal.webhooks.signing import signature_schemes
from portal.webhooks.verification import inbound_secrets
from portal.webhooks.verification.provider_schemes import SCHEMES

UNTITLED = "Untitled webhook"
DEFAULT_SCHEME = "standard-webhooks"
RELEASED_AT_ONCE = 100  # records that a purge changes in one transaction


def _patterns_of(event_type: str) -> list[str]:
    """Return the patterns that subscribe to an event type. A name that is too long is none."""
    return patterns_of(event_type) if len(event_type) <= LENGTH else []


LISTING = Listing(
    Webhook,
    filters={
        "direction": Webhook.direction,
        "url": Webhook.url,
        "enabled": Webhook.enabled,
        "is_active": Webhook.is_active,
        "signature_scheme": Webhook.signature_scheme,
        "inbound_scheme": Webhook.inbound_scheme,
        "last_delivery_status": Webhook.last_delivery_status,
        "application_id": Webhook.application_id,
        "connector_id": Webhook.connector_id,
        "app_id": Webhook.app_id,
        "created_by": Webhook.created_by,
    },
    choices={
        "direction": DIRECTIONS,
        "signature_scheme": SIGNATURE_SCHEMES,
        "inbound_scheme": tuple(SCHEMES),
        "last_delivery_status": OUTCOMES,
    },
    several=(
        "direction",
        "signature_scheme",
        "inbound_scheme",
        "last_delivery_status",
        "application_id",
        "connector_id",
        "app_id",
    ),
    sides={
        "event_type": Side(
            Subscription, Subscription.pattern, Subscription.webhook_id, _patterns_of
        )
    },
    quick=("application_id", "connector_id"),
    ranges={
        "created_at": Webhook.created_at,
        "updated_at": Webhook.updated_at,
        "deleted_at": Webhook.deleted_at,
        "last_delivery_at": sorted_time(Webhook.last_delivery_at),
        "paused_at": Webhook.paused_at,
    },
    combines=True,
    texts={"name": Webhook.name, "url": Webhook.url},
    optional={
        "url": Webhook.url,
        "last_delivery_status": Webhook.last_delivery_status,
        "last_delivery_at": Webhook.last_delivery_at,
        "paused_at": Webhook.paused_at,
        "application_id": Webhook.application_id,
        "connector_id": Webhook.connector_id,
        "app_id": Webhook.app_id,
    },
    # Ids are ULIDs, so their order is the order of creation, and the primary key serves it.
    sorts={
        "created_at": Webhook.id,
        "updated_at": Webhook.updated_at,
        "name": Webhook.name_key,
        "last_delivery_at": sorted_time(Webhook.last_delivery_at),
    },
)


def create(actor: Actor, command: WebhookInput) -> Revealed[Webhook]:
    """Create a webhook and its signing secret, which is returned only this once.

    Raises Invalid for a URL that may not be called or a reference that does not exist, and
    Unavailable if the secret store does not answer; then nothing is stored.
    """
    webhook = Webhook(id=new_id(Webhook.id_prefix))
    values, secret, shown = _new(actor, webhook, command)
    verbs.create(actor, webhook, values)
    subscriptions.subscribe(webhook)
    if secret:
        keyring.begin(webhook, secret)
    return Revealed(webhook, shown)


def create_all(actor: Actor, commands: Sequence[WebhookInput]) -> list[Revealed[Webhook]]:
    """Create webhooks together. Raises what `create` raises."""
    new = [Webhook(id=new_id(Webhook.id_prefix)) for _ in commands]
    made = [_new(actor, *one) for one in zip(new, commands, strict=True)]
    given = [values for values, _, _ in made]
    webhooks = verbs.create_all(actor, list(zip(new, given, strict=True)))
    for webhook in webhooks:
        subscriptions.subscribe(webhook)
    both = list(zip(webhooks, made, strict=True))
    keyring.begin_all([(webhook, secret) for webhook, (_, secret, _) in both if secret])
    return [Revealed(webhook, shown) for webhook, (_, _, shown) in both]


def _new(
    actor: Actor, webhook: Webhook, command: WebhookInput
) -> tuple[dict[str, Any], str | None, dict[str, str]]:
    """Return the values of a new webhook, its first secret, and what is shown of it this once."""
    actor.require("webhooks:write")
    secret, is_made_here = _first_secret(command)
    values = command.values()
    values["secret_fingerprint"] = inbound_secrets.fingerprint_of(webhook, secret)
    values["name"] = command.name or UNTITLED
    values["inbound_scheme"] = inbound_secrets.scheme_name(command)
    values["enabled"] = _enabled(command)
    if command.application_id is None:
        values["application_id"] = actor.application_id
    _check(actor, None, values)
    shown = {"signing_secret": signature_schemes.shown(secret)} if secret and is_made_here else {}
    return values, secret, shown


def update(actor: Actor, record: Webhook, command: WebhookInput) -> Webhook:
    """Change a webhook.

    Raises Invalid for a URL that may not be called, a reference that does not exist, and a stored
    secret that is none of the new scheme of a sender.
    """
    actor.require("webhooks:write")
    values = command.values()
    values["name"] = command.name or UNTITLED
    values["enabled"] = _enabled(command)
    values["inbound_scheme"] = inbound_secrets.scheme_name(command)
    _check(actor, record, values)
    if command.inbound_secret:
        values |= inbound_secrets.take(record, command)
    else:
        inbound_secrets.check_kept(record, command)
    was_ordered = record.ordered
    changed = verbs.change(actor, record, values)
    subscriptions.subscribe(changed)
    if changed.ordered and not was_ordered:
        subscriptions.put_in_order(changed)
    if not changed.enabled:
        subscriptions.halt(changed)
    return changed


def switch(actor: Actor, webhook_id: str, *, on: bool) -> Webhook:
    """Turn a webhook on or off. Raises Invalid if its URL or event types are missing to turn it
    on."""
    actor.require("webhooks:write")
    record = find(Webhook, actor, webhook_id, lock=True)
    return update(actor, record, WebhookInput.patched(record, {"enabled": on}))


def delete(actor: Actor, record: Webhook) -> Webhook:
    """Delete a webhook. Its secret stays in the store while the webhook can be restored."""
    actor.require("webhooks:write")
    subscriptions.halt(record)
    return verbs.delete(actor, record)


def restore(actor: Actor, webhook_id: str) -> Webhook:
    """Restore a deleted webhook, with its secret. A connector that is not for everybody any more is
    left out: see `keep_connectors_named`. Raises Conflict if its application is stopped."""
    actor.require("webhooks:write")

    def also(webhook: Webhook) -> dict[str, Any]:
        applications.check_restored(actor, webhook)
        return _without_closed_connector(webhook)

    return verbs.restore(actor, Webhook, webhook_id, also)


def _without_closed_connector(webhook: Webhook) -> dict[str, Any]:
    if webhook.connector_id is None:
        return {}
    closed = (webhook.tenant_id, webhook.connector_id)
    return {"connector_id": None} if session.get(RestrictedRecord, closed) else {}


def choices(actor: Actor, also: Iterable[str | None] = ()) -> list[tuple[str, str]]:
    """Return (id, name) of the webhooks that a form offers; see `records.choices`."""
    return verbs.choices(actor, Webhook, Webhook.name_key, Webhook.name, also)


def get(actor: Actor, webhook_id: str, *, include_deleted: bool = False) -> Webhook:
    """Return one webhook of the actor's tenant. Raises NotFound."""
    actor.require("webhooks:read")
    return find(Webhook, actor, webhook_id, include_deleted=include_deleted)


def rotate_secret(actor: Actor, webhook_id: str) -> Revealed[Webhook]:
    """Create a new signing secret, returned only this once. The previous one also signs for 24
    hours. Raises Conflict while as many previous secrets as are kept sign."""
    actor.require("webhooks:write")
    webhook = find(Webhook, actor, webhook_id, lock=True)
    secret = inbound_secrets.new(webhook)
    until = keyring.turn(webhook, secret)
    values = {
        "secret_fingerprint": signature_schemes.fingerprints(webhook.id, secret)[0],
        "secret_rotated_at": database_now(),
        "previous_secret_expires_at": until,
    }
    verbs.change(actor, webhook, values, action="secret_rotated")
    subscriptions.sign_again(webhook)
    once = {"signing_secret": signature_schemes.shown(secret)}
    if until is not None:
        once["previous_secret_expires_at"] = until.isoformat()
    return Revealed(webhook, once)


def retire_secret(actor: Actor, webhook_id: str) -> Webhook:
    """End the overlap after rotations now: from here on only the current secret signs.

    Raises Conflict if no previous secret signs. The workers notice the change within seconds.
    """
    actor.require("webhooks:write")
    webhook = find(Webhook, actor, webhook_id, lock=True)
    if not keyring.previous_signs(webhook):
        raise Conflict("There is no previous secret that is still valid.")
    keyring.retire(webhook)
    values = {"previous_secret_expires_at": None}
    return verbs.change(actor, webhook, values, action="secret_retired")


def _first_secret(command: WebhookInput) -> tuple[str | None, bool]:
    """Return the secret of a new webhook, and whether the portal generated it. The secret is None
    if the sender makes it and has not given it yet."""
    if command.direction == "inbound":
        return inbound_secrets.first(command)
    if command.inbound_secret:
        raise Invalid.field("inbound_secret", "Only an inbound webhook is given a secret.")
    return signature_schemes.new_secret(command.signature_scheme), True


def _enabled(command: WebhookInput) -> bool:
    if command.enabled is not None:
        return command.enabled
    if command.direction == "inbound":
        return True
    return bool(command.url and command.event_types)


def _check(actor: Actor, stored: Webhook | None, values: dict[str, Any]) -> None:
    """Check the rules that need more than the command; raise Invalid if one is broken. Stored
    values are not checked again, so that a stricter list of the operator does not block changes of
    an old webhook's other fields."""
    if stored and values["direction"] != stored.direction:
        raise Invalid.field("direction", "The direction is fixed once the webhook is there.")
    problems = inbound_secrets.problems(values)
    problems += _unsigned(stored, values)
    if values["url"] and (stored is None or values["url"] != stored.url):
        problems += [FieldError("url", problem) for problem in url_problems(values["url"])]
    if values["enabled"] and values["direction"] == "outbound":
        problems += _missing(values)
    problems += _foreign(actor, stored, values)
    problems += subscriptions.filter_problems(actor.tenant_id, stored, values["filter"])
    if problems:
        raise Invalid(problems)
    applications.check_owner(actor, stored, values["application_id"])


def _unsigned(stored: Webhook | None, values: dict[str, Any]) -> list[FieldError]:
    """Return an error if a signature scheme is chosen for an inbound webhook, which signs
    nothing."""
    chosen = values["signature_scheme"]
    kept = stored.signature_scheme if stored else DEFAULT_SCHEME
    if values["direction"] != "inbound" or chosen in (kept, DEFAULT_SCHEME):
        return []
    message = "This is how an outbound webhook signs. How a sender signs is said in inbound_scheme"
    return [FieldError("signature_scheme", f"{message}{_such_as(chosen)}.")]


def _such_as(scheme: str) -> str:
    return f": set inbound_scheme to {scheme} instead" if scheme in SCHEMES else ""


def url_problems(url: str) -> list[str]:
    """Return the reasons why this URL may not be called, as sentences.

    In production a public address must use https; an address in a network that the operator opened
    need not.
    """
    config = running()
    is_public = not check_url(url)
    https_only = config.is_production and is_public
    return check_url(url, config.outbound_allow, https_only=https_only)


def _missing(values: dict[str, Any]) -> list[FieldError]:
    missing = []
    if not values["url"]:
        missing.append(FieldError("url", "Give the target URL, or leave the webhook off."))
    if not values["event_types"]:
        message = "Choose at least one event, or leave the webhook off."
        missing.append(FieldError("event_types", message))
    return missing


def _foreign(actor: Actor, stored: Webhook | None, values: dict[str, Any]) -> list[FieldError]:
    """Return an error for each new reference to a record that this actor does not see: for the
    actor it does not exist."""
    found = {}
    if wanted := _named_anew(stored, values, "application_id"):
        known = wanted in applications.names(actor, {wanted})
        found["application_id"] = None if known else "There is no such application in this tenant."
    if wanted := _named_anew(stored, values, "connector_id"):
        found["connector_id"] = connectors.not_to_be_named(actor, wanted)
    return [FieldError(name, problem) for name, problem in found.items() if problem]


def _named_anew(stored: Webhook | None, values: dict[str, Any], name: str) -> str | None:
    wanted: str | None = values[name]
    return None if stored and wanted == getattr(stored, name) else wanted


def keep_endpoints_there(actor: Actor, record: Record, action: str, changes: Changes) -> None:
    """Refuse that a connector is given a webhook that is deleted: it would name none, and lose the
    name when the webhook is purged."""
    if not isinstance(record, Connector) or "webhook_endpoint_id" not in changes:
        return
    if (wanted := record.webhook_endpoint_id) is None:
        return
    live = select(Webhook.id).where(
        Webhook.tenant_id == actor.tenant_id, Webhook.id == wanted, Webhook.is_deleted.is_(False)
    )
    if session.scalar(live) is None:
        message = "There is no webhook of this id in this tenant."
        raise Invalid.field("webhook_endpoint_id", message)


@cache  # one, however many apps of a process register it
def leave_out(model: type[Webhook] | type[Connector], name: str) -> Releaser:
    """Return what takes records that are purged out of this reference to them, with its history:
    the database alone would clear it without a version."""
    reference = getattr(model, name)

    def release(actor: Actor, ids: Sequence[str]) -> Sequence[str]:
        naming = select(model).where(model.tenant_id == actor.tenant_id, reference.in_(ids))
        # Whoever works on one may wait for the record that is purged: leave it for the next run.
        free = naming.limit(RELEASED_AT_ONCE).with_for_update(skip_locked=True, of=model)
        for record in session.scalars(free).all():
            verbs.change(actor, record, {name: None})
        still = set(session.scalars(naming.with_only_columns(reference).distinct()))
        return [one for one in ids if one not in still]

    return release


def keep_connectors_named(actor: Actor, record: Record, action: str, changes: Changes) -> None:
    """Refuse that a connector is taken from the whole tenant while a webhook names it: a webhook is
    for everybody, and would tell of the connector."""
    if not isinstance(record, Connector) or "scope" not in changes or record.is_for_all:
        return
    naming = select(Webhook.name).where(
        Webhook.tenant_id == actor.tenant_id,
        Webhook.connector_id == record.id,
        Webhook.is_deleted.is_(False),
    )
    if name := session.scalar(naming.limit(1)):
        message = f"The webhook {name} is for everybody and names this connector: change it first."
        raise Invalid.field("scope", message)
