"""Publish how programs sign in, where their libraries look for it.

The authorization server is the portal's own token address (RFC 8414). The protected resource is
REST, which also accepts tokens of the identity provider (RFC 9728).
"""

from typing import Any

from flask import Blueprint, Response

from portal.core.config import running
from portal.identity.openid.claims import ALL_SCOPES
from portal.rest.api import A_FEW_MINUTES, RESOURCE_METADATA, answer
from portal.rest.openapi import PREFIX
from portal.web import cookieless

bp = Blueprint("metadata", __name__)


@bp.get("/.well-known/oauth-authorization-server")
@cookieless
def authorization_server() -> Response:
    """Return what a client needs to get a token for an API key."""
    base_url = running().base_url
    return _open(
        {
            "issuer": base_url,
            "token_endpoint": f"{base_url}/oauth/token",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "introspection_endpoint": f"{base_url}/oauth/introspect",
            "introspection_endpoint_auth_methods_supported": ["Bearer"],
            "jwks_uri": f"{base_url}/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "scopes_supported": sorted(ALL_SCOPES),
        }
    )


@bp.get(RESOURCE_METADATA)
@cookieless
def portal() -> Response:
    """Return who issues tokens for the whole portal."""
    return _open(_resource(running().base_url))


@bp.get(RESOURCE_METADATA + PREFIX)
@cookieless
def rest() -> Response:
    """Return who issues tokens for REST."""
    return _open(_resource(running().base_url + PREFIX))


def _resource(address: str) -> dict[str, Any]:
    return {
        "resource": address,
        "resource_name": "cPod integration",
        "authorization_servers": [running().base_url, running().oidc_issuer],
        "bearer_methods_supported": ["header"],
        "scopes_supported": sorted(ALL_SCOPES),
    }


def _open(document: dict[str, Any]) -> Response:
    return answer(document, headers={"Cache-Control": A_FEW_MINUTES})
