"""Publish changes of the portal's own records as events.

An event contains only the names of the changed fields, never their values, because some values are
confidential. A client with the right to read them reads the record.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.database.actor import Actor
from portal.database.record import Record
from portal.events import service


def tell(actor: Actor, record: Record, action: str, changes: Mapping[str, Any]) -> None:
    """Announce a change of a record, in the transaction that makes it.

    Events are for the whole tenant, so there is none of a record that is not.
    """
    tell_all(actor, [(record, changes)], action)


def tell_all(actor: Actor, told: Sequence[tuple[Record, Mapping[str, Any]]], action: str) -> None:
    """Announce the same change of records of one kind, each with an event of its own."""
    name = f"{told[0][0].published_as}.{action}"
    data = [
        _data(actor, record, changes)
        for record, changes in told
        if record.published_as is not None and record.is_for_all
    ]
    if data:
        service.announce_all(actor, name, [(one, one["id"]) for one in data])


def _data(actor: Actor, record: Record, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.label,
        "version": record.version,
        "app_id": record.app_id,
        "changed": sorted(changes),
        "by": {"kind": actor.kind, "id": actor.id, "name": actor.name},
    }
