"""The wiring of connectors."""

from portal.connectors import pages, provider_catalogue
from portal.connectors.resource import resource
from portal.rest.feature import Feature

feature = Feature(pages.init_app, resources=(resource,), operations=provider_catalogue.OPERATIONS)
