"""Connectors on the overview: one step of the first run, and those that need a person."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import text

from portal.connectors.models import TROUBLED, Connector
from portal.database.actor import Actor
from portal.database.audience import as_member
from portal.overview import questions
from portal.overview.parts import Columns, Harm, OverviewPart, Source, Step

READ = "connectors:read"
HARMS = {
    "failing": (Harm.FAILING, "connector fails", "connectors fail"),
    "caring": (Harm.ATTENTION, "connector needs a look", "connectors need a look"),
}
STATUSES = {"failing": "'action_required', 'failing'", "caring": "'degraded', 'rate_limited'"}


def ask(actor: Actor) -> Columns:
    """Ask whether there are connectors, and which are in trouble.

    Count only connectors that the actor may read: an admin knows only that others exist.
    """
    if not actor.can(READ):
        return {}
    own = Connector.seen_by(as_member(actor))
    live = own.where(Connector.is_deleted.is_(False)).with_only_columns(Connector.id)
    columns: dict[str, Any] = {"some": live.limit(1).scalar_subquery()}
    groups = {
        name: (
            own.where(text(f"{TROUBLED} AND sync_status IN ({statuses})"), ~Connector.is_stopped),
            -Connector.consecutive_errors,
        )
        for name, statuses in STATUSES.items()
    }
    columns |= questions.troubled(actor, Connector, groups)
    return columns


def overview_part(actor: Actor, found: Mapping[str, Any], now: datetime) -> OverviewPart:
    """Return one step, and the connectors that need a person."""
    if not found:
        return OverviewPart()
    url = url_for("connectors.index")
    step = Step(
        order=3,
        title="Connect a system",
        text="A source or a sink of data, with its secret in the secret store.",
        url=url_for("connectors.create"),
        action="Add a connector",
        needs="connectors:write",
        done=bool(found["some"]),
    )
    return OverviewPart(
        steps=[step],
        needs=questions.needs(actor, Connector, "connectors.show", found, HARMS),
        tallies=[
            questions.tally(harm, found[name], one, many, url)
            for name, (harm, one, many) in HARMS.items()
        ],
        clear=["no connector needs a person"],
        is_used=bool(found["some"]),
    )


SOURCE = Source(overview_part, ask)
