"""Who may come in: signed-in people, on requests that our own pages made.

Deny by default. Cross-site requests are refused twice: by where the browser says that they come
from (Sec-Fetch-Site, Origin), and by a token that only our pages hold (Flask-WTF).
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
from portal.rest.api import is_api_path
from portal.web import form_token
from portal.web.htmx import portal_request, see_other

if TYPE_CHECKING:
    from portal.core.config import Config

View = TypeVar("View", bound=Callable[..., Any])
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SIGN_IN = "/auth/login"
FORM, MOST_FIELDS = "application/x-www-form-urlencoded", 5000


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person in front of the page: the actor, and what the shell shows about them."""

    actor: Actor
    tenant_name: str
    email: str = ""
    role: str = ""


Loader = Callable[[], SignedIn | None]


class ExpiredForm(BadRequest):
    """The form's token belongs to another session than the one that sends it."""

    code, title = "expired_form", "This form is too old"

    def __init__(self) -> None:
        super().__init__(
            "You signed in again or out since the page was loaded. Nothing was changed; "
            "load the page again."
        )


class BrowserSessions(SecureCookieSessionInterface):
    """Flask's session cookie, for browsers: a program's request has none, so none is looked for."""

    # Flask makes one for each cookie that it reads or writes; the key stays the same.
    get_signing_serializer = lru_cache(maxsize=1)(
        SecureCookieSessionInterface.get_signing_serializer
    )

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return none is a session that nothing can be written to."""
        found = None if is_api_path(request.path) else super().open_session(app, request)
        if found and app.config["SECRET_KEY_FALLBACKS"]:
            found.modified = True  # sign again under the active key, before the old one is removed
        return found


def init_app(app: Flask, config: "Config") -> None:
    """Stand in front of every page."""
    app.session_interface = BrowserSessions()
    app.config.update(
        WTF_CSRF_TIME_LIMIT=None,  # bound to the session; an hour would break a tab left open
        # Cookies do not know ports: two portals on one machine would void each other's forms.
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
    """Let identity say who is signed in; it is asked at most once a request."""
    app.extensions["portal.sign_in"] = loader


def public(view: View) -> View:
    """Mark a view that needs nobody signed in."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def cookieless(view: View) -> View:
    """Mark a public view that no cookie can influence, such as a provider's back-channel call.

    Its requests come from programs, so they need not come from our own pages.
    """
    view.is_cookieless = True  # type: ignore[attr-defined]
    return public(view)


def uncounted(view: View) -> View:
    """Mark a view that stays available when the tenant's requests are at the limit."""
    view.is_uncounted = True  # type: ignore[attr-defined]
    return view


def counted_for() -> str | None:
    """Return the tenant whose quota the running page request counts towards, if any."""
    view = _view_of(portal_request())
    if view is None or getattr(view, "is_uncounted", False):
        return None
    if getattr(view, "is_public", False) or (person := signed_in()) is None:
        return None
    return person.actor.tenant_id


def signed_in() -> SignedIn | None:
    """Return the person in front of the page, or None."""
    if "signed_in" not in g:
        loader = cast("Loader | None", current_app.extensions.get("portal.sign_in"))
        g.signed_in = loader() if loader else None
    return cast("SignedIn | None", g.signed_in)


def actor() -> Actor:
    """Return who acts on this page; raises Unauthenticated when nobody is signed in."""
    person = signed_in()
    if person is None:
        raise Unauthenticated
    return person.actor


def here() -> str:
    """Return the page that the person looks at, as a local path: where to come back to."""
    if portal_request().is_htmx:
        return local_path(request.headers.get("HX-Current-URL"))
    if request.method in ("GET", "HEAD"):
        query = request.query_string.decode("latin-1")
        return local_path(f"{request.path}?{query}" if query else request.path)
    return local_path(request.referrer)


def local_path(url: str | None) -> str:
    """Path and query of an address of ours, `/` for anybody else's: no open redirects."""
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
    """Ask the visitor to sign in, and bring them back here."""
    response = see_other(f"{SIGN_IN}?{urlencode({'next': here()})}")
    if portal_request().is_htmx:
        response.status_code = 401
    return response


def _view_of(asked: Request) -> Any:
    """Return the view of a page; None for a program's request, and where there is no page."""
    if is_api_path(asked.path):
        return None
    return current_app.view_functions.get(asked.endpoint or "")


def _no_key_in_address() -> Response | None:
    """Return a whole key in an address, as from a search without script, leads to the same page
    with its fingerprint, which finds the key and opens nothing: no page and no link repeats the
    key."""
    asked = portal_request()
    query = asked.query_string.decode("latin-1")
    if asked.method not in SAFE_METHODS or "sk-" not in query:
        return None
    if _view_of(asked) is None:  # no page of ours, so the path may be anything: //elsewhere too
        return None
    said = SHAPE.sub(_fingerprint, query)
    return redirect(f"{asked.path}?{said}", 303) if said != query else None


def _fingerprint(key: re.Match[str]) -> str:
    return hashlib.sha256(key[0].encode()).hexdigest()


def _require_own_page() -> None:
    asked = portal_request()
    if asked.method in SAFE_METHODS:
        return
    view = _view_of(asked)
    if view is None or getattr(view, "is_cookieless", False):
        return
    if not _from_our_own_page():
        raise Forbidden("This request came from another site, so nothing was changed.")
    # Count fields before parsing: Werkzeug limits their number in multipart forms only.
    if asked.mimetype == FORM and asked.get_data().count(b"&") >= MOST_FIELDS:
        raise TooLarge(f"Send at most {MOST_FIELDS:,} fields.")
    try:
        form_token.check()
    except ValidationError:
        raise ExpiredForm from None


def _from_our_own_page() -> bool:
    """Go 1.25's rule. `same-site` is refused too: a neighbouring host is not us."""
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
