"""The credentials that REST accepts: API keys, tokens made from them, and tokens of the
provider.

`portal.explorer.sending` adds its own, for calls inside the process.
"""

from typing import cast

from flask import Flask

from portal.applications.token_actors import authenticator
from portal.core.config import Config
from portal.identity.openid import issuer
from portal.identity.openid.access_tokens import TokenVerifier
from portal.keys.tokens.own_tokens import Tokens
from portal.keys.verification import own_rest
from portal.rest.api import Authenticator


def init_app(app: Flask, config: Config, tokens: Tokens) -> list[Authenticator]:
    """Return the functions that authenticate a program, in the order in which they are tried."""
    verifier = TokenVerifier(
        issuer.of(app),
        config.api_audience,
        config.oidc_tenant_claim,
        config.oidc_roles_claim,
        config.oidc_program_claim,
        config.oidc_groups_claim,
    )
    known: list[Authenticator] = [
        own_rest.authenticate_key,
        tokens.authenticate,
        authenticator(verifier, config.oidc_role_map),
    ]
    app.extensions["portal.callers"] = known
    return known


def known_to(app: Flask) -> list[Authenticator]:
    """Return the authenticators of this application."""
    return cast("list[Authenticator]", app.extensions["portal.callers"])
