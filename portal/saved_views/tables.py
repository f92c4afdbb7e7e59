"""The lists that have saved views, and the check of what a view asks of one."""

from collections.abc import Mapping

from portal.core.errors import BadRequest, Invalid
from portal.database.actor import Actor
from portal.web.lists import PLACES, TABLES, Table, check


def with_views() -> Mapping[str, Table]:
    """Return the tables that have saved views, by their names. All features are loaded by then."""
    return {name: TABLES[name] for name in sorted(TABLES) if TABLES[name].has_views}


def may_read(actor: Actor, name: str) -> bool:
    """Tell whether the actor may read a list."""
    return actor.can(reading(name))


def reading(name: str) -> str:
    """Return the permission that reads a list."""
    return f"{with_views()[name].scope}:read"


def may_share(actor: Actor, name: str) -> bool:
    """Tell whether the actor may show views of a list to others."""
    return with_views()[name].may_share(actor)


def check_parameters(name: str, parameters: Mapping[str, str]) -> None:
    """Raise Invalid that names a parameter which the list does not understand."""
    for place in (*PLACES, "view"):
        if place in parameters:
            raise Invalid.field(f"parameters.{place}", "A view does not keep this parameter.")
    try:
        check(with_views()[name], parameters)
    except BadRequest as error:
        wrong = error.errors[0]
        raise Invalid.field(f"parameters.{wrong.field}", wrong.message) from None
