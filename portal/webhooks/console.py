"""Wires the pages that an admin lives in while something is wrong: deliveries, endpoints."""

from flask import Flask

from portal.delivery.health import pages as endpoint_pages
from portal.delivery.log import pages as delivery_pages
from portal.lab import pages as lab_pages
from portal.webhooks import attempt_view


def init_app(app: Flask) -> None:
    """Register the pages and the templates' words."""
    app.register_blueprint(delivery_pages.bp)
    app.register_blueprint(delivery_pages.of_webhook)
    app.register_blueprint(endpoint_pages.bp)
    app.register_blueprint(lab_pages.bp)
    app.jinja_env.globals.update(state_text=attempt_view.state_text)
