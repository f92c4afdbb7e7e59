"""The rules for whom a connector is made: who may choose which scope, group, person and owner, and
who may lend its stored credentials to another application."""

from collections.abc import Collection, Mapping
from typing import Any

from portal.connectors.models import Connector
from portal.connectors.schemas import ConnectorInput
from portal.core.errors import FieldError, Invalid
from portal.database.actor import Actor
from portal.database.audience import FOR_ALL, FOR_GROUP, FOR_PERSON
from portal.identity import people


def check_owner(actor: Actor, record: Connector | None, owner_id: str | None) -> None:
    """Check that a new owner is a person of the tenant. Raises Invalid."""
    if owner_id in (None, actor.person_id, record and record.owner_id):
        return
    if owner_id not in people.names(actor, [owner_id]):
        raise Invalid.field("owner_id", "There is no person of this id in this tenant.")


def audience(
    actor: Actor, command: ConnectorInput, record: Connector | None
) -> dict[str, str | None]:
    """Return the group or person that the connector is for, and check that the actor may choose it.

    A group scope needs a group id; a user scope defaults to the actor. Raises Invalid.
    """
    group_id = command.group_id if command.scope == FOR_GROUP else None
    user_id = (command.user_id or actor.person_id) if command.scope == FOR_PERSON else None
    chosen = {"group_id": group_id, "user_id": user_id}
    audience = (command.scope, group_id, user_id)
    kept = record is not None and audience == (record.scope, record.group_id, record.user_id)
    if not kept and actor.kind != "system" and (problem := _misplaced(actor, *audience)):
        raise Invalid([problem])
    return chosen


def _misplaced(
    actor: Actor, scope: str, group_id: str | None, user_id: str | None
) -> FieldError | None:
    """Return why the actor may not make a connector for this audience, or None if it may."""
    if scope == FOR_ALL:
        return None
    if actor.person_id is None:
        message = "A program makes connectors of the whole organisation only: leave the scope org."
        return FieldError("scope", message)
    if scope == FOR_PERSON:
        if user_id == actor.person_id:
            return None
        return FieldError("user_id", "You can make a personal connector for yourself only.")
    if group_id is None:
        return FieldError("group_id", "Say which group: the scope is group.")
    if group_id in actor.groups or actor.is_admin:
        return None
    own = ", ".join(sorted(actor.groups)[:20]) or "you are in none"
    return FieldError("group_id", f"Choose a group that you are in: {own}.")


def hold(actor: Actor, record: Connector, values: Mapping[str, Any], kept: Collection[str]) -> None:
    """Raise Invalid if credentials that are kept would be lent to keys of another application.

    Who may change a connector may not read its credentials, but may have a key of an application
    that takes leases. Admins decide who reads them.
    """
    reader = values["application_id"] if values["scope"] == FOR_ALL else None
    if reader in (None, record.lends_to) or actor.is_admin or not kept:
        return
    field = "scope" if values["application_id"] == record.application_id else "application_id"
    raise Invalid.field(
        field,
        f"API keys of another application would read the stored credentials"
        f" ({', '.join(sorted(kept))}). Enter them again in the same change, or ask an admin of"
        " your tenant to make it.",
    )
