"""The feature `webhooks`: its pages, its REST resource, and its reaction to stopped
applications."""

from flask import Flask

from portal.records.verbs import watch
from portal.rest.feature import Feature
from portal.webhooks import application_status, pages, service
from portal.webhooks.resource import resource


def init_app(app: Flask) -> None:
    """Register the pages, and watch applications: a stopped application stops its webhooks.

    Watch connectors, too: a webhook tells everybody of the connector that it names.
    """
    pages.init_app(app)
    watch(application_status.follow)
    watch(service.keep_connectors_named)


feature = Feature(init_app, resources=(resource,))
