"""The feature `delivery`: its pages, its REST operations, and its listener for events."""

from flask import Flask

from portal.delivery import overview, partitions, pause_notices
from portal.delivery.health import consequences
from portal.delivery.health import pages as health_pages
from portal.delivery.log import attempt_view
from portal.delivery.log import pages as log_pages
from portal.delivery.queue.matching import Deliveries
from portal.delivery.resource import OPERATIONS
from portal.events.listeners import listen
from portal.overview.parts import add_source
from portal.records import purge
from portal.rest.feature import Feature
from portal.rest.findable import ById, Findable, Place, Source
from portal.web import notices
from portal.webhooks.models import Webhook


def init_app(app: Flask) -> None:
    """Register the pages, the template functions, the notices and the listener for published
    events."""
    for blueprint in (log_pages.bp, log_pages.of_webhook, health_pages.bp):
        app.register_blueprint(blueprint)
    app.jinja_env.globals.update(
        outcome_text=attempt_view.outcome_text,
        outcome_tone=attempt_view.tone_word,
        state_text=attempt_view.state_text,
        webhook_consequences=consequences.of,
    )
    add_source(app, overview.SOURCE)
    notices.add_source(app, pause_notices.notices_since)
    listen(app, Deliveries())
    purge.release(Webhook, partitions.forget_of_webhooks)


FOUND = Findable(
    places=(
        Place("Deliveries", "deliveries.index", "webhooks:read", "send", "sent attempts log"),
    ),
    sources=(Source("Happened", log_pages.find_deliveries, "webhooks:read"),),
    ids={
        "dlv": ById(log_pages.find_delivery, "webhooks:read"),
        "att": ById(log_pages.find_delivery, "webhooks:read"),
    },
)  # fmt: skip

feature = Feature(init_app, operations=OPERATIONS, found=FOUND)
