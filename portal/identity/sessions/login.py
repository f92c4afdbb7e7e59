"""Find the signed-in person of a request with Flask-Login, and require step-up sign-ins.

The browser holds only the session cookie. There is no remember-me cookie. Sessions are not tied to
an address or browser, which would sign people out when their network changes.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import flask
from flask import Flask, Request, current_app, g
from flask_login import LoginManager, UserMixin, current_user, logout_user
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from portal import web
from portal.core.errors import Unauthenticated
from portal.database.session import transaction
from portal.identity.sessions import kept_acts, sessions
from portal.identity.sessions.cookies import Cookies
from portal.identity.sessions.kept_acts import Act
from portal.identity.sessions.sessions import Live
from portal.rest import api
from portal.rest.api import SAFE_METHODS

View = TypeVar("View", bound=Callable[..., Any])
TICKET = "ticket of the act that waits for the sign-in"  # in the browser's Flask session
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
    """Allow a view only within `sessions.RECENT` of a real sign-in.

    Otherwise the person signs in again first, and then what they asked for is done.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        live = live_session()
        if live is None:
            raise Unauthenticated
        is_safe = web.portal_request().method in SAFE_METHODS
        return view(*args, **kwargs) if is_safe or live.is_recent else to_step_up()

    guarded.needs_recent_sign_in = True  # type: ignore[attr-defined]
    return cast("View", guarded)


def to_step_up(instead: Act | None = None) -> Response:
    """Redirect the person to sign in again; then the current request, or `instead`, is done.

    What cannot be kept is not done: they return to the page, see a message, and press the button
    again.
    """
    live = live_session()
    if live is None:
        raise Unauthenticated
    place = place_to_return(web.here())
    flask.session.pop(TICKET, None)
    if (act := instead or kept_acts.of_request(place)) is not None:
        with transaction():  # also if the answer to htmx is a 401
            flask.session[TICKET] = kept_acts.keep(live.session, replace(act, place=place))
    response = web.see_other(f"/auth/login?{urlencode({'again': '1', 'next': place})}")
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
