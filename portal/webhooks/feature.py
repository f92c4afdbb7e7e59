"""The feature `webhooks`: its pages, its REST resource, and its reaction to stopped
applications."""

from flask import Flask

from portal.applications import health as application_health
from portal.connectors.models import Connector
from portal.records import health as record_health
from portal.records import purge
from portal.records.verbs import watch
from portal.rest.feature import Feature
from portal.webhooks import application_status, health, pages, service
from portal.webhooks.models import Webhook
from portal.webhooks.resource import resource


def init_app(app: Flask) -> None:
    """Register the pages, and watch applications: a stopped application stops its webhooks.

    Watch connectors, too: a webhook tells everybody of the connector that it names. Both lose the
    name of the other when that is purged.
    """
    record_health.judge(Webhook, health.JUDGE)
    application_health.add_source(health.SOURCE)
    pages.init_app(app)
    watch(application_status.follow)
    watch(service.keep_connectors_named)
    watch(service.keep_endpoints_there)
    purge.release(Connector, service.leave_out(Webhook, "connector_id"))
    purge.release(Webhook, service.leave_out(Connector, "webhook_endpoint_id"))


feature = Feature(init_app, resources=(resource,))
