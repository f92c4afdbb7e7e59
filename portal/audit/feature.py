"""The wiring of the audit log: its page and its list in REST."""

from flask import Flask

from portal.audit import pages
from portal.audit.resource import OPERATIONS
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Register the page of the audit log. A record's history is part of its own pages."""
    app.register_blueprint(pages.bp)


feature = Feature(init_app, operations=OPERATIONS)
