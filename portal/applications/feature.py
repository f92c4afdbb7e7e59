"""The wiring of applications."""

from flask import Flask

from portal.applications import health, pages
from portal.applications.models import Application
from portal.applications.resource import resource
from portal.overview.parts import add_source
from portal.records import health as record_health
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Register the pages and the first step for the overview."""
    record_health.judge(Application, health.JUDGE)
    app.register_blueprint(pages.bp)
    add_source(app, pages.OVERVIEW)


feature = Feature(init_app, resources=(resource,))
