"""Count the records of a query up to a limit, and select them all."""

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select, func, literal, select

from portal.database.actor import Actor
from portal.database.record import Record
from portal.database.session import execute_anew
from portal.records import search
from portal.records.lists.conditions import conditions_of, visible
from portal.records.lists.declaration import Listing
from portal.records.lists.page_statement import actor_for, guided_ids, order_of, with_fingerprint
from portal.records.lists.queries import Query

R = TypeVar("R", bound=Record)
MOST_COUNTED = 10_000
LOOKED_AT = 20_000  # records that are compared with clauses to count them


@dataclass(frozen=True, slots=True)
class Total:
    """The number of records of a query, as far as it was counted."""

    value: int
    is_more: bool

    def __str__(self) -> str:
        return f"{self.value:,}{'+' if self.is_more else ''}"


def total(actor: Actor, listing: Listing[Any], query: Query) -> Total:
    """Return the number of records of a query up to MOST_COUNTED.

    At most LOOKED_AT records are compared with clauses, so there may be more in any case.
    """
    found, looked = execute_anew(select(*counting(actor, listing, query))).one()
    return total_of(found, looked)


def total_of(found: int, looked: int) -> Total:
    """Return the total from the values of `counting`."""
    return Total(min(found, MOST_COUNTED), found > MOST_COUNTED or looked == LOOKED_AT)


def counting(actor: Actor, listing: Listing[Any], query: Query) -> tuple[Any, Any]:
    """Return what counts matches up to MOST_COUNTED, and the records that are looked at for it, in
    a statement that may read more."""
    own = narrowed(actor, listing, query).with_only_columns(listing.model.id)
    if not query.is_loose or query.q or query.tag:
        return _count(own.limit(MOST_COUNTED + 1)), literal(0)
    seen = select(listing.model.id).where(listing.model.tenant_id == actor.tenant_id)
    looked = guided_ids(actor, listing, query, seen).limit(LOOKED_AT).cte("looked")
    matching = own.join(looked, looked.c.id == listing.model.id).limit(MOST_COUNTED + 1)
    return _count(matching), select(func.count()).select_from(looked).scalar_subquery()


def _count(some: Select[Any]) -> Any:
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


def counted(actor: Actor, listing: Listing[Any], query: Query, most: int) -> int:
    """Return the number of records of a query up to `most`, however many are looked at for it."""
    some = narrowed(actor, listing, query).with_only_columns(listing.model.id).limit(most)
    number: int = execute_anew(select(_count(some))).scalar_one()
    return number


def count_of(actor: Actor, listing: Listing[Any], query: Query) -> dict[str, Any]:
    """Return `total` as a document for programs."""
    found = total(actor, listing, query)
    return {"value": found.value, "more_than": found.is_more}


def narrowed(actor: Actor, listing: Listing[R], query: Query) -> Select[Any]:
    """Return the records of a query, without order and pages."""
    query = with_fingerprint(listing, query)
    actor = actor_for(actor, listing, query)
    conditions = conditions_of(actor, listing, query).values()
    statement = visible(actor, listing, query).where(*conditions)
    if query.q or query.tag:
        statement = search.narrow(statement, listing.model, actor.tenant_id, query.q, query.tag)
    return statement


def everything(actor: Actor, listing: Listing[R], query: Query) -> Select[Any]:
    """Return all records of a query, in its order."""
    return order_of(listing, query).put_on(narrowed(actor, listing, query))
