"""The reference for leases: a bare aiohttp client that asks for tokens as fast as it can."""

import asyncio
import sys
import time

import aiohttp
import uvloop

CONNECTIONS = 64


async def main(url: str, many: int) -> None:
    numbers = iter(range(many))

    async def ask(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            form = {
                "grant_type": "client_credentials",
                "client_id": f"cnn_{number:026}",
                "client_secret": "a secret of the bench",
            }
            async with session.post(url, data=form) as response:
                assert (await response.json())["access_token"]

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        began = time.monotonic()
        await asyncio.gather(*(ask(session) for _ in range(CONNECTIONS)))
        print(many / (time.monotonic() - began))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
