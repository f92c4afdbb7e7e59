"""Which requests count for the tenant's quota: those of its people and programs, once it is known.

Signing in and out and the page of the quotas stay reachable. What verifies keys does not count: it
has limits of its own, by key, and is answered from memory.
"""

from flask import Flask

from portal import web
from portal.api import Admission
from portal.db import Actor
from portal.quotas import rates

REQUESTS = "requests_per_second"
VERIFYING = "keys:verify"


def init_app(app: Flask) -> None:
    """Count the requests for pages, after it is known who is signed in."""
    rates.init_app(app)
    app.before_request(_count_page)


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
