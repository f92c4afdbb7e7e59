"""The wiring of sign-in, people and their sessions."""

from flask import Flask

from portal.identity import pages
from portal.identity.openid import issuer
from portal.identity.resource import OPERATIONS
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Create the identity provider's client and register the sign-in pages."""
    config = app.extensions["portal"]
    pages.init_app(app, config, issuer.init_app(app, config.oidc_issuer))


feature = Feature(init_app, operations=OPERATIONS)
