"""The wiring of applications."""

from flask import Flask

from portal.applications import pages
from portal.applications.resource import resource
from portal.rest.feature import Feature
from portal.web import overview


def init_app(app: Flask) -> None:
    """Register the pages and the first step for the overview."""
    app.register_blueprint(pages.bp)
    overview.tell(app, pages.tell)


feature = Feature(init_app, resources=(resource,))
