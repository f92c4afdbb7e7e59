"""Signing in, people and their sessions, as the portal wires them."""

from flask import Flask

from portal.identity import pages
from portal.identity.openid import issuer
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Know the provider, and let people sign in through it."""
    config = app.extensions["portal"]
    pages.init_app(app, config, issuer.init_app(app, config.oidc_issuer))


feature = Feature(init_app)
