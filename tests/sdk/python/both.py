"""Call the API with one client or the other, in the same words."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from cpod_integration import AsyncClient, Client

Kind = Literal["sync", "async"]
KINDS: tuple[Kind, ...] = ("sync", "async")
TOKEN = "sk-test-of-the-token-that-nobody-may-see"
Work = Callable[[Any], Any]


def call(kind: Kind, address: str, work: Work, **options: Any) -> Any:
    """Return the result of `work(client.integration)`: a record, or all items of a list."""
    options = {"token": TOKEN, "read_timeout": 20.0, **options}
    if kind == "sync":
        with Client(base_url=address, **options) as client:
            found = work(client.integration)
            return list(found) if hasattr(found, "first_page") else found
    return asyncio.run(_awaited(address, work, options))


async def _awaited(address: str, work: Work, options: dict[str, Any]) -> Any:
    async with AsyncClient(base_url=address, **options) as client:
        found = work(client.integration)
        if hasattr(found, "first_page"):
            return [item async for item in found]
        return await found
