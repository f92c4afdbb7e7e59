"""Store a person's display preferences in cookies of the browser, whoever is signed in.

These are the theme, whether single keys are shortcuts (WCAG 2.1.4: people who use speech input, or
whose hands tremble, must be able to turn them off), and the time zone of full times.
"""

from flask import Blueprint, current_app, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from portal.core.errors import BadRequest
from portal.web import form_token
from portal.web.access import here, public
from portal.web.htmx import see_other

# What can be chosen → its values. The first one is the default.
CHOICES = {
    "theme": ("system", "light", "dark"),
    "keys": ("on", "off"),
    "zone": ("utc", "local"),
}
A_YEAR = 365 * 24 * 3600  # seconds

bp = Blueprint("look", __name__)


TOKEN = "the token of this page"  # noqa: S105 - where one goes


def looks() -> Markup:
    """Return the switches of the account menu, cached for each combination of choices.

    Only the token differs between two people with the same choices.
    """
    known = current_app.extensions.setdefault("portal.looks", {})
    chosen, token = tuple(look(name) for name in CHOICES), form_token.masked()
    if chosen not in known:
        known[chosen] = render_template("_looks.html").replace(token, TOKEN)
    return Markup(known[chosen].replace(TOKEN, token))  # noqa: S704 - a template's answer


def look(name: str) -> str:
    """Return the chosen value. A cookie may contain anything, so only known values count."""
    words = CHOICES[name]
    chosen = request.cookies.get(name, "")
    return chosen if chosen in words else words[0]


@bp.post("/look")
@public
def choose() -> Response:
    """Store a choice and return to the page."""
    name = next((name for name in CHOICES if name in request.form), None)
    if name is None:
        raise BadRequest(f"Choose one of {', '.join(CHOICES)}.")
    chosen = request.form[name]
    if chosen not in CHOICES[name]:
        raise BadRequest(f"Choose one of {', '.join(CHOICES[name])}.")
    response = see_other(here())
    # Not HttpOnly: portal/web/static/js/forms.js switches without a reload. It is no secret.
    response.set_cookie(
        name,
        chosen,
        max_age=A_YEAR,
        samesite="Lax",
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
    )
    return response
