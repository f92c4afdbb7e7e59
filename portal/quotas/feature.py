"""Quotas, as the portal wires them: which requests count for the tenant's, their page and REST.

Those of its people and programs count, once the tenant is known. Signing in and out and the page of
the quotas stay reachable. What verifies keys does not count: it has limits of its own, by key, and
is answered from memory.
"""

from flask import Flask

from portal import web
from portal.api import Admission
from portal.db import Actor
from portal.feature import Feature
from portal.quotas import pages, rates, storage
from portal.quotas.resource import OPERATIONS

REQUESTS = "requests_per_second"
VERIFYING = "keys:verify"


def init_app(app: Flask) -> None:
    """Count the requests for pages, after it is known who is signed in; register the page."""
    rates.init_app(app)
    storage.init_app(app)
    app.before_request(_count_page)
    app.register_blueprint(pages.bp)


def counting(admit: Admission) -> Admission:
    """The same admission to REST, which counts first."""

    def admitted(actor: Actor, scope: str) -> None:
        if scope != VERIFYING:
            rates.known().take(actor.tenant_id, REQUESTS)
        admit(actor, scope)

    return admitted


def _count_page() -> None:
    if tenant_id := web.counted_for():
        rates.known().take(tenant_id, REQUESTS)


feature = Feature(init_app, operations=OPERATIONS)
