"""Describe how callers authenticate, and the scopes that each operation needs."""

from collections.abc import Iterable, Mapping
from typing import Any

from portal.rest.document import words
from portal.rest.openapi import Operation


def schemes(
    operations: Iterable[Operation], opened: Mapping[str, str], base_url: str, openid: str
) -> dict[str, Any]:
    """Return the security schemes. `opened` has the words for what scopes open, `openid` is the
    address of the provider's configuration."""
    named = sorted({scope for operation in operations for scope in operation.scopes})
    scopes = {scope: words.of_scope(scope, opened) for scope in named}
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token of the identity provider, or an API key.",
        },
        "oauth2": {
            "type": "oauth2",
            "description": "A short-lived token in exchange for an API key.",
            "flows": {
                "clientCredentials": {"tokenUrl": f"{base_url}/oauth/token", "scopes": scopes}
            },
        },
        "openid": {
            "type": "openIdConnect",
            "description": "A person's access token of the identity provider.",
            "openIdConnectUrl": openid,
        },
    }


def needed(operation: Operation) -> list[dict[str, list[str]]]:
    """Return the ways to call an operation: one of them is enough."""
    return [{"bearer": []}, {"oauth2": list(operation.scopes)}, {"openid": []}]
