"""Webhooks, their deliveries and what comes in, as the portal wires them."""

from flask import Flask

from portal.delivery.queue.matching import Deliveries
from portal.delivery.resource import OPERATIONS as DELIVERIES
from portal.events.listeners import listen
from portal.inbound import endpoint
from portal.inbound import pages as inbound_pages
from portal.inbound.resource import OPERATIONS as INBOUND
from portal.records.verbs import watch
from portal.rest.feature import Feature
from portal.webhooks import application_status, console, pages
from portal.webhooks.resource import resource


def init_app(app: Flask) -> None:
    """Register the pages and the door for what comes in; published events become deliveries."""
    for part in (pages, endpoint, console, inbound_pages):
        part.init_app(app)
    listen(app, Deliveries())
    watch(application_status.follow)


feature = Feature(init_app, resources=(resource,), operations=(*DELIVERIES, *INBOUND))
