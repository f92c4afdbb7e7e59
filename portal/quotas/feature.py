"""The wiring of quotas: their page, their REST operations, and the requests that count.

Requests of the tenant's people and programs count as soon as the tenant is known. Signing in and
out and the quota page stay available at the limit. Verifying keys does not count: it has its own
limits for each key, and is answered from memory.
"""

from flask import Flask

from portal import web
from portal.database.actor import Actor
from portal.quotas import pages
from portal.quotas.resource import OPERATIONS
from portal.records.quotas import rates, stored_bytes
from portal.rest.api import Admission
from portal.rest.feature import Feature
from portal.rest.findable import Findable, Place

REQUESTS = "requests_per_second"
VERIFYING = "keys:verify"


def init_app(app: Flask) -> None:
    """Count page requests after the person is known, and register the quota page."""
    rates.init_app(app)
    stored_bytes.init_app(app)
    app.before_request(_count_page)
    app.register_blueprint(pages.bp)


def counting(admit: Admission) -> Admission:
    """Return an admission to REST that first counts the request."""

    def admitted(actor: Actor, scope: str, is_dry: bool) -> None:
        if scope != VERIFYING:
            rates.known().take(actor.tenant_id, REQUESTS)
        admit(actor, scope, is_dry)

    return admitted


def _count_page() -> None:
    if tenant_id := web.counted_for():
        rates.known().take(tenant_id, REQUESTS)


FOUND = Findable(
    places=(Place("Quotas", "quotas.index", icon="adjustments", also="limits usage requests"),)
)
feature = Feature(init_app, operations=OPERATIONS, found=FOUND)
