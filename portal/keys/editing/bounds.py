"""Keep an edited key within what its editor may grant, and within what its parent has."""

from collections.abc import Mapping
from typing import Any

from portal.core.errors import Invalid
from portal.database.actor import Actor
from portal.keys.limits.inheritance import HAPPENS, MORE, OUTLIVES, Issuer, earliest, issuer_of
from portal.keys.models import ApiKey

Changes = Mapping[str, Any]
INHERITED = ("expires_at", "rpm_limit", "tpm_limit", "max_budget_usd")
"""Fields in which a child has at most what its parent has."""
BEYOND = "You cannot give more to a key with rights that you do not have: {}."
OFTEN = "It would begin anew more often than that of your own key."
PARENT = "It is more than its parent key has."
PARENT_ENDS = "It would outlive its parent key."
SHARED = "It shares the budget of its parent key. Change the period there."


def check(actor: Actor, record: ApiKey, changes: Changes) -> None:
    """Raise Invalid if the changes widen a key beyond what the actor may grant now.

    To narrow a key is always allowed. A key that edits others grants at most what it has itself.
    """
    wider = [name for name in changes if _is_wider(record, name, changes)]
    if not wider:
        return
    if beyond := sorted(set(record.scopes) - actor.grantable):
        raise Invalid.field(wider[0], BEYOND.format(", ".join(beyond)))
    if (issuer := issuer_of(actor)) is not None:
        _check_issuer(issuer, record, wider, changes)


def check_parent(parent: ApiKey, changes: Changes) -> None:
    """Raise Invalid if the changes give a child more than its parent has."""
    if "budget_period" in changes:
        raise Invalid.field("budget_period", SHARED)
    for name in INHERITED:
        if name in changes and _exceeds(changes[name], _most(parent, name)):
            raise Invalid.field(name, PARENT_ENDS if name == "expires_at" else PARENT)


def limited(child: ApiKey, most: Changes) -> dict[str, Any]:
    """Return what a child keeps of its settings: at most what its parent has then."""
    own = {name: getattr(child, name) for name in INHERITED}
    return {name: most[name] if _exceeds(own[name], most[name]) else own[name] for name in own}


def _check_issuer(issuer: Issuer, record: ApiKey, wider: list[str], changes: Changes) -> None:
    for name in set(wider) & {"expires_at", "rpm_limit", "tpm_limit", "max_uses"}:
        if _exceeds(changes[name], _most(issuer, name)):
            raise Invalid.field(name, OUTLIVES if name == "expires_at" else MORE)
    if issuer.max_budget_usd is None or not {"max_budget_usd", "budget_period"} & set(wider):
        return
    if _exceeds(changes.get("max_budget_usd", record.max_budget_usd), issuer.max_budget_usd):
        raise Invalid.field("max_budget_usd", MORE)
    period = changes.get("budget_period", record.budget_period)
    if HAPPENS[period] > HAPPENS[issuer.budget_period]:
        raise Invalid.field("budget_period", OFTEN)


def _is_wider(record: ApiKey, name: str, changes: Changes) -> bool:
    """Tell whether a change gives the key more. Its name and its tags give it nothing."""
    if name == "budget_period":
        has_budget = changes.get("max_budget_usd", record.max_budget_usd) is not None
        return has_budget and HAPPENS[changes[name]] > HAPPENS[record.budget_period]
    if name in (*INHERITED, "max_uses"):
        return _exceeds(changes[name], getattr(record, name))
    return False


def _exceeds(value: Any, most: Any) -> bool:
    """Tell whether a value is above a maximum. None has no limit."""
    return most is not None and (value is None or value > most)


def _most(key: ApiKey | Issuer, name: str) -> Any:
    if name == "expires_at":
        return earliest(key.expires_at, key.revoke_at)
    return getattr(key, name)
