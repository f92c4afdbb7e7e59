"""The wiring of saved views."""

from portal.rest.feature import Feature
from portal.saved_views import pages
from portal.saved_views.resource import OPERATIONS

feature = Feature(pages.init_app, operations=OPERATIONS)
