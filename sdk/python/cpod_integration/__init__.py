"""The cPod integration API: applications, connectors, API keys and webhooks.

    from cpod_integration import Client

    with Client(base_url="https://portal.example.com", token="…") as client:
        for application in client.integration.applications.list():
            print(application["display_name"])

Read in this order: `client`, `core` (requests, retries, answers), `conversation` and `transport`
(bytes), `webhooks`. `generated` and `types` are made from the portal's operations.
"""

from typing import TYPE_CHECKING, Any

from cpod_integration import webhooks
from cpod_integration.client import Client, Pages
from cpod_integration.errors import (
    ApiError,
    BadRequest,
    Conflict,
    CpodError,
    DeadlineExceeded,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    RateLimited,
    TransportError,
    Unauthenticated,
    Unavailable,
)
from cpod_integration.records import Page, Record
from cpod_integration.secret import Secret
from cpod_integration.webhooks import VerificationError

if TYPE_CHECKING:
    from cpod_integration.async_client import AsyncClient, AsyncPages

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncPages",
    "BadRequest",
    "Client",
    "Conflict",
    "CpodError",
    "DeadlineExceeded",
    "Forbidden",
    "Invalid",
    "NotFound",
    "Page",
    "Pages",
    "PreconditionFailed",
    "RateLimited",
    "Record",
    "Secret",
    "TransportError",
    "Unauthenticated",
    "Unavailable",
    "VerificationError",
    "webhooks",
]


def __getattr__(name: str) -> Any:
    """Load the asynchronous client when it is asked for: asyncio doubles the time of an import."""
    if name in ("AsyncClient", "AsyncPages"):
        from cpod_integration import async_client

        return getattr(async_client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
