"""Helpers for all pages of keys: the blueprint, the frame of a page, and chart columns."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.keys.listing import filters
from portal.keys.models import ApiKey
from portal.web.drawing.charts import Column

bp = Blueprint("keys", __name__, url_prefix="/keys")
ENV_NAME = "CPOD_API_KEY"
# The list's query parameters that select keys; the others only sort and page.
KEPT = filters.CONSOLE.parameters() - {"sort", "limit", "cursor"}


def about(page: str, record: ApiKey, fragment: str = "", **context: Any) -> ResponseReturnValue:
    """Return a page of one key, with the names, leaks and verifiers that its frame shows.

    For htmx, return only the fragment, for which nothing of that is read.
    """
    if fragment and web.portal_request().wants_fragment:
        return web.render(fragment, fragment, record=record, **context)
    around = filters.surroundings(web.actor(), record)
    leaks = [leak.reported_at for leak in around.leaks]
    return web.render(
        page,
        fragment,
        record=record,
        application=around.application,
        persons=around.persons,
        leaks=around.leaks,
        leaks_until=leaks and max(leaks).isoformat(),
        withheld=around.withheld,
        heard=around.heard,
        health=around.health,
        **context,
    )


def columns(hours: Iterable[datetime], *counts: Mapping[datetime, int]) -> list[Column]:
    """Return one chart column for each hour, with one value from each of `counts`."""
    return [
        Column(hour.strftime("%a %-d %b, %H:00"), tuple(count[hour] for count in counts))
        for hour in hours
    ]


def overtaken(record_id: str) -> ResponseReturnValue:
    """Redirect to a key that somebody else has revoked since the page was rendered."""
    web.toast("The key was revoked already, so nothing was changed.", "warn")
    return web.see_other(url_for("keys.show", record_id=record_id))
