"""Tell the workers when what a connector hands out has to change, in the same transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.dialects.postgresql import insert

from portal.applications.models import STOPPED, Application
from portal.connections.models import portal_itself
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.database.record import Record
from portal.database.session import session
from portal.leases.models import ConnectorAccess
from portal.providers import Variant

Changes = Mapping[str, tuple[Any, Any]]

CONNECTION = frozenset(
    {"enabled", "provider", "auth_type", "config", "credential_version", "credential_fields"}
    | {"is_deleted", "application_id", "scope"}
    # Credentials that replace those that the store has lost may get the number of the lost ones.
    | {"credential_last_rotated_at"}
)
WORKS = frozenset({"healthy", "degraded"})
# A worker that has the row in hand then finds it no longer `fetching` by its attempt, so its result
# is void. What is in the slot is not handed out any more.
ANEW: dict[str, Any] = {
    "state": "due",
    "slot_version": None,
    "due_at": func.now(),
    "failures": 0,
    "outcome": None,
    "said": "",
}


def follow(actor: Actor, record: Record, action: str, changes: Changes) -> None:
    """Make a worker look at a connector that was changed, or whose application stopped or runs
    again."""
    if isinstance(record, Application) and "status" in changes:
        before, after = changes["status"]
        if (before in STOPPED) != (after in STOPPED):
            _renew(record.tenant_id, ConnectorAccess.connector_id.in_(_of_application(record)))
    elif isinstance(record, Connector):
        if CONNECTION & changes.keys():
            _follow_connector(record)
        elif action == "health_changed" and record.sync_status in WORKS:
            this = ConnectorAccess.connector_id == record.id
            _renew(record.tenant_id, this, ConnectorAccess.state == "failed")


def look_again(tenant_id: str, connector_id: str) -> None:
    """Make a worker look at a connector, which may have no row yet."""
    row = {"tenant_id": tenant_id, "connector_id": connector_id}
    session.execute(
        insert(ConnectorAccess)
        .values(row)
        .on_conflict_do_update(index_elements=list(row), set_=ANEW)
    )


def hands_out(record: Connector) -> Variant | None:
    """Return the way to sign in of which the connector hands something out now, or None.

    Only keys of its application take leases, and only of what is for the whole tenant. Of all
    others nothing leaves the slot that web processes cannot read.
    """
    usable = record.enabled and not record.is_deleted and not record.is_stopped
    variant = record.variant
    if variant is None or not (usable and record.lends_to) or connectors.missing(record):
        return None
    return variant if variant.gives_token or variant.leased else None


def _follow_connector(record: Connector) -> None:
    if hands_out(record):
        look_again(record.tenant_id, record.id)
    else:
        _renew(record.tenant_id, ConnectorAccess.connector_id == record.id)


def _of_application(record: Application) -> Any:
    every = Connector.seen_by(portal_itself(record.tenant_id))
    return every.with_only_columns(Connector.id).where(Connector.application_id == record.id)


def _renew(tenant_id: str, *which: ColumnElement[bool]) -> None:
    session.execute(
        update(ConnectorAccess)
        .where(ConnectorAccess.tenant_id == tenant_id, *which)
        .values(ANEW)
        .execution_options(synchronize_session=False)
    )
