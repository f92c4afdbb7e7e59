"""No cache between requests grows with the length of the texts in them."""

import gc
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from portal.front import wsgi
from portal.front.application import Front
from portal.outbound.networks import networks, parse
from portal.web.drawing import cells
from portal.web.drawing.template_functions import highlight, with_args
from portal.web.proxies import client_of, nearest_entries
from tests.cast import ADA, Api, Pages
from tests.explorer.conftest import PARTIAL, page_of

LONG, TIMES = 100_000, 30  # longer than the buffers in which threads wait for a socket
PROXIES = networks(["10.0.0.0/8"])


def kept_texts(once: Callable[[str], Any], times: int = TIMES) -> int:
    """Count the blocks as long as a text that are still there after different long texts.

    Other threads of the process may hold a large buffer at the same time, so the sum of all
    bytes says nothing.
    """
    once(f"{'a' * LONG}first")
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(times):
            once(f"{'a' * LONG}{number}")
        gc.collect()
        return sum(trace.size >= LONG for trace in tracemalloc.take_snapshot().traces)
    finally:
        tracemalloc.stop()


def read_header(name: str) -> None:
    """Read the head of a request that has a header with this name."""
    headers = SimpleNamespace(items=lambda: [(name, "")], get=lambda _: None)
    scope = SimpleNamespace(
        client="192.0.2.1:5",
        server="127.0.0.1:8000",
        method="GET",
        path="/",
        query_string="",
        scheme="http",
        http_version="1.1",
        headers=headers,
    )
    assert f"HTTP_{name.upper()}" in wsgi.environment(scope, b"")


DOORS: dict[str, Callable[[str], Any]] = {
    "code to highlight": lambda text: highlight(text, "json"),
    "code without a language": highlight,
    "the name of a header": read_header,
    "an internet address": parse,
    "a choice": lambda text: cells.options([("a", "A"), ("b", "B")], text),
}


@pytest.mark.parametrize("once", DOORS.values(), ids=DOORS)
def test_long_texts_are_not_kept(once: Callable[[str], Any]) -> None:
    assert kept_texts(once) < TIMES / 10


def test_a_long_list_of_proxies_is_not_kept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    config = app.extensions["portal"].model_copy(update={"trusted_proxies": PROXIES})
    monkeypatch.setitem(app.extensions, "portal", config)
    front = Front(app)

    def find_line(text: str) -> None:
        headers = SimpleNamespace(get=lambda _: None, get_all=lambda _: [f"{text}, 203.0.113.5"])
        scope = SimpleNamespace(client="10.0.0.1:5", headers=headers)
        assert front._line(scope).source == "203.0.113.5"

    assert kept_texts(find_line) < TIMES / 10


def test_the_arguments_of_a_long_address_are_not_kept(app: Flask) -> None:
    def draw(text: str) -> None:
        with app.test_request_context("/", query_string={"q": text}):
            assert text in with_args(sort="name")

    assert kept_texts(draw) < TIMES / 10


def test_the_code_of_a_draft_is_not_kept(browse: Callable[[str], Pages]) -> None:
    person, times = browse(ADA), 4

    def draft(text: str) -> None:
        typed = {"path.id": "whk_1", "body.name": text}
        answer = person.post(f"{page_of('webhooks.update')}/draft", typed, headers=PARTIAL)
        assert text in answer.text

    assert kept_texts(draft, times) < times


def test_a_refused_event_type_of_the_lab_is_not_kept(
    ada: Api, browse: Callable[[str], Pages]
) -> None:
    webhook = ada.create("webhooks", url="https://example.com/", event_types=["*"])
    person, times = browse(ADA), 4

    def send(text: str) -> None:
        typed = {"event_type": text, "data": "{}", "failure": "503", "times": "1"}
        assert person.post(f"/webhooks/{webhook['id']}/lab", typed).status_code == 422

    assert kept_texts(send, times) < times


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("10.0.0.9," * 9000 + "203.0.113.5", "203.0.113.5"),
        (f"203.0.113.5, {'x' * LONG}", "10.0.0.1"),
        (f"203.0.113.5,{' ' * LONG}10.0.0.2", "203.0.113.5"),
        (f"203.0.113.5,{' ' * LONG},", "203.0.113.5"),
        (f"{'x' * LONG},203.0.113.5", "203.0.113.5"),
        ("", "10.0.0.1"),
    ],
)
def test_of_a_long_list_of_proxies_only_what_is_read_is_kept(header: str, client: str) -> None:
    assert len(nearest_entries(header)) < 3000
    assert client_of("10.0.0.1", nearest_entries(header), PROXIES) == client
    assert client_of("10.0.0.1", header, PROXIES) == client
