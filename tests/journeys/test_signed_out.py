"""A session ends while somebody fills in a form: after a new sign-in, nothing typed is lost."""

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.databases import Database
from tests.journeys.conftest import Enter, ways
from tests.webhooks.kit import rows

if TYPE_CHECKING:
    from playwright.sync_api import Route


def answer_htmx_with_nothing(route: "Route") -> None:
    if "hx-request" in route.request.headers:
        route.fulfill(status=204)
    else:
        route.continue_()


@pytest.mark.proof
@pytest.mark.timeout(300)
@ways("mouse", "keyboard", first="mouse")
@pytest.mark.parametrize(
    ("path", "button"),
    [
        ("/applications/new", "Register application"),
        ("/webhooks/new", "Add webhook"),
    ],
)
def test_a_form_is_still_there_after_a_new_sign_in(
    enter: Enter, database: Database, path: str, button: str
) -> None:
    ada = enter("Ada Almeida")
    ada.open(path)
    ada.write("Name", "Typed before")
    # The form asks for its sentence at times of its own: it would be the request that is refused.
    ada.page.route(f"**{path}*", answer_htmx_with_nothing)
    ada.reach(ada.page.get_by_role("button", name=button))
    rows(database, "DELETE FROM web_session")
    ada.page.evaluate("document.body.id = 'before'")
    ada.press(button)
    # The provider still knows Ada, so it asks her nothing.
    expect(ada.page.locator("#before")).to_have_count(0)
    expect(ada.field("Name")).to_have_value("Typed before")


@pytest.mark.timeout(120)
@ways("mouse", first="mouse")
def test_a_form_is_still_there_after_a_new_sign_in_in_another_tab(enter: Enter) -> None:
    ada = enter("Ada Almeida")
    ada.open("/applications/new")
    ada.write("Name", "Typed before")
    ada.page.context.clear_cookies(name=re.compile("^portal-"))  # a new sign-in makes a new one
    ada.press("Register application")
    expect(ada.page.locator("#toasts .toast")).to_contain_text("Nothing was changed")
    expect(ada.field("Name")).to_have_value("Typed before")
    ada.press("Register application")
    expect(ada.page.get_by_role("heading", name="Typed before")).to_be_visible()
