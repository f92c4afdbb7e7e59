"""The operations that suspend, retire and reopen an application and everything that belongs to it.

They change the application's status only. Keys, tokens, webhooks and connectors read it at each
use, so all of them stop, and work again, with one commit.
"""

from portal.applications.models import Application
from portal.applications.schemas import StateReason
from portal.core.errors import Conflict, FieldError
from portal.database.actor import Actor
from portal.database.record import find
from portal.records import verbs

VERBS = {"suspended": "suspend", "retired": "retire"}
"""Status → the verb that leads to it."""


def suspend(actor: Actor, application_id: str, command: StateReason) -> Application:
    """Suspend an application. Raises Conflict if it is already suspended or retired."""
    actor.require("applications:suspend")
    record = find(Application, actor, application_id, lock=True)
    if record.is_stopped:
        raise Conflict(f"{record.display_name} is {record.status} already.")
    return _stop(actor, record, "suspended", command)


def retire(actor: Actor, application_id: str, command: StateReason) -> Application:
    """Retire an application, which may be suspended. Raises Conflict if it is already retired."""
    actor.require("applications:retire")
    record = find(Application, actor, application_id, lock=True)
    if record.status == "retired":
        raise Conflict(f"{record.display_name} is retired already.")
    return _stop(actor, record, "retired", command)


def reopen(actor: Actor, application_id: str, command: StateReason) -> Application:
    """Return an application to its previous status.

    Raises Conflict if it is neither suspended nor retired.
    """
    actor.require("applications:reopen")
    record = find(Application, actor, application_id, lock=True)
    if not record.is_stopped:
        raise Conflict(f"{record.display_name} is {record.status}, so there is nothing to reopen.")
    values = {
        "status": record.returns_to,
        "reopens_as": None,
        "status_reason": command.reason,
    }
    return verbs.change(actor, record, values, action="reopened", why="status_reason")


def _stop(actor: Actor, record: Application, status: str, command: StateReason) -> Application:
    values = {
        "status": status,
        "reopens_as": record.reopens_as if record.is_stopped else record.status,
        "status_reason": command.reason,
    }
    return verbs.change(actor, record, values, action=status, why="status_reason")


def check_change(application_id: str | None, before: str, after: str) -> None:
    """Raise Conflict, naming the right action, if only an action may make this change of status."""
    if after == before:
        return
    verb = VERBS.get(after) or ("reopen" if before in VERBS else None)
    if verb is None:
        return
    if application_id is None:
        message = f"A new application cannot be {after}. Register it, then {verb} it."
    else:
        message = f"Use POST /applications/{application_id}/{verb} with a reason."
    raise Conflict(message, errors=[FieldError("status", message)])
