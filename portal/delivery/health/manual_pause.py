"""Pause a webhook by hand, and wait until every worker has confirmed it."""

from contextlib import suppress
from typing import Any, cast

import psycopg

from portal.database import dry_run
from portal.database.actor import Actor
from portal.database.session import db, let_go
from portal.delivery.health import safe_pause
from portal.delivery.queue import queue
from portal.webhooks.models import Webhook

Connection = psycopg.Connection[tuple[Any, ...]]

PATIENCE = 5.0
"""Seconds; a worker that does not answer for so long hangs, and is not waited for."""


def pause(actor: Actor, webhook_id: str) -> Webhook:
    """Pause a webhook. When it returns, no worker begins a new attempt; requests in flight still
    arrive.

    For request handlers only: it commits the running transaction, because the workers are notified
    at the commit. Raises Conflict if the webhook is already paused.
    """
    paused = safe_pause.pause(actor, webhook_id)
    if dry_run.is_on():  # no worker hears of it
        return paused
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as pooled:
        connection = cast(Connection, pooled.connection.driver_connection)
        connection.execute(f"LISTEN {queue.HALTED}")
        try:
            let_go()
            with suppress(psycopg.OperationalError):  # it is paused, as if a worker did not answer
                # Not before the commit: a worker that has attended since then may have claimed.
                silent = {pid for (pid,) in connection.execute(queue.WORKERS)}
                _hear(connection, webhook_id, silent)
        finally:
            with suppress(psycopg.OperationalError):
                connection.execute(f"UNLISTEN {queue.HALTED}")
    return paused


def _hear(connection: Connection, webhook_id: str, silent: set[int]) -> None:
    """Wait until none of the workers is silent, but no longer than PATIENCE between two answers."""
    if not silent:
        return
    for notice in connection.notifies(timeout=PATIENCE):
        if notice.payload == webhook_id:
            silent.discard(notice.pid)
        if not silent:
            return
