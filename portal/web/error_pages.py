"""Show errors in plain words, as a page or as a banner for htmx, never with a stack trace.

Two public pages explain the codes that programs read in problem documents.
"""

import orjson
from flask import Blueprint, g, make_response, render_template, request
from werkzeug.wrappers import Response

from portal.core.config import running
from portal.core.errors import NotFound, PortalError, Unauthenticated
from portal.core.key_shape import shown
from portal.rest import api, problem_codes
from portal.rest.problem_codes import CODES, ProblemCode
from portal.web.access import public, signed_in, to_sign_in
from portal.web.htmx import portal_request

bp = Blueprint("problems", __name__, url_prefix="/problems")


@bp.get("")
@public
def index() -> str:
    """Show all codes of problem documents."""
    return render_template("problems/index.html", codes=CODES.values())


@bp.get("/<code>")
@public
def show(code: str) -> str:
    """Explain one code."""
    if code not in CODES:
        raise NotFound("There is no problem with this code.")
    return render_template("problems/show.html", problem=CODES[code], example=_example(CODES[code]))


def _example(problem: ProblemCode) -> str:
    document = {
        "type": problem_codes.url(running().base_url, problem.code),
        "title": problem.title,
        "status": problem.status,
        "detail": problem.example,
        "code": problem.code,
        "request_id": "req_0123456789ABCDEF0123456789",
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def answer(fault: PortalError) -> Response:
    """Return the page for an error of the domain, or redirect to the sign-in if that is needed."""
    if isinstance(fault, Unauthenticated):
        return to_sign_in()
    _know_the_person()
    if portal_request().is_htmx:
        return _banner(fault)
    return _rendered("errors/page.html", fault)


def _rendered(template: str, fault: PortalError) -> Response:
    text = render_template(
        template, fault=fault, request_id=api.request_id(), path=shown(request.path, 200)
    )
    response = make_response(text, fault.status)
    response.vary.update(["HX-Request", "HX-Request-Type"])
    for name in ("Allow", "Retry-After"):
        if value := fault.headers.get(name):
            response.headers[name] = value
    return response


def _banner(fault: PortalError) -> Response:
    """Return a banner with the error, to show above a page that stays as it was."""
    response = _rendered("errors/_banner.html", fault)
    response.headers["HX-Retarget"] = "#banner"
    response.headers["HX-Reselect"] = "#fault"
    response.headers["HX-Reswap"] = "innerHTML show:top"
    response.headers["HX-Replace-Url"] = response.headers["HX-Push-Url"] = "false"
    return response


def _know_the_person() -> None:
    """Load the signed-in person for the page's frame, if that works.

    A database that is down must not hide the error message.
    """
    try:
        signed_in()
    except Exception:  # noqa: BLE001 - the page must show the first error
        g.signed_in = None
