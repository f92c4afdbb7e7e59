"""Test that each confirmed request is stored once, whatever crashes and however often it is
sent."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from tests import ROOT
from tests.cast import Api
from tests.delivery.test_console import deliveries
from tests.identity.serving import served
from tests.inbound.crashing_door import STEPS
from tests.inbound.test_inbound import events, github, knock, received
from tests.inbound.test_inbound import make as make_inbound
from tests.thorough import some
from tests.webhooks.conftest import Make

BODY = b'{"ref": "refs/heads/main"}'
AT_ONCE = 8


@pytest.fixture
def environment(_settings: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **_settings}


@contextmanager
def doomed(step: str, environment: dict[str, str]) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start a portal that dies at a step; yield its process and its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.inbound.crashing_door", step],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ports = (line.strip() for line in process.stdout if line.strip().isdigit())
        yield process, f"http://127.0.0.1:{next(ports)}"
    finally:
        process.kill()
        process.communicate()


def there(ada: Api, webhook: dict[str, Any], subscriber: dict[str, Any]) -> tuple[int, int, int]:
    """Return the number of stored requests, of published events, and of deliveries."""
    pushes = [event for event in events(ada) if event["type"] == "github.push"]
    return len(received(ada, webhook)), len(pushes), len(deliveries(ada, subscriber))


@pytest.mark.proof
@pytest.mark.parametrize("step", some(STEPS, 2))
def test_a_portal_killed_at_any_step_loses_nothing_and_doubles_nothing(
    step: str, ada: Api, client: FlaskClient, make: Make, environment: dict[str, str]
) -> None:
    webhook = make_inbound(ada)
    subscriber = make("https://hooks.example/in", event_types=["github.*"])
    path = urlsplit(webhook["inbound_url"]).path
    with doomed(step, environment) as (process, address):
        with pytest.raises(requests.ConnectionError):
            requests.post(address + path, BODY, headers=github(BODY), timeout=20)
        assert process.wait(20) == -9
    whole = step == "committed"
    assert there(ada, webhook, subscriber) == ((1, 1, 1) if whole else (0, 0, 0)), "all or nothing"
    again = knock(client, webhook["inbound_url"], BODY, github(BODY))
    assert (again.status_code, (again.json or {})["duplicate"]) == (200, whole)
    assert there(ada, webhook, subscriber) == (1, 1, 1)


def test_the_same_delivery_at_once_from_many_connections_is_published_once(
    app: Flask, ada: Api, make: Make
) -> None:
    webhook = make_inbound(ada)
    subscriber = make("https://hooks.example/in", event_types=["github.*"])
    with served(lambda _: app) as address:
        url = address + urlsplit(webhook["inbound_url"]).path

        def send(_: int) -> dict[str, Any]:
            answer = requests.post(url, BODY, headers=github(BODY), timeout=20)
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        with ThreadPoolExecutor(AT_ONCE) as threads:
            answers = list(threads.map(send, range(3 * AT_ONCE)))
    assert sorted(one["duplicate"] for one in answers) == [False] + [True] * (3 * AT_ONCE - 1)
    assert len({one["event_id"] for one in answers}) == 1
    assert there(ada, webhook, subscriber) == (1, 1, 1)
    [kept] = received(ada, webhook)
    assert kept["repeats"] == 3 * AT_ONCE - 1
