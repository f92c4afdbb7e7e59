"""Run checks in the worker: the engine, and the calendar that fills its queue."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from portal.connections.check_results import DAY
from portal.connections.engine import Engine
from portal.connections.models import ConnectorCheck, ConnectorStanding, portal_itself
from portal.connectors.models import Connector
from portal.core.jobs import Job, due_by
from portal.database.base import new_id
from portal.database.session import delete_some, session

AT_ONCE = 100
KEEP = timedelta(days=90)


def queue_due(tenant_id: str) -> bool:
    """Queue the checks of connectors whose time has come. Tell whether there may be more."""
    is_due = (
        ConnectorStanding.tenant_id == tenant_id,
        ConnectorStanding.next_check_at <= func.now(),
    )
    # A save locks the connector, then this row. So does this, and it waits for neither, so that
    # no deadlock is possible: a check locks its connector, because it refers to it.
    connectors = (
        Connector.seen_by(portal_itself(tenant_id))
        .with_only_columns(Connector.id)
        .join(ConnectorStanding, ConnectorStanding.connector_id == Connector.id)
        .where(*is_due)
        .order_by(ConnectorStanding.next_check_at)
        .limit(AT_ONCE)
        .with_for_update(of=Connector, read=True, key_share=True, skip_locked=True)
    )
    free = session.scalars(connectors).all()
    due = select(ConnectorStanding).where(*is_due, ConnectorStanding.connector_id.in_(free))
    standings = list(session.scalars(due.with_for_update(skip_locked=True)))
    for standing in standings:
        if _is_used(standing):
            session.execute(
                insert(ConnectorCheck)
                .values(
                    tenant_id=tenant_id,
                    id=new_id(ConnectorCheck.id_prefix),
                    connector_id=standing.connector_id,
                    reason=standing.next_reason,
                )
                .on_conflict_do_nothing()
            )
        # The check sets the next time when it ends; this one is for a check that never does.
        standing.next_check_at, standing.next_reason = func.now() + DAY, "daily"
    return len(standings) == AT_ONCE


def _is_used(standing: ConnectorStanding) -> bool:
    own = Connector.seen_by(portal_itself(standing.tenant_id))
    record = session.scalar(own.where(Connector.id == standing.connector_id))
    return record is not None and record.enabled and not record.is_deleted and not record.is_stopped


def forget_old(tenant_id: str) -> int:
    """Delete some checks that ended long ago, and return how many."""
    return delete_some(
        ConnectorCheck,
        ConnectorCheck.tenant_id == tenant_id,
        ConnectorCheck.state == "done",
        ConnectorCheck.created_at < func.now() - KEEP,
    )


HOUSEKEEPING = [
    Job(
        "queue due checks of connectors",
        queue_due,
        timedelta(seconds=15),
        due_by("due_checks"),
        repeats=True,
    ),
    Job(
        "forget old checks",
        forget_old,
        timedelta(hours=6),
        due_by("due_old_checks", KEEP),
        repeats=True,
    ),
]
ENGINES = [Engine]
