"""Handle requests that publish one event on the event loop, before they reach the framework.

Only the simple case is handled here: a small event without an Idempotency-Key, of a tenant whose
quotas this process knows. Every other request goes on to the application, which publishes with the
same `Publication` and reports errors.
"""

import time
from collections.abc import Callable

from flask import Flask

from portal.core.config import libpq_url
from portal.core.errors import PortalError, UnknownOutcome
from portal.core.logs import log_answer
from portal.database.actor import Actor
from portal.events.listeners import listeners_of
from portal.events.publishing.group_commit import GroupCommit
from portal.events.publishing.key_material import is_free_of_keys
from portal.events.publishing.publication import published
from portal.events.schemas import EventInput
from portal.records.quotas import rates, stored_bytes
from portal.records.quotas.limits import EVENTS, REQUESTS
from portal.rest import strict_json
from portal.rest.api import Ready, new_request_id, ready, ready_problem
from portal.rest.openapi import PREFIX

PUBLISH = f"{PREFIX}/events"
SCOPE = "events:publish"
LARGEST = 4 * 1024  # bytes; a hostile body of this size blocks the event loop for 1.5 ms

Header = Callable[[str], str | None]


class Door:
    """Publish single events of one process from its event loop."""

    def __init__(self, app: Flask) -> None:
        config = app.extensions["portal"]
        self._base_url = config.base_url
        self._together = GroupCommit(libpq_url(config.database_url), listeners_of(app))
        self._rates, self._room = rates.of(app), stored_bytes.of(app)

    async def publish(self, actor: Actor, header: Header, body: bytes) -> Ready | None:
        """Return the response to a publish request after its event is stored.

        Returns None if the application must handle the request; then nothing was published.
        """
        begun_at = time.perf_counter()
        event, tenant_id = _read(header, body), actor.tenant_id
        if event is None or not self._together.takes(actor, event):
            return None
        if not self._is_counted(tenant_id):
            return None
        request_id = new_request_id()
        try:
            accepted = await self._together.publish(actor, event)
        except UnknownOutcome as error:
            answer = ready_problem(error, request_id, self._base_url)
        else:
            if accepted is None:
                self._rates.give_back(tenant_id, REQUESTS, EVENTS)
                return None
            answer = ready(published([accepted]), 202, request_id)
        log_answer("POST", PUBLISH, answer[0], begun_at, request=request_id)
        return answer

    def stop(self) -> None:
        """Close the database connections after the last response."""
        self._together.stop()

    def _is_counted(self, tenant_id: str) -> bool:
        """Count the request and its event towards the quotas.

        Returns False, with nothing counted, if this process must query PostgreSQL for that, or if
        the tenant has reached a quota.
        """
        return self._room.is_there(tenant_id) and self._rates.took(tenant_id, REQUESTS, EVENTS)


def _read(header: Header, body: bytes) -> EventInput | None:
    """Return the event in a request's body; None if the request is not simple or is invalid."""
    kind = (header("content-type") or "").partition(";")[0].strip().lower()
    is_plain = (
        kind == "application/json"
        and len(body) <= LARGEST
        and header("idempotency-key") is None
        and header("content-encoding") is None
    )
    if not is_plain:
        return None
    try:
        given = strict_json.parse(body)
        if not isinstance(given, dict) or not given or "events" in given:
            return None
        event = EventInput.read(given)
    except PortalError:
        return None
    return event if is_free_of_keys(event) else None
