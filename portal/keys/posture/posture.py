"""How the tenant's keys stand: each weakness, how many keys have it, and a way out."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from portal.database.actor import Actor
from portal.database.session import session
from portal.keys.listing.filters import CONSOLE
from portal.records.listing import Query, narrowed

MOST = 10_000  # an exact count ends here


@dataclass(frozen=True, slots=True)
class Weakness:
    """A view of the list, what is wrong with its keys, and what helps."""

    view: str
    title: str
    why: str
    fix: str
    verb: str = ""  # what a click does to all of them; "" where each needs a look of its own


WEAKNESSES: Sequence[Weakness] = (
    Weakness(
        "expiring",
        "Expire within 14 days",
        "Their programs stop then.",
        "Rotate them in time",
    ),
    Weakness(
        "owner_gone",
        "Owner gone",
        "The person has not been here for 90 days, and nobody looks after the key.",
        "Block them, and see who asks",
        "block",
    ),
    Weakness(
        "many_sources",
        "Too many sources",
        "Called from more than 10 addresses in a week: shared, or stolen.",
        "Block them, and see who asks",
        "block",
    ),
    Weakness(
        "idle",
        "Unused for 90 days",
        "Nobody would miss them, and a thief would be glad of them.",
        "Revoke them",
        "revoke",
    ),
    Weakness(
        "never_used",
        "Never used",
        "Issued and forgotten.",
        "Revoke them",
        "revoke",
    ),
    Weakness(
        "never_expires",
        "Never expire",
        "A leak works for ever.",
        "Let them end in 90 days",
        "expire",
    ),
    Weakness(
        "unrestricted",
        "Unrestricted",
        "No limit, no budget, no network: a thief can use all of it.",
        "Limit each to 600 requests a minute",
        "limit",
    ),
    Weakness(
        "no_budget",
        "No budget",
        "What they spend has no end.",
        "Give each 100 US dollars a month",
        "budget",
    ),
)


def counts(actor: Actor) -> dict[str, int]:
    """View → how many keys it has (MOST + 1 where there are more), in one statement."""
    actor.require("keys:read")
    parts = []
    for weakness in WEAKNESSES:
        some = narrowed(actor, CONSOLE, Query(show=weakness.view))
        few = some.with_only_columns(CONSOLE.model.id).limit(MOST + 1).subquery()
        counted = select(func.count()).select_from(few).scalar_subquery()
        parts.append(counted.label(weakness.view))
    return dict(session.execute(select(*parts)).mappings().one())
