"""Find the signed-in person of a request with Flask-Login, and require step-up sign-ins.

The browser holds only the session cookie. There is no remember-me cookie. Sessions are not tied to
an address or browser, which would sign people out when their network changes.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from flask import Flask, Request, current_app, g
from flask_login import LoginManager, UserMixin, current_user, logout_user
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from portal import web
from portal.core.errors import Unauthenticated
from portal.identity.sessions import sessions
from portal.identity.sessions.cookies import Cookies
from portal.identity.sessions.sessions import Live
from portal.rest import api

View = TypeVar("View", bound=Callable[..., Any])
LONGEST_PLACE = 400  # characters of a URL to return to


class Visitor(UserMixin):  # type: ignore[misc]  # flask_login is untyped
    """A signed-in person as Flask-Login's user object."""

    def __init__(self, live: Live) -> None:
        self.live = live

    def get_id(self) -> str:
        return self.live.session.id


def init_app(app: Flask, cookies: Cookies) -> None:
    """Load the signed-in person for every page."""
    app.extensions["portal.cookies"] = cookies
    manager = LoginManager()
    manager.session_protection = None
    manager.request_loader(_load)
    manager.init_app(app, add_context_processor=False)
    web.sign_in_by(app, _signed_in)


def cookies() -> Cookies:
    """Return the application's `Cookies`."""
    return cast("Cookies", current_app.extensions["portal.cookies"])


def live_session() -> Live | None:
    """Return the session of the current request; it is queried once."""
    return current_user.live if current_user.is_authenticated else None


def forget_visitor() -> None:
    """Treat the rest of this request as anonymous, because its session has just ended."""
    logout_user()
    g.signed_in = None


def _load(request: Request) -> Visitor | None:
    live = sessions.resume(request.cookies.get(cookies().session))
    return Visitor(live) if live else None


def _signed_in() -> web.SignedIn | None:
    live = live_session()
    if live is None:
        return None
    g.actor = live.actor(api.origin())
    return web.SignedIn(g.actor, live.tenant_name, live.person.email or "", live.session.role)


# ---------------------------------------------------------------- step-up


def recent_sign_in_required(view: View) -> View:
    """Run a view only within `sessions.RECENT` of a real sign-in; else redirect to sign in again.

    The request is not stored and not repeated: the person returns to the page with the form, sees a
    message, and presses the button again.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        live = live_session()
        if live is None:
            raise Unauthenticated
        return view(*args, **kwargs) if live.is_recent else to_step_up()

    guarded.needs_recent_sign_in = True  # type: ignore[attr-defined]
    return cast("View", guarded)


def to_step_up() -> Response:
    """Redirect the person to sign in again, and then back to this page."""
    query = urlencode({"again": "1", "next": place_to_return(web.here())})
    response = web.see_other(f"/auth/login?{query}")
    if web.portal_request().is_htmx:
        response.status_code = 401
    return response


def place_to_return(url: str | None) -> str:
    """Return a local page that is safe to redirect to after signing in; `/` for anything else."""
    place = web.local_path(url)
    path = urlsplit(place).path
    if len(place) > LONGEST_PLACE or path.startswith(("/auth/", "/api/", "/static/")):
        return "/"
    try:
        current_app.url_map.bind("").match(path, method="GET")
    except RequestRedirect:
        return place
    except HTTPException:
        return "/"
    return place
