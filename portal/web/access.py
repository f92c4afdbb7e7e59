"""Admit only signed-in people, and only requests that our own pages made.

Access is denied by default. Cross-site requests are refused twice: by the origin that the browser
reports (Sec-Fetch-Site, Origin), and by a token that only our pages have (Flask-WTF).
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from flask import Flask, Request, current_app, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.utils import redirect
from werkzeug.wrappers import Response
from wtforms import ValidationError

from portal.core.errors import BadRequest, Forbidden, TooLarge, Unauthenticated
from portal.core.key_shape import SHAPE
from portal.database.actor import Actor
from portal.rest.api import SAFE_METHODS, is_api_path
from portal.web import form_token
from portal.web.htmx import portal_request, see_other, toast

if TYPE_CHECKING:
    from portal.core.config import Config

View = TypeVar("View", bound=Callable[..., Any])
SIGN_IN = "/auth/login"
OLDER = "You signed in again or out since the page was loaded. Nothing was changed."
FORM, MOST_FIELDS = "application/x-www-form-urlencoded", 5000


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The signed-in person: the actor, and what the page's frame shows about them."""

    actor: Actor
    tenant_name: str
    email: str = ""
    role: str = ""


Loader = Callable[[], SignedIn | None]


class ExpiredForm(BadRequest):
    """The form's token belongs to another session than the request."""

    code, title = "expired_form", "This form is too old"

    def __init__(self) -> None:
        super().__init__(f"{OLDER} Load the page again.")


class BrowserSessions(SecureCookieSessionInterface):
    """Flask's session cookie, for browsers. A program's request has none, so none is looked for."""

    # Flask creates a serializer for each cookie that it reads or writes; the key stays the same.
    get_signing_serializer = lru_cache(maxsize=1)(
        SecureCookieSessionInterface.get_signing_serializer
    )

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the browser's session. Return None, a session that is read-only, for a program."""
        found = None if is_api_path(request.path) else super().open_session(app, request)
        if found and app.config["SECRET_KEY_FALLBACKS"]:
            found.modified = True  # sign again with the active key, before the old one is removed
        return found


def init_app(app: Flask, config: "Config") -> None:
    """Check every page's request before its view runs."""
    app.session_interface = BrowserSessions()
    app.config.update(
        WTF_CSRF_TIME_LIMIT=None,  # bound to the session; an hour would break a tab left open
        # Cookies ignore ports: two portals on one machine would invalidate each other's forms.
        SESSION_COOKIE_NAME="__Host-portal" if config.is_production else f"portal-{config.port}",
        SESSION_COOKIE_SECURE=config.is_production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.before_request(_no_key_in_address)
    app.before_request(_require_own_page)
    app.before_request(_require_person)
    app.jinja_env.globals.update(signed_in=signed_in, csrf_token=form_token.masked)


def sign_in_by(app: Flask, loader: Loader) -> None:
    """Set the function that returns who is signed in. It is called at most once per request."""
    app.extensions["portal.sign_in"] = loader


def public(view: View) -> View:
    """Mark a view that needs no sign-in."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def cookieless(view: View) -> View:
    """Mark a public view that no cookie can influence, such as a provider's back-channel call.

    Programs send its requests, so these need not come from our own pages.
    """
    view.is_cookieless = True  # type: ignore[attr-defined]
    return public(view)


def uncounted(view: View) -> View:
    """Mark a view that stays available when the tenant's requests are at the limit."""
    view.is_uncounted = True  # type: ignore[attr-defined]
    return view


def counted_for() -> str | None:
    """Return the tenant whose quota the current page request counts towards, if any."""
    view = _view_of(portal_request())
    if view is None or getattr(view, "is_uncounted", False):
        return None
    if getattr(view, "is_public", False) or (person := signed_in()) is None:
        return None
    return person.actor.tenant_id


def signed_in() -> SignedIn | None:
    """Return the signed-in person, or None."""
    if "signed_in" not in g:
        loader = cast("Loader | None", current_app.extensions.get("portal.sign_in"))
        g.signed_in = loader() if loader else None
    return cast("SignedIn | None", g.signed_in)


def actor() -> Actor:
    """Return the actor of this page's request. Raises Unauthenticated when nobody is signed in."""
    person = signed_in()
    if person is None:
        raise Unauthenticated
    return person.actor


def here() -> str:
    """Return the page that the person is on, as a local path to come back to."""
    if portal_request().is_htmx:
        return local_path(request.headers.get("HX-Current-URL"))
    if request.method in ("GET", "HEAD"):
        query = request.query_string.decode("latin-1")
        return local_path(f"{request.path}?{query}" if query else request.path)
    return local_path(request.referrer)


def local_path(url: str | None) -> str:
    """Return path and query of one of our URLs, `/` for any other: this prevents open redirects."""
    if not url or "\\" in url or any(ord(c) < 33 for c in url):
        return "/"
    try:
        parts = urlsplit(url)
    except ValueError:
        return "/"
    foreign = parts.netloc and parts.netloc != request.host
    if foreign or not parts.path.startswith("/") or parts.path.startswith("//"):
        return "/"
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def to_sign_in() -> Response:
    """Redirect the visitor to the sign-in, which brings them back here.

    Whoever was at work on a page finds there what they typed: again.js keeps it for them.
    """
    is_part = portal_request().is_htmx
    kept = {"kept": "1"} if is_part or request.method not in SAFE_METHODS else {}
    response = see_other(f"{SIGN_IN}?{urlencode({'next': here(), **kept})}")
    if is_part:
        response.status_code = 401
    return response


def _view_of(asked: Request) -> Any:
    """Return the view of a page, or None for a program's request and for an unknown page."""
    if is_api_path(asked.path):
        return None
    return current_app.view_functions.get(asked.endpoint or "")


def _no_key_in_address() -> Response | None:
    """Redirect an address with a whole API key to the same page with the key's fingerprint.

    Such an address comes from a search without JavaScript. The fingerprint finds the key and grants
    nothing, so no page and no link repeats the key.
    """
    asked = portal_request()
    query = asked.query_string.decode("latin-1")
    if asked.method not in SAFE_METHODS or "sk-" not in query:
        return None
    if _view_of(asked) is None:  # no page of ours, so the path may be anything, such as //elsewhere
        return None
    shown = SHAPE.sub(_fingerprint, query)
    return redirect(f"{asked.path}?{shown}", 303) if shown != query else None


def _fingerprint(key: re.Match[str]) -> str:
    return hashlib.sha256(key[0].encode()).hexdigest()


def _require_own_page() -> Response | None:
    asked = portal_request()
    if asked.method in SAFE_METHODS:
        return None
    view = _view_of(asked)
    if view is None or getattr(view, "is_cookieless", False):
        return None
    if not _from_our_own_page():
        raise Forbidden("This request came from another site, so nothing was changed.")
    # Count fields before parsing: Werkzeug limits their number in multipart forms only.
    if asked.mimetype == FORM and asked.get_data().count(b"&") >= MOST_FIELDS:
        raise TooLarge(f"Send at most {MOST_FIELDS:,} fields.")
    try:
        form_token.check()
    except ValidationError:
        if getattr(view, "is_public", False):
            raise ExpiredForm from None
        if signed_in() is not None:
            toast(OLDER, "warn")
        return to_sign_in()
    return None


def _from_our_own_page() -> bool:
    """Tell whether our own page made the request, by the rule of Go 1.25.

    `same-site` is refused too: a neighbouring host is not ours.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc == request.host


def _require_person() -> Response | None:
    asked = portal_request()
    view = _view_of(asked)
    if view is None or asked.endpoint == "static":
        return None
    if getattr(view, "is_public", False) or signed_in() is not None:
        return None
    return to_sign_in()
