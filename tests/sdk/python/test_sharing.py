"""Many calls share a client, and each gets its own answer."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cpod_integration import AsyncClient, Client

from tests.sdk.python.both import KINDS, TOKEN, call
from tests.sdk.python.failing import RECORD, failing, reply, works

CALLS = 60


def echoes(server: Any, connection: socket.socket, received: Any) -> bool:
    """Answer with the id that was asked for."""
    server.read(connection, received)
    reply(connection, 200, {"id": received.target.rpartition("/")[2]})
    return True


def test_threads_share_a_client():
    ids = [f"app_{number}" for number in range(CALLS)]
    with failing(*[echoes] * CALLS) as server:
        client = Client(base_url=server.address, token=TOKEN)
        with client, ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda id: client.integration.applications.get(id)["id"], ids))
    assert found == ids


def test_tasks_share_a_client():
    async def all_of_them(address: str) -> list[str]:
        async with AsyncClient(base_url=address, token=TOKEN) as client:
            asked = [client.integration.applications.get(id) for id in ids]
            return [each["id"] for each in await asyncio.gather(*asked)]

    ids = [f"app_{number}" for number in range(CALLS)]
    with failing(*[echoes] * CALLS) as server:
        assert asyncio.run(all_of_them(server.address)) == ids


def test_a_call_that_was_cancelled_leaves_no_answer_to_the_next_one():
    waiting = asyncio.Event()

    def late(server: Any, connection: socket.socket, received: Any) -> bool:
        server.read(connection, received)
        loop.call_soon_threadsafe(waiting.set)
        reply(connection, 200, {"id": "of the one before"})
        return True

    async def twice(address: str) -> Any:
        nonlocal loop
        loop = asyncio.get_running_loop()
        async with AsyncClient(base_url=address, token=TOKEN) as client:
            first = asyncio.create_task(client.integration.applications.get("app_0"))
            await waiting.wait()
            first.cancel()
            return await client.integration.applications.get("app_1")

    loop: Any = None
    with failing(late, works) as server:
        assert asyncio.run(twice(server.address)) == RECORD


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_is_reached_by_its_name(kind):
    with failing() as server:
        address = server.address.replace("127.0.0.1", "localhost")
        found = call(kind, address, lambda api: api.applications.get("app_1"), retries=0)
    assert found == RECORD


@pytest.mark.parametrize(
    ("base_url", "target"),
    [("", "/api/v1/integration/webhooks/whk_1"),
     ("/", "/api/v1/integration/webhooks/whk_1"),
     ("/tools/portal/", "/tools/portal/api/v1/integration/webhooks/whk_1"),
     ("/api/v1/integration", "/api/v1/integration/webhooks/whk_1")],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_the_portal_may_lie_below_a_path(kind, base_url, target):
    with failing() as server:
        call(kind, server.address + base_url, lambda api: api.webhooks.get("whk_1"))
    assert server.received[0].target == target


@pytest.mark.parametrize(
    "base_url",
    ["portal.example", "ftp://portal.example", "https://", "https://ada:secret@portal.example",
     "https://portal.example?x=1", "https://portal.example#x", "https://portal.example:port"],
)  # fmt: skip
@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_an_address_that_is_none_is_refused(client, base_url):
    with pytest.raises(ValueError, match=r"base_url|[Pp]ort") as raised:
        client(base_url=base_url, token=TOKEN)
    assert "secret" not in str(raised.value)
