"""Set up what every page needs: access control, htmx, security headers, assets, template functions.

`init_pages(app, config)` does it. A feature's view then is short:

    @bp.get("")
    def index() -> ResponseReturnValue:
        page = service.list(actor(), …)
        return render("webhooks/index.html", "webhooks/_table.html", page=page)

A view is for signed-in people unless it is marked `@public`. An exception becomes a page in plain
words (`portal.web.edge`). A response below 400 is committed, any other is rolled back.
"""

from typing import TYPE_CHECKING

from flask import Flask

from portal.core import compression
from portal.fast import template_calls
from portal.web import access, htmx, security_headers
from portal.web.access import (
    SignedIn,
    actor,
    cookieless,
    counted_for,
    here,
    local_path,
    public,
    sign_in_by,
    signed_in,
    uncounted,
)
from portal.web.drawing import (
    assets,
    cells,
    charts,
    faces,
    healths,
    preferences,
    ranges,
    template_functions,
)
from portal.web.drawing.list_pages import ListView, list_view
from portal.web.drawing.template_functions import rail_entry
from portal.web.error_pages import answer as answer_fault
from portal.web.form_retries import already_done, note_done
from portal.web.htmx import PortalRequest, portal_request, render, see_other, toast

if TYPE_CHECKING:
    from portal.core.config import Config

__all__ = [
    "ListView",
    "PortalRequest",
    "SignedIn",
    "actor",
    "already_done",
    "answer_fault",
    "cookieless",
    "counted_for",
    "here",
    "init_pages",
    "list_view",
    "local_path",
    "note_done",
    "portal_request",
    "public",
    "rail_entry",
    "render",
    "see_other",
    "sign_in_by",
    "signed_in",
    "toast",
    "uncounted",
]


def init_pages(app: Flask, config: "Config") -> None:
    """Set up the pages. Call it after `portal.web.edge`, so that an error here has a request id."""
    if "templates" not in config.plain:
        template_calls.init_app(app)
    security_headers.init_app(app, config)
    htmx.init_app(app)
    access.init_app(app, config)
    assets.init_app(app, config)
    template_functions.init_app(app)
    healths.init_app(app)
    faces.init_app(app)
    app.jinja_env.globals["drawn"] = cells
    app.jinja_env.globals["charts"] = charts
    app.jinja_env.globals["ranges"] = ranges
    app.jinja_env.globals["leave_plain"] = compression.leave_plain
    app.register_blueprint(preferences.bp)
