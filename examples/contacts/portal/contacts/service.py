"""The operations on contacts."""

from typing import Any

from portal.applications import service as applications
from portal.contacts.models import TEAMS, Contact
from portal.contacts.schemas import ContactInput
from portal.database.actor import Actor
from portal.database.record import find
from portal.records import listing, verbs
from portal.records.health import counted
from portal.records.listing import Listing, Query

UNTITLED = "Untitled contact"
WRITE = "contacts:write"
MOST = 1000  # contacts that are counted for the sentence above the list

LISTING = Listing(
    Contact,
    filters={
        "team": Contact.team,
        "application_id": Contact.application_id,
        "app_id": Contact.app_id,
        "created_by": Contact.created_by,
    },
    choices={"team": TEAMS},
    quick=("team", "application_id"),
    ranges={
        "created_at": Contact.created_at,
        "updated_at": Contact.updated_at,
        "deleted_at": Contact.deleted_at,
    },
    # Ids are ULIDs, so their order is the order of creation, and the primary key serves the sort.
    sorts={
        "created_at": Contact.id,
        "updated_at": Contact.updated_at,
        "name": Contact.name_key,
    },
)


def create(actor: Actor, command: ContactInput) -> Contact:
    """Create a contact. Raises Invalid or Conflict for an application that it cannot belong to."""
    actor.require(WRITE)
    values = _values(command)
    values["application_id"] = command.application_id or actor.application_id
    applications.check_owner(actor, None, values["application_id"])
    return verbs.create(actor, Contact(), values)


def update(actor: Actor, record: Contact, command: ContactInput) -> Contact:
    """Change a contact. Raises Invalid or Conflict for an application that it cannot move to."""
    actor.require(WRITE)
    applications.check_owner(actor, record, command.application_id)
    return verbs.change(actor, record, _values(command))


def delete(actor: Actor, record: Contact) -> Contact:
    """Delete a contact. It can be restored for 30 days."""
    actor.require(WRITE)
    return verbs.delete(actor, record)


def restore(actor: Actor, record_id: str) -> Contact:
    """Restore a deleted contact. Raises Conflict when it is too late or it is not deleted."""
    actor.require(WRITE)
    return verbs.restore(actor, Contact, record_id)


def get(actor: Actor, record_id: str, *, include_deleted: bool = False) -> Contact:
    """Return one contact of the actor's tenant. Raises NotFound."""
    actor.require("contacts:read")
    return find(Contact, actor, record_id, include_deleted=include_deleted)


def summary(actor: Actor) -> str:
    """Return the sentence that begins the list."""
    number = listing.counted(actor, LISTING, Query(), MOST + 1)
    return f"{counted(number, 'contact', MOST)} can be asked." if number else "There is none yet."


def of_whom(record: Contact, owner: str | None) -> str:
    """Return the sentence that begins a contact's page. `owner` is the name of its application."""
    if record.is_deleted:
        return "Nobody is to ask it any more."
    return f"It can be asked about {owner or 'everything that your tenant has here'}."


def _values(command: ContactInput) -> dict[str, Any]:
    return {**command.values(), "name": command.name or UNTITLED}
