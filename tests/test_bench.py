"""Test the load generator of the bench."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.bench.__main__ import Generator
from tests.bench.load import Ask


class Answer(BaseHTTPRequestHandler):
    """Answer with the status that is the path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *about: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def generator() -> Iterator[Generator]:
    made = Generator()
    yield made
    made.stop()


def test_requests_that_are_refused_are_not_measured(port: int, generator: Generator) -> None:
    asks = [Ask(port, f"/{status}") for status in (200, 204, 429)]
    found = generator.run("turns", *asks[:2], rounds=3, seconds=60)
    assert [len(times) for times in found["times_ms"]] == [3, 3]
    with pytest.raises(SystemExit, match=r"2 of 6 were refused:\nHTTP/1.1 429"):
        generator.run("turns", *asks, rounds=2, seconds=60)
