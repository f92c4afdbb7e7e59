"""Pause by hand, so that it holds when it is answered: every worker says that it has heard."""

from typing import Any, cast

import psycopg

from portal.database.actor import Actor
from portal.database.session import db, let_go
from portal.delivery.health import safe_pause
from portal.delivery.queue import queue
from portal.webhooks.models import Webhook

Connection = psycopg.Connection[tuple[Any, ...]]

PATIENCE = 5.0
"""Seconds; a worker that says nothing for so long hangs, and is not waited for."""


def pause(actor: Actor, webhook_id: str) -> Webhook:
    """Pause; when it returns, what is on its way arrives, and nothing else is begun.

    For the edge: it ends the running transaction, since with that the workers hear of it. Raises
    Conflict if the webhook is paused.
    """
    paused = safe_pause.pause(actor, webhook_id)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as pooled:
        connection = cast(Connection, pooled.connection.driver_connection)
        connection.execute(f"LISTEN {queue.HALTED}")
        try:
            silent = {pid for (pid,) in connection.execute(queue.WORKERS)}
            let_go()
            _hear(connection, webhook_id, silent)
        finally:
            connection.execute(f"UNLISTEN {queue.HALTED}")
    return paused


def _hear(connection: Connection, webhook_id: str, silent: set[int]) -> None:
    """Until none of the workers is silent."""
    if not silent:
        return
    for notice in connection.notifies(timeout=PATIENCE):
        if notice.payload == webhook_id:
            silent.discard(notice.pid)
        if not silent:
            return
