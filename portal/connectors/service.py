"""The operations on connectors.

The row is flushed before the secret is stored. So an error of the database leaves no secret behind,
and an error of the secret store leaves no row.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Integer, and_, literal_column, not_, or_, text, type_coerce
from sqlalchemy.orm import joinedload

from portal.applications import service as applications
from portal.connectors import addresses, scopes
from portal.connectors.models import (
    AUTH_TYPES,
    SCOPES,
    SYNC_STATUSES,
    TYPES,
    URGENCY,
    Connector,
)
from portal.connectors.schemas import ConnectorInput
from portal.core.errors import Conflict, Invalid
from portal.database.actor import Actor
from portal.database.audience import FOR_ALL, as_member
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import database_now, session
from portal.providers import PROVIDERS, Provider, Variant
from portal.records import verbs
from portal.records.health import FEW, Health, Tally, summary, up_to
from portal.records.listing import Listing, View, sorted_time
from portal.secretstore import SecretNotFound, store

UNTITLED = "Untitled connector"
WRITE = "connectors:write"
NEED_A_PERSON = ("action_required", "failing")
# A change of one of these means that the connection must be checked again.
CONNECTION = frozenset({"enabled", "provider", "auth_type", "config", "credential_version"})

UNKNOWN_HEALTH = MappingProxyType(
    {"sync_status": "pending", "consecutive_errors": 0, "last_error": None}
)

Changes = Mapping[str, str | None]


def _needs_a_person() -> ColumnElement[bool]:
    # Not IN: a statement that is written once has a place for each value.
    return or_(*(Connector.sync_status == status for status in NEED_A_PERSON))


# With the table's name, because a list may join others.
_URGENCY: Any = type_coerce(
    literal_column(URGENCY.replace("sync_status", "connector.sync_status")), Integer
)

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
        "deleted_at",
        "last_sync_at",
        "last_check_at",
    ),
    choices={
        "type": TYPES,
        "provider": tuple(PROVIDERS),
        "scope": SCOPES,
        "sync_status": SYNC_STATUSES,
        "auth_type": AUTH_TYPES,
    },
    several=(
        "type",
        "provider",
        "scope",
        "sync_status",
        "auth_type",
        "application_id",
        "webhook_endpoint_id",
        "app_id",
    ),
    quick=(
        "type",
        "provider",
        "sync_status",
        "application_id",
        "owner_id",
        "user_id",
        "group_id",
        "app_id",
        "show",
    ),
    views={"need_a_person": View("Need a person", _needs_a_person, "-created_at")},
    ranges={
        "created_at": Connector.created_at,
        "updated_at": Connector.updated_at,
        "deleted_at": Connector.deleted_at,
        "last_sync_at": sorted_time(Connector.last_sync_at),
        "last_check_at": sorted_time(Connector.last_check_at),
        "oauth_token_expires_at": Connector.oauth_token_expires_at,
        "credential_last_rotated_at": Connector.credential_last_rotated_at,
        "next_rotation_due": Connector.next_rotation_due,
    },
    combines=True,
    texts={"name": Connector.name},
    optional={
        "type": Connector.type,
        "provider": Connector.provider,
        "auth_type": Connector.auth_type,
        "application_id": Connector.application_id,
        "webhook_endpoint_id": Connector.webhook_endpoint_id,
        "owner_id": Connector.owner_id,
        "app_id": Connector.app_id,
        "last_sync_at": Connector.last_sync_at,
        "last_check_at": Connector.last_check_at,
        "oauth_token_expires_at": Connector.oauth_token_expires_at,
        "credential_last_rotated_at": Connector.credential_last_rotated_at,
        "next_rotation_due": Connector.next_rotation_due,
    },
    # Ids are ULIDs, so their order is the order of creation, and the primary key serves the sort.
    sorts={
        "created_at": Connector.id,
        "updated_at": Connector.updated_at,
        "name": Connector.name_key,
        "urgency": _URGENCY,
        "last_sync_at": sorted_time(Connector.last_sync_at),
        "last_check_at": sorted_time(Connector.last_check_at),
    },
)


def create(actor: Actor, command: ConnectorInput) -> Connector:
    """Create a connector and store its credentials. Raises any error of the secret store."""
    record, values, given = _new(actor, command)
    verbs.create(actor, record, values)
    if given:
        store().put(record.secret_ref, given, cas=0)
    return record


def create_all(actor: Actor, commands: Sequence[ConnectorInput]) -> list[Connector]:
    """Create connectors together. Raises what `create` raises."""
    made = [_new(actor, command) for command in commands]
    records = verbs.create_all(actor, [(record, values) for record, values, _ in made])
    if secrets := {record.secret_ref: given for record, _, given in made if given}:
        store().put_many(secrets)
    return records


def _new(actor: Actor, command: ConnectorInput) -> tuple[Connector, dict[str, Any], dict[str, str]]:
    """Return a new connector, its values, and the credentials to store."""
    actor.require(WRITE)
    record = Connector(id=new_id(Connector.id_prefix))
    values = _values(actor, command, None)
    values["sync_status"] = "pending" if command.enabled else "disabled"
    given = _given(command.credentials)
    if given:
        values |= _credential_note(actor, given, 1)
        record.typed_fields = tuple(sorted(given))
    return record, values, given


def update(actor: Actor, record: Connector, command: ConnectorInput) -> Connector:
    """Change a connector and merge its credentials: absent keeps, text replaces, null removes.

    All fields together overwrite whatever the secret store has. Raises Invalid, also for an address
    or an application to which kept credentials would go for the first time; Conflict when some
    fields cannot be merged, because the store has another version than this row knows; and any
    error of the secret store.
    """
    actor.require(WRITE)
    values = _values(actor, command, record)
    if record.credential_fields and command.provider != record.provider:
        message = "The stored credentials belong to the provider: remove them first."
        raise Invalid.field("provider", message)
    stored = set(record.credential_fields)
    changes = {n: v for n, v in command.credentials.items() if v is not None or n in stored}
    kept = stored - changes.keys()
    scopes.hold(actor, record, values, kept)
    if record.entry:
        addresses.hold(record.entry, kept, record.config, command.config)
    found = _found(record) if changes else None
    if found:
        if not (found.is_known or _is_whole(record, command, values["auth_type"], changes)):
            raise _out_of_step(record, found)
        values |= _noted(actor, record, changes, found)
        record.typed_fields = tuple(sorted(changes))
    verbs.change(actor, record, values | _status(record, values, bool(changes)))
    if found:
        _store(record, changes, found.version)
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
    values = {"credential_fields": [], "credential_version": _found(record).version}
    status = _status(record, values, bool(record.credential_fields))
    verbs.change(actor, record, values | status, action="credentials_removed")
    store().delete(record.secret_ref)
    return record


def note_restored(
    actor: Actor, record: Connector, version: int, fields: Iterable[str], written: int
) -> Connector:
    """Note that an older version of the credentials was written again, as version `written`."""
    values = _credential_note(actor, fields, written) | _status(record, {}, True)
    return verbs.change(actor, record, values, action="credentials_restored")


TROUBLES = {
    "failing": text("sync_status IN ('action_required', 'failing')"),
    "caring": text("sync_status IN ('degraded', 'rate_limited', 'stale')"),
    "pending": text("sync_status = 'pending'"),
}


def _tallied(_actor: Actor) -> dict[str, Any]:
    goes = not_(Connector.is_stopped)
    troubles = {name: and_(condition, goes) for name, condition in TROUBLES.items()}
    return {"all": None, **troubles}


def _summary(found: Mapping[str, int]) -> Health | None:
    also = []
    if caring := found["caring"]:
        also.append(f"{up_to(FEW, caring)} {'needs' if caring == 1 else 'need'} attention")
    if pending := found["pending"]:
        also.append(f"{up_to(FEW, pending)} {'is' if pending == 1 else 'are'} not proven to work")
    return summary("connector", found, also)


TALLY = Tally(Connector, _tallied, _summary)


class SetUp(Protocol):
    """The parts of a connector that tell whether it is set up."""

    @property
    def entry(self) -> Provider | None: ...
    @property
    def variant(self) -> Variant | None: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def credential_fields(self) -> Collection[Any]: ...


def missing(record: SetUp) -> list[str]:
    """Return the labels of the fields that are missing before the connector can work."""
    if record.entry is None:
        return ["the provider"]
    absent = [s.label for s in record.entry.config if s.required and s.key not in record.config]
    needed = record.variant.credentials if record.variant else ()
    return absent + [s.label for s in needed if s.key not in record.credential_fields]


def delete(actor: Actor, record: Connector) -> Connector:
    """Delete a connector and its credentials. Restoring it restores both."""
    actor.require(WRITE)
    verbs.delete(actor, record)
    if record.credential_fields:
        store().delete(record.secret_ref)
    return record


def restore(actor: Actor, record_id: str) -> Connector:
    """Restore a deleted connector, which has to be checked anew. Credentials that the secret store
    lost must be entered again. Raises Conflict if its application is stopped."""
    actor.require(WRITE)

    def also(found: Connector) -> dict[str, Any]:
        applications.check_restored(actor, found)
        return _status(found, {}, True)

    record = verbs.restore(actor, Connector, record_id, also)
    if record.credential_fields:
        try:
            is_back = store().undelete(record.secret_ref).is_live
        except SecretNotFound:
            is_back = False
        if not is_back:
            lost: dict[str, Any] = {"credential_fields": []}
            noticed_by = Actor(
                actor.tenant_id, "system", "system", "Secret store", origin=actor.origin
            )
            verbs.change(noticed_by, record, lost, action="credentials_lost")
    return record


def get(actor: Actor, record_id: str, *, include_deleted: bool = False) -> Connector:
    """Return one connector of the actor's tenant. Raises NotFound."""
    actor.require("connectors:read")
    application = joinedload(Connector.owning_application)
    return find(Connector, actor, record_id, include_deleted=include_deleted, beside=[application])


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
    seen = Connector.seen_by(as_member(actor)).where(
        Connector.id == connector_id, Connector.is_deleted.is_(False)
    )
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
) -> dict[str, Any]:
    """Return the health after an edit. What was found of another connection is forgotten."""
    if not values.get("enabled", record.enabled):
        return {"sync_status": "disabled"}
    differs = {name for name in CONNECTION & values.keys() if values[name] != getattr(record, name)}
    return dict(UNKNOWN_HEALTH) if differs or credentials_changed else {}


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


@dataclass(frozen=True, slots=True)
class _Found:
    """Hold the version in the secret store (0 if none), whether it can be read, and whether it is
    the one that the row knows."""

    version: int
    is_live: bool
    is_known: bool


def _found(record: Connector) -> _Found:
    try:
        meta = store().head(record.secret_ref)
    except SecretNotFound:
        return _Found(0, is_live=False, is_known=False)
    is_known = meta.is_live and meta.current_version == record.credential_version
    return _Found(meta.current_version, meta.is_live, is_known)


def _out_of_step(record: Connector, found: _Found) -> Conflict:
    """Return the error for a part that would have to be merged into a state that is not known.

    The row is locked, so no other editor caused this. Either a crash happened between the two
    writes, or someone wrote to the secret store directly.
    """
    state = "no longer has these credentials"
    if found.is_live:
        state = (
            f"has version {found.version} of these credentials, and this connector knows version"
            f" {record.credential_version}"
        )
    return Conflict(
        f"The secret store {state}, so a part of them cannot be changed."
        " Enter all fields again, or remove the credentials."
    )


def _is_whole(
    record: Connector, command: ConnectorInput, auth_type: str | None, changes: Changes
) -> bool:
    """Tell whether the changes name all fields that are set, or give all that the sign-in needs."""
    provider = PROVIDERS.get(command.provider or "")
    variant = provider.variant(auth_type) if provider else None
    needed = variant.names if variant else frozenset()
    given = _given(changes).keys()
    return changes.keys() >= set(record.credential_fields) or bool(needed and given >= needed)


def _noted(actor: Actor, record: Connector, changes: Changes, found: _Found) -> dict[str, Any]:
    """Return the row's note after the changes, which replace the version that was found."""
    kept = set(record.credential_fields) - changes.keys() if found.is_known else set()
    after = kept | _given(changes).keys()
    if not after:
        return {"credential_fields": [], "credential_version": found.version}
    return _credential_note(actor, after, found.version + 1)


def _store(record: Connector, changes: Changes, version: int) -> None:
    """Replace this version in the secret store, from the row, which is flushed and locked."""
    given = _given(changes)
    if not record.credential_fields:
        store().delete(record.secret_ref)
    elif given.keys() == set(record.credential_fields):
        store().put(record.secret_ref, given, cas=version)
    else:
        store().patch(record.secret_ref, changes, cas=version)
