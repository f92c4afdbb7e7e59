"""Search for raw keys in everything that is left after a run of a browser.

Keys are issued, rotated, used, mistyped and sent by link. Then the database, the log and all data
of the browser are searched for them.
"""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.identity.sessions.cookies import Cookies
from portal.ops import embedded_postgres
from tests.cast import ADA, Api, Pages
from tests.conftest import CHROMIUM_FLAGS
from tests.databases import Database
from tests.identity.serving import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

STORED = """
JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state,
    location.href, window.name])
"""


@pytest.fixture
def profile(
    app: Flask, browse: Callable[..., Pages], browser: "Browser", chromium: str, tmp_path: Path
) -> Iterator[tuple["BrowserContext", str]]:
    """Yield Ada's own browser and the portal's address.

    The browser stores its data in `tmp_path / "profile"`.
    """
    cookie = browse(ADA).client.get_cookie(Cookies.of(app.extensions["portal"]).session)
    assert cookie
    with served(lambda _: app) as address:
        context = browser.browser_type.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=CHROMIUM_FLAGS
        )
        context.set_default_timeout(10_000)
        own = {"domain": str(urlsplit(address).hostname), "path": "/"}
        context.add_cookies([{"name": cookie.key, "value": cookie.value, **own}])  # type: ignore[list-item, typeddict-item]
        yield context, address
        context.close()


def test_trap_15_a_raw_key_is_left_nowhere(
    profile: tuple["BrowserContext", str],
    app: Flask,
    ada: Api,
    database: Database,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    context, address = profile
    page = context.new_page()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(f"{request.url} {request.headers}"))

    issued = issue(page, address, "Shown once")
    [record] = ada.get("/api-keys").json["items"]
    page.get_by_role("link", name="Done").click()
    page.wait_for_url("**/keys/key_*")
    page.go_back()
    page.reload()
    page.goto(f"{address}/keys/{record['id']}/rotate")
    page.get_by_role("button", name="Issue the new key").click()
    rotated = reveal(page)
    link = issue(page, address, "By link", delivery="link").partition("#")[2]
    page.goto(f"{address}/keys")

    for raw in (issued, rotated):
        program = Api(app.test_client(), raw)
        assert program.get("/connectors").status_code == 200
        assert program.get("/webhooks").status_code == 403
        assert program.post("/connectors", {"display_name": raw}).status_code == 403
        assert Api(app.test_client(), raw[:-1] + "!").get("/connectors").status_code == 401
        question = {"key": raw, "scope": "keys:read"}
        assert ada.post("/api-keys/verify", question).json["code"] == "SCOPE_MISSING"
        assert ada.post("/api-keys/verify", {"key": raw, "nonsense": raw}).status_code == 422
    app.extensions["keys"].flush()

    left = {"page": page.content(), "stored": page.evaluate(STORED), "asked": str(asked)}
    left["cookies"] = str(context.cookies())
    left["state"] = str(context.storage_state())
    context.close()
    left["profile"] = all_files(tmp_path / "profile")
    left["dump"] = dump(database)
    left["log"] = "".join(capfd.readouterr())
    # The search does find text in these places: the key's id and its name.
    assert record["id"] in left["profile"]
    assert record["id"] in left["log"]
    assert "Shown once" in left["dump"]
    for secret in (issued[12:40], rotated[12:40], link):
        assert [place for place, text in left.items() if secret in text] == []


def issue(page: "Page", address: str, name: str, delivery: str = "") -> str:
    """Issue a key with the form, and return the secret that the page reveals."""
    page.goto(f"{address}/keys/new")
    page.get_by_label("Name").fill(name)
    page.locator('input[value="connectors:read"]').check()
    if delivery:
        page.get_by_label("Deliver the key").select_option(value=delivery)
    page.get_by_role("button", name="Issue key").click()
    return reveal(page)


def reveal(page: "Page") -> str:
    """Return the secret on the page, and confirm that it is stored."""
    text = page.locator("[data-secret]").inner_text()
    page.get_by_label("I have stored this").check()
    assert len(text) > 40
    return text


def all_files(directory: Path) -> str:
    """Return the content of all files below, decoded with one byte and with two per character."""
    found = []
    for path in directory.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found += [content.decode("latin-1"), content.replace(b"\0", b"").decode("latin-1")]
    return "\n".join(found)


def dump(database: Database) -> str:
    """Return a dump of the whole database."""
    program = embedded_postgres.programs() / "pg_dump"
    command = [program, "--inserts", "--dbname", libpq_url(database.superuser_url)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
