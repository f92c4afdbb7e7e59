"""Provide what the explorer's tests share."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.explorer.catalogue import Catalogue
from tests import ROOT
from tests.cast import ADA, Api, Pages
from tests.explorer.shell import Shell
from tests.identity.serving import served

PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def page_of(operation: str) -> str:
    """Return the address of an operation's page: `page_of("webhooks.create")`."""
    return f"/explorer/integration.{operation}"


def seen(answer: TestResponse) -> str:
    """Return a page's text as people see it."""
    without = re.sub(r"<(script|style).*?</\1>", " ", answer.text, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", without)))


def code_in(answer: TestResponse) -> dict[str, str]:
    """Return label → text of the pieces of code in a page, in one line each."""
    blocks = re.findall(
        r"<header><span>([^<]*)</span>.*?<pre[^>]*><code>(.*?)</code>", answer.text, re.S
    )
    return {
        label: re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", code))).strip()
        for label, code in blocks
    }


def whole_code_in(answer: TestResponse) -> dict[str, str]:
    """Return label → text of the pieces of code in a page, as the copy button copies it."""
    found = re.findall(
        r'<header><span>([^<]*)</span>\s*<button class="copy"[^>]*?data-copy="([^"]*)"', answer.text
    )
    return {label: unescape(text) for label, text in found}


@pytest.fixture
def person(browse: Callable[..., Pages]) -> Pages:
    return browse(ADA)


@pytest.fixture
def catalogue(app: object) -> Catalogue:
    """Return the operations as the explorer knows them."""
    return Catalogue(app.extensions["portal.operations"])  # type: ignore[attr-defined]


@pytest.fixture
def shell(app: Flask, ada: Api, tmp_path: Path) -> Iterator[Shell]:
    scope = tmp_path / "node_modules" / "@cpod"
    scope.mkdir(parents=True)
    (scope / "integration").symlink_to(ROOT / "sdk" / "javascript")
    with served(lambda _: app) as address:
        yield Shell(app, address, tmp_path, ada.token)
