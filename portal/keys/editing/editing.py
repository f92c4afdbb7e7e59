"""Change the settings of a key, and with them the settings of its children and its family.

Verification hears of each changed key with the commit. Children never keep more than their parent;
the keys of a family count one budget, so all of them have its period.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, exists, select

from portal.core.errors import Conflict, Invalid
from portal.database.actor import Actor
from portal.database.session import session
from portal.keys.editing import bounds, budget_window, relatives
from portal.keys.models import ApiKey, has_open_leak
from portal.keys.schemas import EditKey
from portal.keys.service import UNNAMED
from portal.keys.tables import KeyRotation
from portal.records import verbs

Changes = Mapping[str, Any]


def edit(actor: Actor, record: ApiKey, command: EditKey) -> ApiKey:
    """Change a key, which the caller has locked. Children are limited to what it has then.

    Raises Conflict for a key that has ended or was found in public, and while a relative is being
    changed; Invalid for more than the actor may grant or than its parent has.
    """
    actor.require("keys:write")
    require_open(record)
    values = {**command.values(), "name": command.name or UNNAMED}
    changes = {name: value for name, value in values.items() if getattr(record, name) != value}
    _check(actor, record, changes)
    return apply(actor, record, changes)


def require_open(record: ApiKey) -> None:
    """Raise Conflict for a key that cannot be edited, and say why."""
    if record.status == "revoked":
        raise Conflict("This key is revoked, so it cannot be edited. Issue a new key instead.")
    if record.status == "expired":
        raise Conflict("This key has expired, so it cannot be edited. Issue a successor instead.")
    if session.scalar(select(has_open_leak(record.tenant_id, record.id))):
        raise Conflict(
            "This key was found in public, so it cannot be edited. Rotate and revoke it, or mark"
            " the leak as dealt with."
        )


def open_only() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for the keys that `require_open` lets pass."""
    return ApiKey.status == "active", ~has_open_leak(ApiKey.tenant_id, ApiKey.id)


def apply(actor: Actor, record: ApiKey, changes: Changes) -> ApiKey:
    """Write changes that were checked; limit the children, and give the family the new period."""
    if changes.keys() & set(bounds.INHERITED):
        most = {name: changes.get(name, getattr(record, name)) for name in bounds.INHERITED}
        children = relatives.children(record)
        verbs.change_all(actor, [(child, bounds.limited(child, most)) for child in children])
        for child in children:
            session.expire(child, ["status"])
    if period := changes.get("budget_period"):
        family = relatives.of_family(record)
        budget_window.move(record, period)
        verbs.change_all(actor, [(other, {"budget_period": period}) for other in family])
        relatives.give_ended_keys(actor, record, period)
    # Last, because calls of the family wait for the budget that it changes.
    verbs.change(actor, record, changes)
    session.expire(record, ["status"])
    return record


def _check(actor: Actor, record: ApiKey, changes: Changes) -> None:
    if "expires_at" in changes and _is_being_replaced(record):
        raise Invalid.field(
            "expires_at",
            "A rotation decides when this key ends. Finish, extend or take back the rotation.",
        )
    if changes.get("max_uses") is not None and relatives.children(record):
        raise Invalid.field(
            "max_uses", "It has child keys, whose uses would not count. Revoke them first."
        )
    bounds.check(actor, record, changes)
    if record.parent_key_id is not None:
        bounds.check_parent(relatives.parent(record), changes)
    elif "budget_period" in changes:
        for other in relatives.of_family(record):
            bounds.check(actor, other, {"budget_period": changes["budget_period"]})


def _is_being_replaced(record: ApiKey) -> bool:
    replaced = exists().where(
        KeyRotation.tenant_id == record.tenant_id,
        KeyRotation.old_key_id == record.id,
        KeyRotation.finished_at.is_(None),
    )
    return bool(session.scalar(select(replaced)))
