"""The wiring of saved views."""

from portal.rest.feature import Feature
from portal.saved_views import pages
from portal.saved_views.resource import operations


def of_all_lists() -> Feature:
    """Return the feature. Call it when all other features are loaded: each may declare lists."""
    return Feature(pages.init_app, operations=operations())
