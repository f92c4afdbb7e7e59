"""Test that a connection hears of notifications when they come, and loses none."""

import asyncio

from portal.core.config import libpq_url
from portal.fast import pipeline
from tests.databases import Database

LONG = 60.0


def test_what_is_told_is_heard_at_once_whenever_it_comes(database: Database) -> None:
    async def heard() -> list[list[str]]:
        url = libpq_url(database.app_url)
        listener = await pipeline.connect(url, "listener")
        teller = await pipeline.connect(url, "teller")
        async with listener, teller:
            await listener.execute("LISTEN news")

            async def tell(*news: str) -> None:
                for one in news:
                    await teller.execute("SELECT pg_notify('news', %s)", (one,))

            async def hear(seconds: float) -> list[str]:
                return [notice.payload for notice in await pipeline.hear(listener, seconds)]

            found = [await hear(0.01)]
            await tell("before")
            found.append(await hear(LONG))
            await tell("during a statement", "and after it")
            await listener.execute("SELECT pg_sleep(0.01)")
            found.append(await hear(LONG))
            waiting = asyncio.create_task(hear(LONG))
            await asyncio.sleep(0.05)
            await tell("while it waits")
            found.append(await waiting)
            await listener.execute("SELECT 1")  # it can still be used for statements
            return found

    assert asyncio.run(asyncio.wait_for(heard(), 20)) == [
        [],
        ["before"],
        ["during a statement", "and after it"],
        ["while it waits"],
    ]
