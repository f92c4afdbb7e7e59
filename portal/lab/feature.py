"""The feature `lab`: its pages, its REST operations, and the test panel of a webhook."""

from flask import Flask

from portal.lab import pages, test_pages
from portal.lab.resource import OPERATIONS
from portal.rest.feature import Feature
from portal.webhooks.pages import add_panel


def init_app(app: Flask) -> None:
    """Register the pages, and the test panel on a webhook's page."""
    app.register_blueprint(pages.bp)
    app.register_blueprint(test_pages.bp)
    add_panel(app, test_pages.panel)


feature = Feature(init_app, operations=OPERATIONS)
