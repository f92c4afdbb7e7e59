"""Choosing light, dark or the system's theme: a cookie of the browser, whoever is signed in."""

from flask import Blueprint, current_app, request
from werkzeug.wrappers import Response

from portal.errors import BadRequest
from portal.web.guard import here, public
from portal.web.htmx import see_other

THEMES = ("system", "light", "dark")
COOKIE = "theme"
A_YEAR = 365 * 24 * 3600  # seconds

bp = Blueprint("look", __name__)


def theme() -> str:
    """The chosen theme; the browser's cookie may hold anything, so only known words count."""
    chosen = request.cookies.get(COOKIE, "system")
    return chosen if chosen in THEMES else "system"


@bp.post("/look/theme")
@public
def choose_theme() -> Response:
    """Keep the choice and come back to the page."""
    chosen = request.form.get("theme", "")
    if chosen not in THEMES:
        raise BadRequest("Choose system, light or dark.")
    response = see_other(here())
    # Not HttpOnly: static/js/forms.js switches without a reload. It is no secret.
    response.set_cookie(
        COOKIE,
        chosen,
        max_age=A_YEAR,
        samesite="Lax",
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
    )
    return response
