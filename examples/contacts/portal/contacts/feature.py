"""The wiring of contacts."""

from flask import Flask

from portal.contacts import pages
from portal.contacts.resource import resource
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Register the pages."""
    app.register_blueprint(pages.bp)


feature = Feature(init_app, resources=(resource,))
