"""The operations on connectors.

The row is flushed before the secret is stored. So an error of the database leaves no secret behind,
and an error of the secret store leaves no row.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from portal.applications import service as applications
from portal.connectors import scopes
from portal.connectors.models import AUTH_TYPES, SCOPES, SYNC_STATUSES, TYPES, Connector
from portal.connectors.providers import PROVIDERS
from portal.connectors.schemas import ConnectorInput
from portal.core.errors import Conflict, Invalid
from portal.database.actor import Actor
from portal.database.audience import FOR_ALL, as_member
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import database_now, session
from portal.records import verbs
from portal.records.listing import Listing
from portal.secretstore import SecretConflict, SecretNotFound, store

UNTITLED = "Untitled connector"
WRITE = "connectors:write"
# A change of one of these means that the connection must be checked again.
CONNECTION = frozenset({"enabled", "provider", "auth_type", "config", "credential_version"})

Changes = Mapping[str, str | None]

LISTING = Listing(
    Connector,
    filters={
        "type": Connector.type,
        "provider": Connector.provider,
        "scope": Connector.scope,
        "enabled": Connector.enabled,
        "sync_status": Connector.sync_status,
        "auth_type": Connector.auth_type,
        "application_id": Connector.application_id,
        "webhook_endpoint_id": Connector.webhook_endpoint_id,
        "owner_id": Connector.owner_id,
        "user_id": Connector.user_id,
        "group_id": Connector.group_id,
        "app_id": Connector.app_id,
        "created_by": Connector.created_by,
    },
    # What an admin may know of a connector for others; anything else would tell its settings.
    overseen=(
        "scope",
        "owner_id",
        "user_id",
        "group_id",
        "enabled",
        "sync_status",
        "app_id",
        "created_by",
        "created_at",
        "updated_at",
    ),
    choices={
        "type": TYPES,
        "provider": tuple(PROVIDERS),
        "scope": SCOPES,
        "sync_status": SYNC_STATUSES,
        "auth_type": AUTH_TYPES,
    },
    quick=(
        "type",
        "provider",
        "sync_status",
        "application_id",
        "owner_id",
        "user_id",
        "group_id",
        "app_id",
    ),
    ranges={
        "created_at": Connector.created_at,
        "updated_at": Connector.updated_at,
        "last_sync_at": Connector.last_sync_at,
        "next_rotation_due": Connector.next_rotation_due,
    },
    # Ids are ULIDs, so their order is the order of creation, and the primary key serves the sort.
    sorts={
        "created_at": Connector.id,
        "updated_at": Connector.updated_at,
        "name": Connector.name_key,
    },
)


def create(actor: Actor, command: ConnectorInput) -> Connector:
    """Create a connector and store its credentials. Raises any error of the secret store."""
    actor.require(WRITE)
    record = Connector(id=new_id(Connector.id_prefix))
    values = _values(actor, command, None)
    values["sync_status"] = "pending" if command.enabled else "disabled"
    given = _given(command.credentials)
    if given:
        values |= _credential_note(actor, given, 1)
    verbs.create(actor, record, values)
    if given:
        store().put(record.secret_ref, given, cas=0)
    return record


def update(actor: Actor, record: Connector, command: ConnectorInput) -> Connector:
    """Change a connector and merge its credentials: absent keeps, text replaces, null removes.

    Raises Invalid; Conflict when the secret store has another version than this row knows; and any
    error of the secret store.
    """
    actor.require(WRITE)
    values = _values(actor, command, record)
    if record.credential_fields and command.provider != record.provider:
        message = "The stored credentials belong to the provider: remove them first."
        raise Invalid.field("provider", message)
    known, fields = record.credential_version, set(record.credential_fields)
    changes = {n: v for n, v in command.credentials.items() if v is not None or n in fields}
    if changes:
        after = (fields - changes.keys()) | _given(changes).keys()
        values |= _credential_note(actor, after, known + 1) if after else {"credential_fields": []}
    verbs.change(actor, record, values | _status(record, values, bool(changes)))
    if changes:
        _store(record, known, changes)
    return record


def set_enabled(actor: Actor, record_id: str, enabled: bool) -> Connector:
    """Enable or disable a connector. Nothing else changes, so it can be undone at once."""
    actor.require(WRITE)
    record = find(Connector, actor, record_id, lock=True)
    values = {"enabled": enabled}
    action = "enabled" if enabled else "disabled"
    return verbs.change(actor, record, values | _status(record, values, False), action=action)


def remove_credentials(actor: Actor, record_id: str, _: Any = None) -> Connector:
    """Delete all credentials, including those in the secret store that the row does not know."""
    actor.require(WRITE)
    record = find(Connector, actor, record_id, lock=True)
    record.permit(actor, {"credential_fields"})
    try:
        version = store().head(record.secret_ref).current_version
    except SecretNotFound:
        return record
    values = {"credential_fields": [], "credential_version": version}
    status = _status(record, values, bool(record.credential_fields))
    verbs.change(actor, record, values | status, action="credentials_removed")
    store().delete(record.secret_ref)
    return record


def delete(actor: Actor, record: Connector) -> Connector:
    """Delete a connector and its credentials. Restoring it restores both."""
    actor.require(WRITE)
    verbs.delete(actor, record)
    if record.credential_fields:
        store().delete(record.secret_ref)
    return record


def restore(actor: Actor, record_id: str) -> Connector:
    """Restore a deleted connector. Credentials that the secret store lost must be entered again."""
    actor.require(WRITE)
    record = verbs.restore(actor, Connector, record_id)
    if record.credential_fields:
        try:
            store().undelete(record.secret_ref)
        except SecretNotFound:
            lost = {"credential_fields": [], **_status(record, {}, True)}
            noticed_by = Actor(
                actor.tenant_id, "system", "system", "Secret store", origin=actor.origin
            )
            verbs.change(noticed_by, record, lost, action="credentials_lost")
    return record


def get(actor: Actor, record_id: str, *, include_deleted: bool = False) -> Connector:
    """Return one connector of the actor's tenant. Raises NotFound."""
    actor.require("connectors:read")
    return find(Connector, actor, record_id, include_deleted=include_deleted)


def names(actor: Actor, ids: set[str]) -> dict[str, str]:
    """Return id → name of some connectors, in one statement, for lists that show them."""
    if not ids:
        return {}
    query = Connector.seen_by(actor).where(Connector.id.in_(ids))
    return {found.id: found.name for found in session.scalars(query)}


def choices(actor: Actor, also: Iterable[str | None] = ()) -> list[tuple[str, str]]:
    """Return (id, name) of the connectors that a record of the whole tenant may name; see
    `records.choices`."""
    return verbs.choices(
        as_member(actor),
        Connector,
        Connector.name_key,
        Connector.name,
        also,
        Connector.scope == FOR_ALL,
    )


def not_to_be_named(actor: Actor, connector_id: str) -> str | None:
    """Return why a record of the whole tenant may not name this connector, or None if it may."""
    seen = Connector.seen_by(as_member(actor)).where(Connector.id == connector_id)
    scope = session.scalar(seen.with_only_columns(Connector.scope))
    if scope is None:
        return "There is no such connector in this tenant."
    return None if scope == FOR_ALL else "Only connectors of the whole organisation can be named."


# ---------------------------------------------------------------- what the row gets


def _values(actor: Actor, command: ConnectorInput, record: Connector | None) -> dict[str, Any]:
    """Return the columns for a command, completed from the provider, the scope and the actor."""
    values = command.values()
    if provider := PROVIDERS.get(command.provider or ""):
        variant = provider.variant(command.auth_type)
        values["type"] = command.type or provider.category
        values["auth_type"] = command.auth_type or (variant.type if variant else None)
        values["name"] = command.name or provider.name
    else:
        values["name"] = command.name or UNTITLED
    if record is None:
        values["owner_id"] = command.owner_id or actor.person_id
        values["application_id"] = command.application_id or actor.application_id
    applications.check_owner(actor, record, values["application_id"])
    scopes.check_owner(actor, record, values["owner_id"])
    return values | scopes.audience(actor, command, record)


def _status(
    record: Connector, values: Mapping[str, Any], credentials_changed: bool
) -> dict[str, str]:
    """Return the sync status after an edit. A changed connection resets it to pending."""
    if not values.get("enabled", record.enabled):
        return {"sync_status": "disabled"}
    differs = {name for name in CONNECTION & values.keys() if values[name] != getattr(record, name)}
    return {"sync_status": "pending"} if differs or credentials_changed else {}


# ---------------------------------------------------------------- what the secret store gets


def _given(credentials: Changes) -> dict[str, str]:
    return {name: value for name, value in credentials.items() if value is not None}


def _credential_note(actor: Actor, fields: Any, version: int) -> dict[str, Any]:
    """Return the row's note about a secret: names, version, time and author; never a value."""
    return {
        "credential_fields": sorted(fields),
        "credential_version": version,
        "credential_set_by": actor.person_id or actor.id,
        "credential_set_by_name": actor.name[:200],
        "credential_last_rotated_at": database_now(),
    }


def _store(record: Connector, known: int, changes: Changes) -> None:
    """Update the secret store from the row, which is flushed and locked.

    `known` is the version before the change. Raises Conflict if the store is out of step.
    """
    given = _given(changes)
    try:
        if not record.credential_fields:
            store().delete(record.secret_ref)
        elif given.keys() == set(record.credential_fields):
            store().put(record.secret_ref, given, cas=known)
        else:
            store().patch(record.secret_ref, changes, cas=known)
    except SecretNotFound:
        message = "The secret store no longer has these credentials. Enter all of them again."
        raise Conflict(message) from None
    except SecretConflict as conflict:
        # The row is locked, so no other editor caused this. Either a crash happened between the two
        # writes, or someone wrote to the secret store directly.
        message = (
            f"The secret store is at version {conflict.version} of these credentials, this"
            f" connector knows version {known}. Remove the credentials and enter them again."
        )
        raise Conflict(message) from None
