"""The audit, as the portal wires it."""

from flask import Flask

from portal.audit import pages
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Register the page of the log; a record's history is part of each resource."""
    app.register_blueprint(pages.bp)


feature = Feature(init_app)
