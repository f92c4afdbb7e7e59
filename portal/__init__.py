"""The cPod integration portal: `create_app` wires what the features declare, and nothing else."""

from typing import Any

from flask import Flask

from portal.config import Config


def create_app(config: Config | None = None) -> Flask:
    """The portal's web application, ready to serve."""
    from portal import api, edge, finder, health, logs, overview, secretstore, web
    from portal.applications import callers
    from portal.applications import pages as application_pages
    from portal.applications.resource import resource as applications
    from portal.audit import pages as audit_pages
    from portal.connectors import pages as connector_pages
    from portal.connectors.resource import resource as connectors
    from portal.db import init_database
    from portal.events import lifecycle
    from portal.events import pages as event_pages
    from portal.events.listeners import listen
    from portal.events.resource import OPERATIONS as EVENTS
    from portal.events.types_resource import OPERATIONS as TYPES
    from portal.events.types_resource import resource as event_types
    from portal.identity import pages as identity
    from portal.identity.issuer import Issuer
    from portal.identity.tokens import TokenVerifier
    from portal.keys import console as key_console
    from portal.keys import engine as key_engine
    from portal.keys import fastpath, gate, oauth, scanning
    from portal.keys import pages as key_pages
    from portal.keys.resource import resource as keys
    from portal.keys.tokens import Tokens
    from portal.records import watch
    from portal.resources import Resource
    from portal.webhooks import console as webhook_console
    from portal.webhooks import pages as webhook_pages
    from portal.webhooks.delivery_resource import OPERATIONS as DELIVERIES
    from portal.webhooks.inbound import door
    from portal.webhooks.inbound import pages as inbound_pages
    from portal.webhooks.inbound.resource import OPERATIONS as INBOUND
    from portal.webhooks.matching import Deliveries
    from portal.webhooks.resource import resource as webhooks

    config = config or Config.from_environ()
    logs.configure(production=config.is_production)
    app = Flask(__name__, template_folder="../templates", static_folder="../static")
    app.config["SECRET_KEY"] = config.secret_key
    app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
    app.extensions["portal"] = config
    init_database(app, config.database_url)
    edge.init_app(app, config)
    logs.log_requests(app)
    keys_engine = key_engine.init_app(app, config.database_url)
    quick = fastpath.wrap(keys_engine, app.wsgi_app)
    app.wsgi_app = quick  # type: ignore[assignment,method-assign]
    gate.init_app(app)
    web.init_pages(app, config)
    secretstore.configure(config)
    resources: list[Resource[Any, Any]] = [applications, connectors, keys, webhooks]
    operations = [operation for resource in resources for operation in resource.operations()]
    operations += (*event_types.operations(), *TYPES, *EVENTS, *DELIVERIES, *INBOUND)
    issuer = Issuer(config.oidc_issuer)
    verifier = TokenVerifier(
        issuer,
        config.api_audience,
        config.oidc_tenant_claim,
        config.oidc_roles_claim,
    )
    by_token = callers.authenticator(verifier, config.oidc_role_map)
    tokens = Tokens(config.base_url, config.api_audience, config.secret_key, keys_engine)
    known = [gate.authenticate_key, tokens.authenticate, by_token]
    api.init_app(app, operations, known, gate.admit)
    oauth.init_app(app, keys_engine, tokens, known)
    scanning.init_app(app, config)
    identity.init_app(app, config, issuer)
    app.register_blueprint(health.blueprint)
    finder.init_app(app, resources)
    for pages in (overview, application_pages, key_console, audit_pages):
        app.register_blueprint(pages.bp)
    overview.tell(app, application_pages.tell)
    overview.tell(app, key_pages.tell)
    application_pages.show_on_application(app, key_pages.part)
    watch(lifecycle.tell)
    listen(app, Deliveries())
    connector_pages.init_app(app)
    webhook_pages.init_app(app)
    door.init_app(app)
    webhook_console.init_app(app)
    event_pages.init_app(app)
    inbound_pages.init_app(app)
    return app
