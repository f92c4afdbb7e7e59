"""Applications, as the portal wires them."""

from flask import Flask

from portal import overview
from portal.applications import pages
from portal.applications.resource import resource
from portal.feature import Feature


def init_app(app: Flask) -> None:
    """Register the pages, and what the overview says of applications."""
    app.register_blueprint(pages.bp)
    overview.tell(app, pages.tell)


feature = Feature(init_app, resources=(resource,))
