"""Notify people on every page that something is about to stop, has stopped, or works again.

Like the overview, it queries no feature by name: a feature registers a `Source` with `add_source`.
The bar of every page polls this module. A notice that is new to this browser is shown once as a
toast.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from flask import Blueprint, Flask, current_app, session
from flask import Response as JsonResponse
from pydantic import BaseModel, ConfigDict
from werkzeug.wrappers import Response

from portal import web
from portal.database.actor import Actor
from portal.records.health import counted
from portal.rest import api
from portal.rest.openapi import Operation

bp = Blueprint("notices", __name__, url_prefix="/notices")
LATELY = timedelta(days=1)
SAID = "notices_said_until"
AT_ONCE = 3  # toasts; more would cover the page, and the page of notices shows all of them


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice: a sentence, its time, and the page on which to act.

    `lasts` is true while somebody has to act, and false for what has passed by itself.
    """

    at: datetime
    title: str
    text: str
    url: str
    status: str
    lasts: bool = True


Source = Callable[[Actor, datetime], Sequence[Notice]]
"""Returns the notices for an actor: those that last, and those that passed since a time."""


def add_source(app: Flask, source: Source) -> None:
    """Register a feature's source of notices."""
    app.extensions.setdefault("portal.web.notices", []).append(source)


@bp.get("")
def index() -> Response:
    """Show all notices as a page. For the bar, return their number, and new ones as toasts."""
    now = datetime.now(UTC)
    found = _found(web.actor(), now)
    if web.portal_request().wants_fragment:
        _say_new(found, now)
    lasting = sum(notice.lasts for notice in found)
    needing = f"{counted(lasting, 'notice')} {'needs' if lasting == 1 else 'need'} somebody now."
    return web.render(
        "notices.html",
        "_notices.html",
        notices=found,
        lasting=lasting,
        said=needing if lasting else "You have no notice that needs somebody now.",
    )


def _found(actor: Actor, now: datetime) -> list[Notice]:
    """Return the notices that last, and those of the last day, the newest first."""
    sources = cast("list[Source]", current_app.extensions.get("portal.web.notices", []))
    found = [notice for source in sources for notice in source(actor, now - LATELY)]
    return sorted(found, key=lambda notice: notice.at, reverse=True)


def _say_new(found: Sequence[Notice], now: datetime) -> None:
    """Show as toasts the notices that this browser has not shown yet."""
    said_until = _shown_until() or now - LATELY
    new = [notice for notice in found if notice.at > said_until]
    for notice in reversed(new[:AT_ONCE]):
        web.toast(f"{notice.title}: {notice.text}", "warn" if notice.lasts else "ok")
    if new:
        session[SAID] = new[0].at.isoformat()


def _shown_until() -> datetime | None:
    try:
        return datetime.fromisoformat(session.get(SAID, ""))
    except ValueError:
        return None


# ---------------------------------------------------------------- for programs


class NoticeDocument(BaseModel):
    """Something that is about to stop, has stopped, or works again."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    at: datetime
    """Time of the notice."""
    title: str
    """Name of what it is about."""
    text: str
    """Sentence that says what happened."""
    url: str
    """Path of the page on which to act."""
    status: str
    """Status in one word."""
    lasts: bool
    """True while somebody has to act; false for what has passed by itself."""


def _list() -> JsonResponse:
    api.no_parameters()
    fields = NoticeDocument.model_fields
    found = _found(api.actor(), datetime.now(UTC))
    items = [{name: getattr(notice, name) for name in fields} for notice in found]
    return api.listed(items, None)


OPERATIONS = (
    Operation(
        resource="notices",
        name="list",
        method="GET",
        path="/notices",
        summary="List what needs attention now, and what passed in the last day",
        description="Return what needs attention now, the most urgent first, and what"
        " passed in the last day.",
        scope="",
        view=_list,
        answer=NoticeDocument,
        is_list=True,
    ),
)
