"""The wiring of the audit log: its page and its list in REST."""

from flask import Flask

from portal.audit import pages
from portal.audit.resource import OPERATIONS
from portal.overview.parts import add_source
from portal.rest.feature import Feature
from portal.rest.findable import ById, Findable, Place, Source


def init_app(app: Flask) -> None:
    """Register the page of the audit log. A record's history is part of its own pages."""
    app.register_blueprint(pages.bp)
    add_source(app, pages.OVERVIEW)


FOUND = Findable(
    places=(
        Place("Audit log", "audit.index", "audit:read", "history", "changes history who"),
    ),
    sources=(Source("Happened", pages.find_entries, "audit:read"),),
    ids={
        "req": ById(pages.find_request, "audit:read"),
        "aud": ById(pages.find_entry, "audit:read"),
    },
)  # fmt: skip

feature = Feature(init_app, operations=OPERATIONS, found=FOUND)
