"""Fixtures: a real receiver on loopback, and webhooks that point to it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from flask import Flask
from portal_devtools.receiver import create_receiver

from portal.delivery.queue import worker_presence
from tests.cast import Api
from tests.databases import Database
from tests.identity.serving import served
from tests.webhooks.kit import Hands

Make = Callable[..., dict[str, Any]]


@dataclass
class Receiver:
    """The demonstration receiver: `hook("crm")` is an address, `mail("crm")` the requests received
    there."""

    address: str

    def hook(self, name: str, query: str = "") -> str:
        return f"{self.address}/hooks/{name}{query}"

    def learn(self, name: str, secret: str) -> None:
        form = {"name": name, "secret": secret}
        assert requests.post(f"{self.address}/secrets", data=form, timeout=30).ok

    def mail(self, name: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.address}/received.json", params={"name": name}, timeout=30)
        return list(answer.json()["received"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with served(lambda _: create_receiver()) as address:
        yield Receiver(address)


@pytest.fixture
def make(ada: Api) -> Make:
    """Return a function that creates a webhook of Acme and returns the response, with the
    secret."""

    def webhook(url: str | None, **body: Any) -> dict[str, Any]:
        given = {"name": "CRM events", "url": url, "event_types": ["rfp.*"], **body}
        return ada.create("webhooks", **given)

    return webhook


@pytest.fixture
def settings(_settings: dict[str, str]) -> dict[str, str]:
    """Return the environment of a worker that runs in a process of its own."""
    return {**os.environ, **_settings}


@dataclass
class Watcher:
    """A receiver that runs code of the test while the portal waits for its response."""

    while_waiting: Callable[[], None] = lambda: None
    calls: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> Flask:
        from flask import request

        app = Flask("watcher")

        @app.post("/")
        def take() -> str:
            self.calls.append({k.lower(): v for k, v in request.headers.items()})
            self.while_waiting()
            return "thanks"

        return app


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def watched(watcher: Watcher) -> Iterator[str]:
    with served(lambda _: watcher.app()) as address:
        yield f"{address}/"


@pytest.fixture
def two(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Hands, Hands]]:
    """Yield two workers as `Hands`, as if both had been present for long."""
    monkeypatch.setattr(worker_presence, "BACK_SECONDS", 0.0)
    with Hands(database) as one, Hands(database) as other:
        yield one, other
