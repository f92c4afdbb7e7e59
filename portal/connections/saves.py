"""Plan a check of a connector after each save that may change whether it works."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from portal.applications.models import STOPPED, Application
from portal.connections.models import (
    ConnectorCheck,
    ConnectorCredentials,
    ConnectorStanding,
    portal_itself,
)
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import Record
from portal.database.session import session

Changes = Mapping[str, tuple[Any, Any]]

# In a store that lost secrets, versions count from one again: new credentials may get the number
# that the row has already.
CREDENTIALS = frozenset({"credential_version", "credential_last_rotated_at"})
CONNECTION = CREDENTIALS | {
    "enabled", "provider", "auth_type", "config", "is_deleted", "credential_fields",
}  # fmt: skip

# Whose keys take leases. An older version was saved for others, so it does not come back for these.
READERS = frozenset({"application_id", "scope"})


def plan(actor: Actor, record: Record, action: str, changes: Changes) -> None:
    """Queue a check of a connector whose connection was changed, or plan one of those whose
    application runs again, in the same transaction.

    It is in the queue once: a check that waits reads what is newest when it begins, and after one
    that runs the next is due at once.
    """
    if isinstance(record, Application) and "status" in changes:
        before, after = changes["status"]
        if before in STOPPED and after not in STOPPED:
            _check_all_of(record)
    if not isinstance(record, Connector):
        return
    _keep_versions(record, action, changes)
    if not (CONNECTION & changes.keys()):
        return
    if not record.enabled or record.is_deleted or record.is_stopped:
        _stand(record, None)
        _take_back(record)
    elif not connectors.missing(record) and action != "credentials_restored":
        _queue(record)


def _keep_versions(record: Connector, action: str, changes: Changes) -> None:
    """Note a new version of the credentials, and forget those that may not come back."""
    if CREDENTIALS & changes.keys() and record.credential_fields:
        _note_version(record)
    is_removed = "credential_fields" in changes and not record.credential_fields
    is_lent_anew = bool(READERS & changes.keys()) and record.lends_to is not None
    if action == "created":
        return
    if is_removed or is_lent_anew or (record.is_deleted and "is_deleted" in changes):
        _forget_versions(record)


def _queue(record: Connector) -> None:
    waiting = (
        insert(ConnectorCheck)
        .values(
            tenant_id=record.tenant_id,
            id=new_id(ConnectorCheck.id_prefix),
            connector_id=record.id,
            reason="saved",
        )
        .on_conflict_do_nothing()
        .returning(ConnectorCheck.id)
    )
    if session.scalar(waiting) is None:
        _stand(record, func.now())


def _stand(record: Connector, next_check_at: Any) -> None:
    row = {
        "tenant_id": record.tenant_id,
        "connector_id": record.id,
        "next_check_at": next_check_at,
        "next_reason": "saved",
    }
    key = ["tenant_id", "connector_id"]
    changed = {"next_check_at": next_check_at, "next_reason": "saved"}
    session.execute(
        insert(ConnectorStanding)
        .values(row)
        .on_conflict_do_update(index_elements=key, set_=changed)
    )


def _take_back(record: Connector) -> None:
    """Remove the check that waits: it would sign in with what is not to be used any more.

    One that somebody asked for is run also while the connector is disabled.
    """
    waiting = delete(ConnectorCheck).where(
        ConnectorCheck.tenant_id == record.tenant_id,
        ConnectorCheck.connector_id == record.id,
        ConnectorCheck.state == "queued",
    )
    if not record.is_deleted:
        waiting = waiting.where(ConnectorCheck.reason != "asked")
    session.execute(waiting.execution_options(synchronize_session=False))


def _check_all_of(application: Application) -> None:
    seen = Connector.seen_by(portal_itself(application.tenant_id))
    own = seen.with_only_columns(Connector.id).where(
        Connector.application_id == application.id,
        Connector.enabled,
        Connector.is_deleted.is_(False),
    )
    session.execute(
        update(ConnectorStanding)
        .where(
            ConnectorStanding.tenant_id == application.tenant_id,
            ConnectorStanding.connector_id.in_(own),
        )
        .values(next_check_at=func.now(), next_reason="saved")
        .execution_options(synchronize_session=False)
    )


def _note_version(record: Connector) -> None:
    fields = list(record.credential_fields)
    row = {
        "tenant_id": record.tenant_id,
        "connector_id": record.id,
        "version": record.credential_version,
        "fields": fields,
        "changed": list(record.typed_fields) or fields,
        "set_by": record.credential_set_by,
        "set_by_name": record.credential_set_by_name,
        "provider": record.provider,
        "config": dict(record.config),
        "token_origin": _kept_token_origin(record),
    }
    # Numbers from this one on are of versions that the store has lost.
    lost = delete(ConnectorCredentials).where(
        ConnectorCredentials.tenant_id == record.tenant_id,
        ConnectorCredentials.connector_id == record.id,
        ConnectorCredentials.version >= record.credential_version,
    )
    session.execute(lost.execution_options(synchronize_session=False))
    session.execute(insert(ConnectorCredentials).values(row))


def _forget_versions(record: Connector) -> None:
    """Forget the versions but the used one, also as the one that worked: those that the store has
    lost for good, and those that may not come back. A deleted connector that is restored has the
    last one again."""
    session.execute(
        update(ConnectorStanding)
        .where(
            ConnectorStanding.tenant_id == record.tenant_id,
            ConnectorStanding.connector_id == record.id,
            ConnectorStanding.passed_credential_version != record.used_version,
        )
        .values(passed_credential_version=None)
        .execution_options(synchronize_session=False)
    )
    lost = delete(ConnectorCredentials).where(
        ConnectorCredentials.tenant_id == record.tenant_id,
        ConnectorCredentials.connector_id == record.id,
        ConnectorCredentials.version != record.used_version,
    )
    session.execute(lost.execution_options(synchronize_session=False))


def _kept_token_origin(record: Connector) -> str | None:
    """Return where the credentials before got their tokens, if a field of them is kept."""
    if not set(record.credential_fields) - set(record.typed_fields):
        return None
    table = ConnectorCredentials
    return session.scalar(
        select(table.token_origin)
        .where(
            table.tenant_id == record.tenant_id,
            table.connector_id == record.id,
            table.version < record.credential_version,
        )
        .order_by(table.version.desc())
        .limit(1)
    )


def check_soon(tenant_id: str, ids: Sequence[str]) -> None:
    """Plan a check at once of those connectors that passed their last one.

    A row that somebody is changing is left alone: a save plans a check of its own.
    """
    if not ids:
        return
    healthy = (
        select(ConnectorStanding.connector_id)
        .where(
            ConnectorStanding.tenant_id == tenant_id,
            ConnectorStanding.connector_id.in_(ids),
            ConnectorStanding.outcome == "passed",
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(ConnectorStanding)
        .where(
            ConnectorStanding.tenant_id == tenant_id,
            ConnectorStanding.connector_id.in_(healthy.scalar_subquery()),
        )
        .values(next_check_at=func.now(), next_reason="retry")
        .execution_options(synchronize_session=False)
    )
