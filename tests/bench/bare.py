"""The reference for deliveries: a bare aiohttp client that posts as fast as it can."""

import asyncio
import sys
import time

import aiohttp
import uvloop

CONNECTIONS = 64


async def main(url: str, body: bytes, seconds: float) -> None:
    count, end = 0, time.monotonic() + seconds

    async def post(session: aiohttp.ClientSession) -> None:
        nonlocal count
        while time.monotonic() < end:
            async with session.post(url, data=body, headers={"x": "y"}) as response:
                await response.read()
                count += 1

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    began = time.monotonic()
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(post(session) for _ in range(CONNECTIONS)))
    print(count / (time.monotonic() - began))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], b"x" * 1024, float(sys.argv[2])))
