"""Test that every page tells an admin that a webhook is about to be paused, was paused, or works
again."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.cast import ADA, GUS, VIC, Api, Pages
from tests.databases import Database
from tests.delivery.test_console import PARTIAL, Browse
from tests.lab.test_browser import page
from tests.webhooks.conftest import Make
from tests.webhooks.kit import rows

__all__ = ["page"]  # a fixture


@pytest.fixture
def webhook(ada: Api, make: Make, database: Database) -> dict[str, Any]:
    """Return a webhook for which the engine has an endpoint row."""
    made = make("https://hooks.example/in")
    rows(
        database,
        "INSERT INTO endpoint (tenant_id, webhook_id) VALUES (%s, %s)",
        made["tenant_id"],
        made["id"],
    )
    return made


def now(database: Database, statement: str) -> None:
    rows(database, statement)


WARN = "UPDATE endpoint SET warned_at = now()"
PAUSE = "UPDATE webhook SET paused_at = now(), pause_reason = 'failing'"
RECOVER = "UPDATE webhook SET paused_at = NULL, pause_reason = NULL"
RECOVERED = "UPDATE endpoint SET recovered_at = now(), warned_at = NULL"


def told(pages: Pages) -> list[str]:
    """Return the toast messages of a page when it fetches the notices."""
    answer = pages.get("/notices", headers=PARTIAL)
    assert answer.status_code == 200
    said = json.loads(answer.headers.get("HX-Trigger", "{}"))
    return [item["message"] for item in said.get("toast", {}).get("items", [])]


def test_before_when_and_after_it_is_said_once_each(
    webhook: dict[str, Any], database: Database, browse: Browse
) -> None:
    pages = browse(ADA)
    assert told(pages) == []
    for statements, words in (
        ([WARN], "is paused if this goes on"),
        ([PAUSE], "Paused by itself"),
        ([RECOVER, RECOVERED], "works again"),
    ):
        for statement in statements:
            now(database, statement)
        [said] = told(pages)
        assert said.startswith("CRM events: ")
        assert words in said
        assert told(pages) == [], "it was said"
        assert words in pages.get("/notices").text, "and can be read again"
    assert "attention" not in pages.get("/notices", headers=PARTIAL).text


def test_it_is_nobody_elses_business(
    webhook: dict[str, Any], database: Database, browse: Browse
) -> None:
    now(database, PAUSE)
    for other in (GUS, VIC):
        assert told(browse(other)) == []
        assert "CRM events" not in browse(other).get("/notices").text


def test_what_somebody_paused_by_hand_is_no_news(
    webhook: dict[str, Any], ada: Api, browse: Browse
) -> None:
    ada.post(f"/webhooks/{webhook['id']}/pause")
    assert told(browse(ADA)) == []


def test_every_page_tells_of_it_in_the_bar(
    page: Page, webhook: dict[str, Any], database: Database
) -> None:
    now(database, PAUSE)
    page.goto("/applications")
    expect(page.locator("#toasts")).to_contain_text("Paused by itself", timeout=15_000)
    page.get_by_role("link", name="1 thing needs attention").click()
    expect(page.get_by_role("heading", name="Notices")).to_be_visible()
    expect(page.locator("main")).to_contain_text("What is published is held.")
