"""Sign in again amid an operation, in a real browser with a real provider."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from portal.core.config import libpq_url
from tests.cast import Pages
from tests.databases import Database
from tests.explorer.conftest import page_of
from tests.identity.test_browser import Site, choose, page, site

__all__ = ["page", "site"]  # fixtures
TYPED = '{\n  "name": "Nightly",\n  "scopes": ["connectors:read"],\n  "tags": []\n}'


@pytest.fixture
def late(page: Page, site: Site, database: Database) -> Callable[[str], None]:
    """Return a function that opens a page as Ada, who signed in an hour ago."""

    def open_page(path: str) -> None:
        page.goto(site.portal + path)
        choose(page, "Ada Almeida")
        page.wait_for_url(site.portal + path)
        with psycopg.connect(libpq_url(database.superuser_url)) as connection:
            connection.execute("UPDATE web_session SET auth_time = now() - interval '1 hour'")

    return open_page


def send_and_sign_in(page: Page, site: Site) -> None:
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(f"{site.provider}/**")
    choose(page, "Ada Almeida")
    page.wait_for_url(f"{site.portal}/auth/go-on")


def kept(page: Page) -> list[Any]:
    """Return the values that the browser keeps for this tab."""
    stored = page.evaluate("Object.values(sessionStorage)")
    return [json.loads(one) for one in stored]


def test_a_body_typed_as_json_comes_back_as_typed(
    page: Page, site: Site, late: Callable[[str], None]
) -> None:
    late(page_of("apiKeys.create"))
    page.get_by_role("button", name="Edit as JSON").click()
    page.wait_for_url("**/integration.apiKeys.create?body=json")
    page.get_by_label("JSON").fill(TYPED)
    page.get_by_text("Dry run").click()
    send_and_sign_in(page, site)
    expect(page.get_by_label("JSON")).to_have_value(TYPED)
    expect(page.get_by_role("checkbox", name="Dry run")).to_be_checked()
    expect(page.get_by_role("region", name="Python", exact=True)).to_contain_text("Nightly")
    assert kept(page) == []
    expect(page.locator("#explorer-answer")).to_contain_text("nothing was stored")
    page.get_by_role("button", name="Edit in fields").click()
    expect(page.locator("#raw-error")).to_contain_text("“tags” can only be written as JSON")
    page.wait_for_url(f"{site.portal}{page_of('apiKeys.create')}?body=json")


def test_fields_and_the_id_of_the_address_come_back_too(
    page: Page, site: Site, late: Callable[[str], None]
) -> None:
    late(page_of("apiKeys.rotate") + "?path.id=key_1")
    page.get_by_role("button", name="Edit as JSON").click()
    page.wait_for_url("**path.id=key_1&body=json")
    page.get_by_role("button", name="Edit in fields").click()
    page.wait_for_url("**path.id=key_1")
    page.locator('[name="path.id"]').fill("key_2")
    send_and_sign_in(page, site)
    expect(page.locator('[name="path.id"]')).to_have_value("key_2")
    expect(page.get_by_role("region", name="Python", exact=True)).to_contain_text("key_2")


def test_a_form_with_a_secret_is_kept_nowhere(
    page: Page, site: Site, late: Callable[[str], None]
) -> None:
    late(page_of("connectors.createMany") + "?body=json")
    hidden = "a-token-that-nobody-may-see"
    typed = {"items": [{"credentials": {"token": hidden}}]}
    page.get_by_label("JSON").fill(json.dumps(typed))
    expect(page.get_by_role("region", name="Python", exact=True)).to_contain_text(
        "CREDENTIALS_TOKEN"
    )
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#explorer-answer")).to_contain_text("200 OK")
    assert kept(page) == []
    assert hidden not in page.url


def test_the_address_of_a_draft_shows_the_form(person: Pages) -> None:
    answer = person.get(page_of("webhooks.create") + "/draft")
    assert f'action="{page_of("webhooks.create")}"' in answer.text
