"""Webhooks, their deliveries and what comes in, as the portal wires them."""

from flask import Flask

from portal.events.listeners import listen
from portal.feature import Feature
from portal.records import watch
from portal.webhooks import console, owners, pages
from portal.webhooks.delivery_resource import OPERATIONS as DELIVERIES
from portal.webhooks.inbound import door
from portal.webhooks.inbound import pages as inbound_pages
from portal.webhooks.inbound.resource import OPERATIONS as INBOUND
from portal.webhooks.matching import Deliveries
from portal.webhooks.resource import resource


def init_app(app: Flask) -> None:
    """Register the pages and the door for what comes in; published events become deliveries."""
    for part in (pages, door, console, inbound_pages):
        part.init_app(app)
    listen(app, Deliveries())
    watch(owners.follow)


feature = Feature(init_app, resources=(resource,), operations=(*DELIVERIES, *INBOUND))
