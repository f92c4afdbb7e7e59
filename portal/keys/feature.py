"""API keys and all that verifies them, as the portal wires them."""

from flask import Flask

from portal import notices, overview
from portal.applications.pages import show_on_application
from portal.feature import Feature
from portal.keys import callers, console, elsewhere, engine, gate, oauth, owners, scanning
from portal.keys.resource import resource
from portal.keys.signing import SigningKeys
from portal.keys.tokens import Tokens
from portal.records import watch


def init_app(app: Flask) -> None:
    """Give the application its engine, what verifies keys and tokens, and the pages."""
    config = app.extensions["portal"]
    made = engine.init_app(app, config.database_url, config.verify_stale)
    gate.init_app(app)
    tokens = Tokens(config.base_url, config.api_audience, SigningKeys(config.secret_key), made)
    oauth.init_app(app, made, tokens, callers.init_app(app, config, tokens))
    scanning.init_app(app, config)
    app.register_blueprint(console.bp)
    overview.tell(app, elsewhere.tell)
    notices.tell(app, elsewhere.notices)
    show_on_application(app, elsewhere.part)
    watch(owners.follow)


feature = Feature(init_app, resources=(resource,))
