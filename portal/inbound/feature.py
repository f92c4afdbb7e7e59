"""The feature `inbound`: its pages, its endpoint, and its REST operations."""

from flask import Flask

from portal.inbound import endpoint, late_secrets, pages
from portal.inbound.resource import OPERATIONS
from portal.records.verbs import watch
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Register the pages and the endpoint that receives requests, and watch webhooks: a new secret
    is hidden in what waits in quarantine."""
    endpoint.init_app(app)
    pages.init_app(app)
    watch(late_secrets.follow)


feature = Feature(init_app, operations=OPERATIONS)
