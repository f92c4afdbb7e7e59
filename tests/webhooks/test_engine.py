"""From the publication to the receiver's "signature verified", through a real engine."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask

from portal.webhooks.engine import Engine
from tests.cast import Api
from tests.webhooks.conftest import Make, Receiver


@contextmanager
def delivering(app: Flask) -> Iterator[Engine]:
    """A running engine, as `portal worker` has one."""
    engine = Engine(app)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def until(seen: Callable[[], Any], seconds: float = 8.0) -> Any:
    """What `seen` gives, as soon as it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def engine(app: Flask) -> Iterator[Engine]:
    with delivering(app) as engine:
        yield engine


def test_a_published_event_arrives_signed(
    engine: Engine, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"))
    receiver.learn("crm", webhook["signing_secret"])
    published = ada.post("/events", {"type": "rfp.created", "data": {"id": "rfp_1"}})
    assert published.status_code == 202, published.text
    [event] = published.json["events"]
    assert event["deliveries"] == 1
    [mail] = until(lambda: receiver.mail("crm"))
    assert mail["verified"], mail
