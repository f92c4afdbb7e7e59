"""The feature `inbound`: its pages, its endpoint, and its REST operations."""

from flask import Flask

from portal.inbound import endpoint, pages
from portal.inbound.resource import OPERATIONS
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Register the pages and the endpoint that receives requests."""
    endpoint.init_app(app)
    pages.init_app(app)


feature = Feature(init_app, operations=OPERATIONS)
