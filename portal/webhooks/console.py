"""Wires the pages that an admin lives in while something is wrong: deliveries, endpoints."""

from flask import Flask

from portal.webhooks import delivery_pages, endpoint_pages, lab_pages, panels


def init_app(app: Flask) -> None:
    """Register the pages and the templates' words."""
    app.register_blueprint(delivery_pages.bp)
    app.register_blueprint(delivery_pages.of_webhook)
    app.register_blueprint(endpoint_pages.bp)
    app.register_blueprint(lab_pages.bp)
    app.jinja_env.globals.update(state_text=panels.state_text)
