"""Declare what can be done to many API keys."""

from typing import Any

from pydantic import ConfigDict

from portal.bulk.acts import Act, Changes, Kind, Tagged, editing
from portal.database.actor import Actor
from portal.keys import service
from portal.keys.listing.filters import CONSOLE
from portal.keys.models import ApiKey
from portal.keys.resource import resource
from portal.keys.schemas import Limit, Period, StopKey
from portal.records.schemas import Moment, Money

LEAKED = "It was found in public. Mark the leak as dealt with first."


class EditKeys(Tagged):
    """The settings to give to keys. A field that is left out stays as each key has it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    expires_at: Moment | None = None
    """Time when the keys end; null for never."""
    rpm_limit: Limit | None = None
    """Requests per minute; null for no limit."""
    tpm_limit: Limit | None = None
    """Tokens per minute; null for no limit."""
    max_budget_usd: Money | None = None
    """Maximum spend in USD; null for no limit."""
    budget_period: Period = "none"
    """Period after which the budget is reset; none = never."""


def _revoked(row: Any, command: Any) -> str:
    return "It is revoked already." if row.status == "revoked" else ""


def _not_to_block(row: Any, command: Any) -> str:
    return _revoked(row, command) or ("It is blocked already." if row.blocked else "")


def _not_to_unblock(row: Any, command: Any) -> str:
    refused = "" if row.blocked else "It is not blocked."
    return _revoked(row, command) or refused or _leaked(row)


def _not_to_edit(row: Any, command: Any) -> str:
    if row.status != "active":
        return f"It is {row.status}, so it cannot be edited."
    return _leaked(row)


def _leaked(row: Any) -> str:
    return LEAKED if row.is_leaked else ""


def _ends(row: Any, command: Any) -> Changes:
    return {"status": (row.status, "revoked")}


def _revoke(actor: Actor, key: ApiKey, command: StopKey) -> ApiKey:
    return service.revoke(actor, key.id, command)


def _block(actor: Actor, key: ApiKey, command: StopKey) -> ApiKey:
    return service.block(actor, key.id, command)


def _unblock(actor: Actor, key: ApiKey, command: Any) -> ApiKey:
    return service.unblock(actor, key.id)


KIND = Kind(
    resource,
    listing=CONSOLE,
    label="name",
    page="keys",
    acts=(
        Act(
            "revoke",
            "Revoke",
            "revoked",
            "keys:write",
            _revoke,
            "Their next request is refused, for ever.",
            StopKey,
            ("status",),
            _revoked,
            _ends,
            needs_recent_sign_in=True,
            is_grave=True,
        ),
        Act(
            "block",
            "Block",
            "blocked",
            "keys:write",
            _block,
            "Their next request is refused, until they are unblocked.",
            StopKey,
            ("status", "blocked"),
            _not_to_block,
            lambda row, command: {"blocked": (False, True)},
        ),
        Act(
            "unblock",
            "Unblock",
            "unblocked",
            "keys:reopen",
            _unblock,
            "They work again from their next request on.",
            reads=("status", "blocked", "is_leaked"),
            cannot=_not_to_unblock,
            changes=lambda row, command: {"blocked": (True, False)},
            needs_recent_sign_in=True,
        ),
        editing(
            resource,
            "Verification uses the new settings within a second.",
            EditKeys,
            _not_to_edit,
            ("status", "is_leaked"),
        ),
    ),
)
