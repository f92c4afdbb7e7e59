"""The weaknesses of the tenant's keys: how many keys have each, and how to fix it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from portal.database.actor import Actor
from portal.database.session import session
from portal.keys.listing.filters import CONSOLE
from portal.records.listing import Query, narrowed

MOST = 10_000  # keys are counted up to here


@dataclass(frozen=True, slots=True)
class Weakness:
    """A view of the list, what is wrong with its keys, and what helps."""

    view: str
    title: str
    why: str
    fix: str
    verb: str = ""  # the action on all of them; "" if each key needs its own decision


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
        "Unused for 90 days: safe to revoke.",
        "Revoke them",
        "revoke",
    ),
    Weakness(
        "never_used",
        "Never used",
        "Issued more than a day ago, and no call has come since.",
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
        "No limit, no budget and no network restriction: a leaked key can be used without bounds.",
        "Limit each to 600 requests per minute",
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
    """Return view → how many keys it has (MOST + 1 if there are more), in one statement."""
    actor.require("keys:read")
    parts = []
    for weakness in WEAKNESSES:
        some = narrowed(actor, CONSOLE, Query(show=weakness.view))
        few = some.with_only_columns(CONSOLE.model.id).limit(MOST + 1).subquery()
        counted = select(func.count()).select_from(few).scalar_subquery()
        parts.append(counted.label(weakness.view))
    return dict(session.execute(select(*parts)).mappings().one())
