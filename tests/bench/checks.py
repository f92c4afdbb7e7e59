"""Compare a check of a connector over HTTP with the same requests of a bare aiohttp client."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import uvloop

from portal.connections.checks.report import Step, Subject
from portal.connections.checks.run import run
from portal.outbound import OutboundClient
from portal.outbound.networks import networks
from portal.providers import PROVIDERS
from tests.bench.figures import Figure, of_rounds
from tests.bench.servers import ROOT

CHECKS = 300
MOST = 3.0


def measure(rounds: int) -> Iterator[Figure]:
    """Measure in turn, both with a new connection for each request."""
    ours, theirs = [], []
    with _sink() as port:
        url = f"http://127.0.0.1:{port}"
        for _ in range(rounds):
            ours.append(uvloop.run(_checks(url)))
            theirs.append(uvloop.run(_bare(url)))
    notes = f"{min(ours):.2f} ms against {min(theirs):.2f} ms"
    title = "a check over HTTP, against a bare client's request"
    yield Figure(title, of_rounds(ours, theirs), MOST, "less", notes=notes)


async def _checks(url: str) -> float:
    """Return the milliseconds of one check."""
    provider = PROVIDERS["http"]
    variant = provider.variant("bearer")
    assert variant
    subject = Subject(provider, variant, {"baseUrl": url}, {"token": "t" * 40})
    async with OutboundClient(networks(["127.0.0.0/8"]), keep_alive=False) as client:
        began = time.perf_counter()
        for _ in range(CHECKS):
            report = await run(subject, client, _untold)
            assert report.outcome == "unproven", report  # the sink greets everybody
        return (time.perf_counter() - began) / CHECKS * 1000


async def _untold(_: Step) -> None:
    pass


async def _bare(url: str) -> float:
    """Return the milliseconds of the same two requests, with the token and without."""
    connector = aiohttp.TCPConnector(force_close=True)
    headers = {"Authorization": "Bearer " + "t" * 40}
    async with aiohttp.ClientSession(connector=connector) as session:
        began = time.perf_counter()
        for _ in range(CHECKS):
            for sent in (headers, None):
                async with session.get(f"{url}/", headers=sent) as response:
                    await response.read()
        return (time.perf_counter() - began) / CHECKS * 1000


@contextmanager
def _sink() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.sink", str(port)], cwd=ROOT)
    try:
        asyncio.run(_until_it_answers(port))
        yield port
    finally:
        process.terminate()
        process.wait()


async def _until_it_answers(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
