"""The feature `webhooks`: its pages, its REST resource, and its reaction to stopped
applications."""

from flask import Flask

from portal.records.verbs import watch
from portal.rest.feature import Feature
from portal.webhooks import application_status, pages
from portal.webhooks.resource import resource


def init_app(app: Flask) -> None:
    """Register the pages, and watch applications: a stopped application stops its webhooks."""
    pages.init_app(app)
    watch(application_status.follow)


feature = Feature(init_app, resources=(resource,))
