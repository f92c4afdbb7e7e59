"""What the pages of keys share: their blueprint, the frame of a key's page, bars of its calls."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.applications import service as applications
from portal.keys.listing import filters
from portal.keys.models import ApiKey
from portal.web.drawing.charts import Column

bp = Blueprint("keys", __name__, url_prefix="/keys")
ENV_NAME = "CPOD_API_KEY"
# What of a list's address says which keys are meant, and not how they are shown.
KEPT = filters.CONSOLE.parameters() - {"sort", "limit", "cursor"}


def about(
    page: str, record: ApiKey, fragment: str | None = None, **context: Any
) -> ResponseReturnValue:
    """Return a page of one key; its dialogs name the application that calls with it."""
    around = filters.surroundings(web.actor(), record)
    return web.render(
        page,
        fragment,
        record=record,
        application=around.application,
        persons=around.persons,
        leaks=around.leaks,
        withheld=around.withheld,
        heard=around.heard,
        **context,
    )


def columns(hours: Iterable[datetime], *counts: Mapping[datetime, int]) -> list[Column]:
    """Return the hours as bars, with what each of `counts` has of them."""
    return [
        Column(hour.strftime("%a %-d %b, %H:00"), tuple(count[hour] for count in counts))
        for hour in hours
    ]


def overtaken(record_id: str) -> ResponseReturnValue:
    """Back to a key that somebody else has revoked since its page was drawn."""
    web.toast("The key was revoked already, so nothing was changed.", "warn")
    return web.see_other(url_for("keys.show", record_id=record_id))


def with_chosen(chosen: str | None, offered: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the offered applications and the chosen one, which a long list may have left out: a
    drawn list without it would choose something else."""
    if not chosen or chosen in dict(offered):
        return offered
    return [*offered, *applications.names(web.actor(), {chosen}).items()]
