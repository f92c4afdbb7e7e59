"""Describe the OAuth endpoints for the OpenAPI document, which adds their recorded examples."""

from collections.abc import Mapping
from typing import Any

from portal.rest.api import RESOURCE_METADATA
from portal.rest.openapi import PREFIX

ERROR: Mapping[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string", "description": "Name of the error (RFC 6749, 5.2)."},
        "error_description": {"type": "string", "description": "A sentence for people."},
    },
}


def _refused(description: str, error: str, **headers: str) -> dict[str, Any]:
    said = {name: {"description": text, "schema": {"type": "string"}}
            for name, text in headers.items()}  # fmt: skip
    content = {"application/json": {"schema": ERROR, "example": {"error": error}}}
    return {"description": description, "headers": said, "content": content}


def _form(**fields: str) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": text} for name, text in fields.items()}
    required = [next(iter(fields))]
    schema = {"type": "object", "required": required, "properties": properties}
    content = {"application/x-www-form-urlencoded": {"schema": schema}}
    return {"required": True, "content": content}


def _answer(description: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": [next(iter(properties))], "properties": properties}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


BUSY = _refused(
    "Too many requests.", "rate_limited", **{"Retry-After": "Seconds to wait before a retry."}
)
AWAY = _refused("The database does not answer.", "temporarily_unavailable")
TOKEN = {
    "operationId": "oauth.token",
    "summary": "Exchange an API key for a short-lived token",
    "description": "Return an access token with the rights of an API key, or with some of them"
    " (RFC 6749, 4.4). Send the key as the client's secret, in the form or by HTTP Basic. The id"
    " may be the key's id, its application's id, or empty.",
    "tags": ["oauth"],
    "security": [],
    "requestBody": _form(
        grant_type="Always `client_credentials`.",
        client_id="Id of the key or of its application; it may be left out.",
        client_secret="The API key, unless it is sent by HTTP Basic.",  # noqa: S106 - a description
        scope="Scopes of the key, separated by spaces; all of them when left out.",
    ),
    "responses": {
        "200": _answer(
            "A token.",
            access_token=_text("The token: send it as `Authorization: Bearer …`."),
            token_type=_text("Always `Bearer`."),
            expires_in={"type": "integer", "description": "Seconds until it ends."},
            scope=_text("Its scopes, separated by spaces."),
        ),
        "400": _refused(
            "The grant or the scope is not known, or the request is incomplete or repeats a field.",
            "unsupported_grant_type",
        ),
        "401": _refused(
            "The key is unknown or does not work now.",
            "invalid_client",
            **{"WWW-Authenticate": "The way to authenticate."},
        ),
        "429": BUSY,
        "503": AWAY,
    },
}
INTROSPECT = {
    "operationId": "oauth.introspect",
    "summary": "Describe a key or a token",
    "description": "Return whether a key or a token of this portal is valid, and what it may do"
    " (RFC 7662). The caller needs the scope `keys:verify`. Another tenant's key is not active."
    " An answer counts as a use of the key, or as a refusal, and takes nothing from its limits.",
    "tags": ["oauth"],
    "security": [{"bearer": []}, {"oauth2": ["keys:verify"]}, {"openid": []}],
    "requestBody": _form(token="The key or the token."),  # noqa: S106 - a description
    "responses": {
        "200": _answer(
            "The description; `active` alone if it is not valid.",
            active={
                "type": "boolean",
                "description": "True if it can be used now: it is valid, and neither its uses nor"
                " its budget are used up. The limits of a minute do not count.",
            },
            token_type=_text("`api_key`, or `Bearer` for a token."),
            scope=_text("Its scopes, separated by spaces."),
            client_id=_text(
                "Of a key, its application, or the key itself if it has none; of a token, the key."
            ),
            sub=_text("Id of the key."),
            jti=_text("Id of the key, or of the token."),
            iss=_text("Issuer: the portal."),
            tenant_id=_text("Id of the tenant."),
            exp={"type": "integer", "description": "Time of its end, in seconds since 1970."},
        ),
        "400": _refused("The token is missing or repeated.", "invalid_request"),
        "401": _refused(
            "The caller's credential is missing or not valid.",
            "invalid_token",
            **{"WWW-Authenticate": "The way to authenticate."},
        ),
        "403": _refused("The caller may not introspect.", "insufficient_scope"),
        "429": BUSY,
        "503": AWAY,
    },
}
JWKS = {
    "operationId": "oauth.jwks",
    "summary": "Get the public keys of the portal's tokens",
    "description": "Return the keys to verify tokens of `/oauth/token` with, as a JWK set"
    " (RFC 7517). Keep them for as long as `Cache-Control` says.",
    "tags": ["oauth"],
    "security": [],
    "responses": {
        "200": _answer(
            "The keys.",
            keys={
                "type": "array",
                "description": "Public keys, the newest first.",
                "items": {"type": "object", "description": "One JWK."},
            },
        ),
        "4XX": _refused("The request cannot be answered.", "invalid_request"),
        "503": AWAY,
    },
}


def _texts(description: str) -> dict[str, Any]:
    return {"type": "array", "description": description, "items": {"type": "string"}}


def _metadata(
    operation_id: str, summary: str, description: str, **properties: Any
) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": description,
        "tags": ["oauth"],
        "security": [],
        "responses": {
            "200": _answer("The metadata.", **properties),
            "4XX": _refused("The request cannot be answered.", "invalid_request"),
            "503": AWAY,
        },
    }


SERVER = _metadata(
    "oauth.authorizationServer",
    "Get the metadata of the portal's authorization server",
    "Return the addresses and methods by which a program gets a token for an API key (RFC 8414).",
    issuer=_text("Issuer of the tokens."),
    token_endpoint=_text("Address that gives tokens."),
    token_endpoint_auth_methods_supported=_texts("Ways to send the client's secret."),
    introspection_endpoint=_text("Address that tells what a token or key may do."),
    introspection_endpoint_auth_methods_supported=_texts("Ways to sign in there."),
    jwks_uri=_text("Address of the keys that verify the tokens."),
    grant_types_supported=_texts("Grants that give a token."),
    response_types_supported=_texts("None: no browser signs in here."),
    scopes_supported=_texts("Scopes that a token may have."),
)
IN_RESOURCES = {
    "resource_name": _text("Name for people."),
    "authorization_servers": _texts("Issuers of the tokens that are accepted."),
    "bearer_methods_supported": _texts("Ways to send a token."),
    "scopes_supported": _texts("Scopes that a token may have."),
}
RESOURCE = _metadata(
    "oauth.protectedResource",
    "Get the metadata of REST as a protected resource",
    "Return the servers whose tokens REST accepts, and its scopes (RFC 9728).",
    resource=_text("Address of REST."),
    **IN_RESOURCES,
)
PORTAL = _metadata(
    "oauth.protectedPortal",
    "Get the metadata of the portal as a protected resource",
    "Return the servers whose tokens the portal accepts, and its scopes (RFC 9728).",
    resource=_text("Address of the portal."),
    **IN_RESOURCES,
)
PATHS: Mapping[str, Mapping[str, Any]] = {
    "/.well-known/oauth-authorization-server": {"get": SERVER},
    RESOURCE_METADATA: {"get": PORTAL},
    RESOURCE_METADATA + PREFIX: {"get": RESOURCE},
    "/oauth/token": {"post": TOKEN},
    "/oauth/introspect": {"post": INTROSPECT},
    "/.well-known/jwks.json": {"get": JWKS},
}
