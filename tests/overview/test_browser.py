"""The overview in a real browser looks again by itself, and moves nothing under the pointer."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from playwright.sync_api import expect

from portal.identity.sessions.cookies import Cookies
from tests.cast import ADA, Api, Pages
from tests.databases import Database
from tests.identity.serving import served
from tests.overview.test_overview import BROKEN, FAILS, SET_UP
from tests.records.test_health import connector, lay, webhook

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

# The page looks again as soon as it is told that it is visible, and counts how often it did.
COUNT = """
    window.looks = 0;
    const cockpit = document.getElementById("cockpit");
    cockpit.dataset.live = "0";
    cockpit.addEventListener("live", () => window.looks += 1);
    window.kept = document.querySelector("#needs h3 a");
"""
LOOK = "document.dispatchEvent(new Event('visibilitychange')); window.looks"
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
HELD_OFF = "setInterval = () => 0;"  # the test says when to look


@pytest.fixture
def page(app: Flask, browse: Callable[..., Pages], browser: "Browser") -> Iterator["Page"]:
    cookie = browse(ADA).client.get_cookie(Cookies.of(app.extensions["portal"]).session)
    assert cookie
    with served(lambda _: app) as address:
        context = browser.new_context(base_url=address)
        context.set_default_timeout(20_000)
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": address}])
        context.add_init_script(HELD_OFF)
        yield context.new_page()
        context.close()


def test_it_looks_again_and_keeps_what_is_there(page: "Page", ada: Api, database: Database) -> None:
    lay(database, [FAILS], webhook(ada, name="CRM"))
    page.goto("/")
    expect(page.locator(".truth")).to_contain_text("CRM: failing")
    page.evaluate(COUNT)
    lay(database, [SET_UP, *BROKEN], connector(ada, name="Splunk"))
    assert page.evaluate(LOOK) == 1
    expect(page.locator(".truth")).to_contain_text("1 connector fails and 1 webhook fails.")
    assert page.evaluate("window.kept.isConnected && window.kept.textContent") == "CRM"


def test_it_waits_while_one_points_at_a_row(page: "Page", ada: Api, database: Database) -> None:
    lay(database, [FAILS], webhook(ada, name="CRM"))
    page.goto("/")
    page.evaluate(COUNT)
    page.locator("#needs h3 a").hover()
    assert page.evaluate(LOOK) == 0
    page.locator("h1").hover()
    assert page.evaluate(LOOK) == 1
    page.locator("#needs h3 a").focus()
    assert page.evaluate(LOOK) == 1


def test_an_answer_that_comes_after_the_pointer_is_dropped(
    page: "Page", ada: Api, database: Database
) -> None:
    lay(database, [FAILS], webhook(ada, name="CRM"))
    page.goto("/")
    page.evaluate(COUNT)
    lay(database, [SET_UP, *BROKEN], connector(ada, name="Splunk"))
    waiting = list["Route"]()

    def keep(route: "Route") -> None:
        waiting.append(route)

    page.route("/", keep)
    with page.expect_request("/"):
        page.evaluate(LOOK)
    page.locator("#needs h3 a").hover()
    with page.expect_response("/") as answer:
        waiting[0].continue_()
    answer.value.finished()
    page.evaluate(DRAWN)
    expect(page.locator("#needs li")).to_have_count(1)
    page.locator("h1").hover()
    page.unroute("/")
    page.evaluate(LOOK)
    expect(page.locator("#needs li")).to_have_count(2)


def test_without_scripts_it_is_all_there(
    app: Flask, browse: Callable[..., Pages], browser: "Browser", ada: Api, database: Database
) -> None:
    lay(database, [FAILS], webhook(ada, name="CRM"))
    cookie = browse(ADA).client.get_cookie(Cookies.of(app.extensions["portal"]).session)
    assert cookie
    with served(lambda _: app) as address:
        context = browser.new_context(base_url=address, java_script_enabled=False)
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": address}])
        plain = context.new_page()
        plain.goto("/")
        plain.get_by_role("link", name="See why: CRM").click()
        assert "/webhooks/whk_" in plain.url
        context.close()
