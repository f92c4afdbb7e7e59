"""The engine of verification, as it runs in a server."""

from collections.abc import Iterator

import pytest
from flask import Flask

from portal.keys.verification.verifier import KeyVerifier


@pytest.fixture
def engine(app: Flask) -> Iterator[KeyVerifier]:
    """Yield the application's engine with its threads running, as in a server."""
    made: KeyVerifier = app.extensions["keys"]
    made.begin_now()
    assert made.watch
    assert made.watch.listening.wait(10)
    yield made
    made.end()
