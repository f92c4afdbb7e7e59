"""The feature `connections`: checks of connectors in REST, on their pages, and after each save."""

from flask import Flask

from portal.applications import health as application_health
from portal.connections import saves
from portal.connections.health import judgement, pages
from portal.connections.resource import OPERATIONS
from portal.connectors.models import Connector
from portal.records import health as record_health
from portal.records import verbs
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Register the pages, and plan a check whenever a connector is saved."""
    verbs.watch(saves.plan)
    record_health.judge(Connector, judgement.JUDGE)
    application_health.add_source(judgement.SOURCE)
    pages.init_app(app)


feature = Feature(init_app, operations=OPERATIONS)
