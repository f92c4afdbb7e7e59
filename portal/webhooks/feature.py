"""Webhooks, as the portal wires them."""

from flask import Flask

from portal.records.verbs import watch
from portal.rest.feature import Feature
from portal.webhooks import application_status, pages
from portal.webhooks.resource import resource


def init_app(app: Flask) -> None:
    """Register the pages; an application that is stopped stops its webhooks."""
    pages.init_app(app)
    watch(application_status.follow)


feature = Feature(init_app, resources=(resource,))
