"""Define the gallery for tests of the pages: without a window, and served to a browser."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from portal.identity.sessions.cookies import Cookies
from tests.cast import ADA, Pages
from tests.configs import config_of
from tests.identity import serving
from tests.web.gallery import make_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="package")
def gallery(_settings: dict[str, str]) -> Flask:
    return make_app(config_of(_settings))


@pytest.fixture(scope="package")
def served(gallery: Flask) -> Iterator[str]:
    """Yield the address of the served gallery."""
    with serving.served(lambda _: gallery) as address:
        yield address


class Reader:
    """A page that records what the browser complained about."""

    def __init__(self, page: "Page", address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: Any) -> None:
        # Some of these pages are meant to return a 4xx. Everything else is an error.
        expected = "Failed to load resource: the server responded with a status of"
        if message.type in ("error", "warning") and not message.text.startswith(expected):
            self.complaints.append(message.text)

    def open(self, path: str) -> "Page":
        self.page.goto(self.address + path)
        return self.page


@pytest.fixture
def reader(browser: "Browser", served: str) -> Iterator[Reader]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(30_000)
    yield Reader(context.new_page(), served)
    context.close()


Opens = Callable[..., Reader]


@pytest.fixture
def opens(app: Flask, browse: Callable[..., Pages], browser: "Browser") -> Iterator[Opens]:
    """Return a function that opens a signed-in person's browser, `opens(VIC, width=360)`."""
    contexts = []
    name = Cookies.of(app.extensions["portal"]).session
    with serving.served(lambda _: app) as address:

        def window(who: str = ADA, width: int = 1280, **options: bool) -> Reader:
            context = browser.new_context(viewport={"width": width, "height": 860}, **options)
            context.set_default_timeout(30_000)
            contexts.append(context)
            cookie = browse(who).client.get_cookie(name)
            assert cookie
            host = str(urlsplit(address).hostname)
            context.add_cookies(
                [{"name": name, "value": cookie.value, "domain": host, "path": "/"}]
            )
            return Reader(context.new_page(), address)

        yield window
        for context in contexts:
            context.close()
