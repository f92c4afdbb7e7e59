"""What went wrong, in human words: a page, or a banner for htmx; never a stack trace."""

from flask import g, make_response, render_template, request
from werkzeug.wrappers import Response

from portal.core.errors import PortalError, Unauthenticated
from portal.rest import api
from portal.web.access import signed_in, to_sign_in
from portal.web.htmx import portal_request


def answer(fault: PortalError) -> Response:
    """Show the page for an error of the domain; who is not signed in is asked to, and comes
    back."""
    if isinstance(fault, Unauthenticated):
        return to_sign_in()
    _know_the_person()
    if portal_request().is_htmx:
        return _banner(fault)
    return _drawn("errors/page.html", fault)


def _drawn(template: str, fault: PortalError) -> Response:
    text = render_template(
        template, fault=fault, request_id=api.request_id(), path=request.path[:200]
    )
    response = make_response(text, fault.status)
    response.vary.update(["HX-Request", "HX-Request-Type"])
    if retry_after := getattr(fault, "retry_after", None):
        response.headers["Retry-After"] = str(retry_after)
    return response


def _banner(fault: PortalError) -> Response:
    """Show the page stays as it was; what failed is said above it."""
    response = _drawn("errors/_banner.html", fault)
    response.headers["HX-Retarget"] = "#banner"
    response.headers["HX-Reswap"] = "innerHTML show:top"
    response.headers["HX-Replace-Url"] = response.headers["HX-Push-Url"] = "false"
    return response


def _know_the_person() -> None:
    """The shell is drawn where it can be; a database that is down must not hide the message."""
    try:
        signed_in()
    except Exception:  # noqa: BLE001 - whatever fails here, the page says what failed first
        g.signed_in = None
