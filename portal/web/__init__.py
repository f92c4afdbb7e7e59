"""The pages' kit: what every page gets without asking for it.

`init_pages(app, config)` wires it. A feature's view then is short:

    @bp.get("")
    def index() -> ResponseReturnValue:
        page = service.list(actor(), …)
        return render("webhooks/index.html", "webhooks/_table.html", page=page)

A view is for signed-in people unless it is marked `@public`. What it raises becomes a page in
human words (`portal.edge`); what it answers below 400 is committed, else rolled back.
"""

from typing import TYPE_CHECKING

from flask import Flask

from portal import compression
from portal.web import assets, charts, drawn, guard, headers, htmx, look, templating, words
from portal.web.faults import answer as answer_fault
from portal.web.guard import (
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
from portal.web.htmx import PortalRequest, portal_request, render, see_other, toast
from portal.web.lists import ListView, list_view
from portal.web.once import already_done, note_done
from portal.web.words import rail_entry

if TYPE_CHECKING:
    from portal.config import Config

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
    """Wire the kit. Call it after `portal.edge`, so that a refusal here has a request id."""
    templating.init_app(app)
    headers.init_app(app, config)
    htmx.init_app(app)
    guard.init_app(app, config)
    assets.init_app(app, config)
    words.init_app(app)
    app.jinja_env.globals["drawn"] = drawn
    app.jinja_env.globals["charts"] = charts
    app.jinja_env.globals["leave_plain"] = compression.leave_plain
    app.register_blueprint(look.bp)
