"""Limit a key that another key issues to the lifetime, money, rates, networks and models of its
issuer."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from ipaddress import IPv4Network, ip_network
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from portal.core.errors import Conflict, Invalid
from portal.database.actor import Actor
from portal.database.session import send
from portal.fast.statements import Statement
from portal.keys.models import PERIODS, ApiKey
from portal.outbound.networks import Network


class Issuer(NamedTuple):
    """The values of an issuing key that limit the new key."""

    expires_at: datetime | None
    revoke_at: datetime | None
    allowed_ips: list[str]
    max_budget_usd: Decimal | None
    budget_period: str
    max_uses: int | None
    rpm_limit: int | None
    tpm_limit: int | None
    allowed_models: list[str]


ISSUER = Statement(
    select(*(getattr(ApiKey, name) for name in Issuer._fields)).where(
        ApiKey.tenant_id == bindparam("tenant_id"), ApiKey.id == bindparam("id")
    )
)
MORE = "It is more than the key that issues it has."
OUTLIVES = "It would outlive the key that issues it."
HAPPENS = {period: number for number, period in enumerate(("none", "month", "week", "day"))}
"""Period → its rank by how often the budget starts again."""
assert set(HAPPENS) == set(PERIODS)  # noqa: S101 - both list the same periods
OF_FAMILY = "Your own key cannot issue a key of this family: {}. Use a key without this limit."
BEYOND = {
    "kind": "your own key is for some models only, and this key has none",
    "allowed_models": "it is for models that your own key is not for",
    "allowed_ips": "it works from networks that your own key does not",
    "budget_period": "its budget begins anew more often than that of your own key",
}
"""Field in which a key of a family is beyond the key that acts → what that means."""


def end_for(actor: Actor, wanted: datetime | None) -> datetime | None:
    """Return when a key ends that the actor makes: as wanted, but not after the issuing key."""
    issuer = issuer_of(actor)
    return wanted if issuer is None else earliest(wanted, issuer.expires_at, issuer.revoke_at)


def inherit(actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a new key, completed from the key that issues it.

    They stay as they are if a person issues the key. Raises Invalid for more than the issuer has;
    Conflict if its family gives the new key more, which no body can change, and if the uses of the
    issuer are counted: each key that it issued would have uses of its own.
    """
    issuer = issuer_of(actor)
    if issuer is None:
        return dict(values)
    if issuer.max_uses is not None:
        raise Conflict("The uses of your own key are counted, so it issues no keys.")
    try:
        return _limited(issuer, values)
    except Invalid as error:
        field = error.errors[0].field
        is_asked_for = field == "allowed_ips" and values.get("parent_key_id") is not None
        if values.get("rotation_family_id") is None or is_asked_for:
            raise
        why = BEYOND.get(field, f"its {field} is more than that of your own key")
        raise Conflict(OF_FAMILY.format(why)) from error


def _limited(issuer: Issuer, values: Mapping[str, Any]) -> dict[str, Any]:
    latest = earliest(issuer.expires_at, issuer.revoke_at)
    inherited = {
        "expires_at": _at_most(values, "expires_at", latest, OUTLIVES),
        "allowed_ips": networks(values.get("allowed_ips"), issuer.allowed_ips),
        "allowed_models": _models(values, issuer.allowed_models),
        "rpm_limit": _at_most(values, "rpm_limit", issuer.rpm_limit, MORE),
        "tpm_limit": _at_most(values, "tpm_limit", issuer.tpm_limit, MORE),
        "max_budget_usd": _at_most(values, "max_budget_usd", issuer.max_budget_usd, MORE),
    }
    if issuer.max_budget_usd is None:
        return {**values, **inherited}
    # Successors and children spend the budget of their family, which has one period.
    if values.get("max_budget_usd") is None and values.get("rotation_family_id") is None:
        inherited["budget_period"] = issuer.budget_period
    elif HAPPENS[values["budget_period"]] > HAPPENS[issuer.budget_period]:
        message = "It would begin anew more often than that of the key that issues it."
        raise Invalid.field("budget_period", message)
    return {**values, **inherited}


def _at_most(values: Mapping[str, Any], name: str, most: Any, otherwise: str) -> Any:
    """Return the wanted value, or the maximum if nothing is wanted; None has no limit.

    Raises Invalid for a value above the maximum.
    """
    wanted = values.get(name)
    if wanted is None or most is None:
        return most if wanted is None else wanted
    if wanted > most:
        raise Invalid.field(name, otherwise)
    return wanted


def _models(values: Mapping[str, Any], those: list[str]) -> list[str]:
    """Return the wanted models, or all of `those`; an empty list means every model.

    Raises Invalid for a model outside of `those`, and for a kind of key that has no models.
    """
    wanted = values.get("allowed_models") or []
    if not those:
        return wanted
    if values["kind"] != "virtual_llm":
        raise Invalid.field("kind", "Your own key is for some models only: choose virtual_llm.")
    if beyond := sorted(set(wanted) - set(those)):
        raise Invalid.field("allowed_models", f"Your own key is not for: {', '.join(beyond)}.")
    return wanted or those


def issuer_of(actor: Actor) -> Issuer | None:
    """Return the values of the key that acts; None for anybody else."""
    if actor.kind != "application":
        return None
    rows = send(ISSUER, {"tenant_id": actor.tenant_id, "id": actor.id})
    return Issuer(*rows[0]) if rows else None


def earliest(*ends: datetime | None) -> datetime | None:
    """Return the first of these times; None, which is never, counts as the last."""
    return min((end for end in ends if end is not None), default=None)


def networks(wanted: list[str] | None, those: list[str]) -> list[str]:
    """Return the wanted networks, or all of `those`; an empty list means everywhere.

    Raises Invalid for a network outside of `those`.
    """
    wide = [ip_network(cidr) for cidr in those]
    for cidr in wanted or ():
        if wide and not any(_is_part(ip_network(cidr), other) for other in wide):
            raise Invalid.field("allowed_ips", f"The key that it comes from is not allowed {cidr}.")
    return wanted or those


def _is_part(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return not isinstance(outer, IPv4Network) and inner.subnet_of(outer)
