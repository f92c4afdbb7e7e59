"""What people are told wherever they are: that something is about to stop, stopped, or works again.

Like the overview it asks no feature by name: a feature registers a `Source` with `tell`. The bar of
every page looks here now and then; what is new to this browser is said in passing, once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from flask import Blueprint, Flask, current_app, session
from werkzeug.wrappers import Response

from portal import web
from portal.database.actor import Actor

bp = Blueprint("notices", __name__, url_prefix="/notices")
LATELY = timedelta(days=1)
SAID = "notices_said_until"
AT_ONCE = 3  # toasts: more would cover the page, and they are all on the page of notices


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to know: a sentence, when it came to be, and where to do something about it.

    `lasts` while it needs somebody; what has passed by itself does not.
    """

    at: datetime
    title: str
    text: str
    url: str
    status: str
    lasts: bool = True


Source = Callable[[Actor, datetime], Sequence[Notice]]
"""What there is to tell an actor: what lasts, and what passed since a moment."""


def tell(app: Flask, source: Source) -> None:
    """Let a feature tell people something."""
    app.extensions.setdefault("portal.web.notices", []).append(source)


@bp.get("")
def index() -> Response:
    """Show all of them as a page; for the bar their number, and what is new as toasts."""
    now = datetime.now(UTC)
    sources = cast("list[Source]", current_app.extensions.get("portal.web.notices", []))
    found = [notice for source in sources for notice in source(web.actor(), now - LATELY)]
    found.sort(key=lambda notice: notice.at, reverse=True)
    if web.portal_request().wants_fragment:
        _say_new(found, now)
    return web.render(
        "notices.html",
        "_notices.html",
        notices=found,
        lasting=sum(notice.lasts for notice in found),
    )


def _say_new(found: Sequence[Notice], now: datetime) -> None:
    """Say in passing what this browser was not told yet."""
    said_until = _said_until() or now - LATELY
    new = [notice for notice in found if notice.at > said_until]
    for notice in reversed(new[:AT_ONCE]):
        web.toast(f"{notice.title}: {notice.text}", "warn" if notice.lasts else "ok")
    if new:
        session[SAID] = new[0].at.isoformat()


def _said_until() -> datetime | None:
    try:
        return datetime.fromisoformat(session.get(SAID, ""))
    except ValueError:
        return None
