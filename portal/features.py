"""The features of the portal, in the order in which pages and the OpenAPI document show them."""

from portal.applications.feature import feature as applications
from portal.audit.feature import feature as audit
from portal.connectors.feature import feature as connectors
from portal.delivery.feature import feature as delivery
from portal.events.feature import feature as events
from portal.identity.feature import feature as identity
from portal.inbound.feature import feature as inbound
from portal.keys.feature import feature as keys
from portal.lab.feature import feature as lab
from portal.quotas.feature import feature as quotas
from portal.webhooks.feature import feature as webhooks

FEATURES = (
    identity, applications, keys, connectors, webhooks, delivery, inbound, lab, events, audit,
    quotas,
)  # fmt: skip
