"""Test what load balancers are told while every process of PostgreSQL is stopped.

Its sockets stay open, and the kernel takes what is sent to them.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.front.application import SLOTS
from portal.ops import embedded_postgres, migrate
from portal.ops.embedded_postgres import EmbeddedPostgres
from tests.bench.servers import free_port, portal_serving
from tests.front.kit import ask, until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc"),
    pytest.mark.timeout(300),
]

SESSION = f"tnt_{'0' * 26}.{'x' * 43}"  # of nobody, but it is looked for


@pytest.fixture
def server(places: Callable[[], Path]) -> Iterator[EmbeddedPostgres]:
    with embedded_postgres.start(places(), throwaway=True) as started:
        migrate.upgrade(started.owner_url)
        yield started


@contextmanager
def frozen(server: EmbeddedPostgres) -> Iterator[None]:
    """Stop all processes of a server for the block."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    os.kill(server.pid, signal.SIGSTOP)  # first: it starts no more
    processes = [server.pid, *map(int, children.read_text().split())]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.fixture
def settings(server: EmbeddedPostgres, _settings: dict[str, str]) -> dict[str, str]:
    """Return the settings of a portal on this server."""
    return _settings | {
        "PORTAL_DATABASE_URL": server.app_url,
        "PORTAL_MIGRATION_DATABASE_URL": server.owner_url,
    }


def test_a_portal_whose_database_is_stopped_is_not_ready_and_is_again_afterwards(
    server: EmbeddedPostgres, settings: dict[str, str]
) -> None:
    port, many = free_port(), 2 * SLOTS  # so that none is free unless those that wait give up
    settings = settings | {"PORTAL_BASE_URL": f"http://127.0.0.1:{port}"}
    cookie = {"Cookie": f"cpod-{port}={SESSION}"}

    def page(_: int = 0) -> int:
        return ask(port, "GET", "/", None, cookie)[0]

    def ready() -> tuple[int, bytes]:
        return ask(port, "GET", "/readyz")

    with portal_serving(settings, port), ThreadPoolExecutor(many) as callers:
        until(lambda: ready() == (200, b"ok\n"))
        assert set(callers.map(page, range(many))) == {303}  # there are connections now
        with frozen(server):
            pages = callers.map(page, range(many))
            until(lambda: ready() == (503, b"the database does not answer\n"))
            assert ask(port, "GET", "/healthz") == (200, b"ok\n")
            assert set(pages) == {503}
        until(lambda: ready() == (200, b"ok\n"))
