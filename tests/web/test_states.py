"""Test what a page keeps and says when something is in the way: offline, signed out, printed."""

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.cast import ADA, ED, Api
from tests.databases import Database
from tests.web.conftest import Opens

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

KEPT = "form-to-come-back-to"


@pytest.fixture
def form(opens: Opens) -> "Page":
    """Return the form for an application, partly filled in."""
    page = opens(ADA).open("/applications/new")
    page.get_by_label("Name", exact=False).first.fill("Order desk")
    return page


def name(page: "Page") -> str:
    return page.get_by_label("Name", exact=False).first.input_value()


def test_a_form_that_is_sent_offline_keeps_what_was_typed(form: "Page") -> None:
    form.context.set_offline(True)
    form.get_by_role("button", name="Register application").click()
    expect(form.get_by_role("alert")).to_contain_text("what you typed is still here")
    # A question in the background, such as a search, fails too, and says nothing more.
    form.evaluate("() => htmx.ajax('GET', '/healthz', {target: '#banner'}).catch(() => {})")
    expect(form.get_by_role("alert")).to_contain_text("what you typed is still here")
    assert name(form) == "Order desk"
    form.context.set_offline(False)
    expect(form.get_by_role("alert")).to_have_count(0)
    form.get_by_role("button", name="Register application").click()
    form.wait_for_url("**/applications/app_*")


def test_who_comes_back_from_the_sign_in_finds_what_they_typed(
    form: "Page", database: Database
) -> None:
    place = form.url
    form.goto("about:blank")
    form.goto(f"{place}#signed-in-again")
    assert name(form) == "Order desk"
    assert "#" not in form.url
    form.reload()
    assert name(form) == "", "it is there once"


def test_nobody_else_finds_it(form: "Page", opens: Opens) -> None:
    place, kept = form.url, form.evaluate("() => (dispatchEvent(new Event('pagehide')),"
        f" sessionStorage.getItem('{KEPT}'))")  # fmt: skip
    page = opens(ED).open("/")
    page.evaluate(f"kept => sessionStorage.setItem('{KEPT}', kept)", kept)
    page.goto(f"{place}#signed-in-again")
    assert name(page) == ""
    assert page.evaluate(f"() => sessionStorage.getItem('{KEPT}')") is None


def test_a_secret_is_printed_only_if_one_asks_for_it(opens: Opens, ada: Api) -> None:
    page = opens(ADA).open("/keys/new")
    page.get_by_label("Name", exact=False).first.fill("Nightly export")
    page.get_by_role("button", name="Issue key").click()
    secret = page.locator("#revealed")
    expect(secret).to_contain_text("sk-")
    page.emulate_media(media="print")
    assert secret.evaluate("one => getComputedStyle(one).visibility") == "hidden"
    page.emulate_media(media="screen")
    page.get_by_label("Print it with this page").check()
    page.emulate_media(media="print")
    assert secret.evaluate("one => getComputedStyle(one).visibility") == "visible"


def test_an_older_look_does_not_replace_what_was_drawn_since(opens: Opens) -> None:
    window = opens()
    held: list[Route] = []
    window.page.route("**/notices", lambda route: held.append(route))
    with window.page.expect_request("**/notices"):
        page = window.open("/connectors")
    notices = page.locator("#notices")
    notices.evaluate("""one => {
        const since = document.createElement("p");
        since.id = one.id;
        since.textContent = "Drawn since";
        one.replaceWith(since);
        addEventListener("htmx:finally:request", () => { since.dataset.ended = ""; });
    }""")
    held.pop().continue_()
    page.locator("#notices[data-ended]").wait_for()
    assert notices.inner_text() == "Drawn since"


def test_what_got_no_answer_is_not_said_to_have_changed_nothing(opens: Opens, ada: Api) -> None:
    made = ada.create("webhooks", name="CRM", url="https://hooks.example.com/")
    window = opens()
    page = window.open(f"/webhooks/{made['id']}")
    page.route("**/*", lambda route: route.abort())
    page.get_by_role("button", name="Send test").click()
    said = page.locator("#banner")
    expect(said).to_contain_text("It may have been done: look before you send it again.")
    # Neither a question of the page itself nor the network that comes and goes hides that.
    page.evaluate("() => htmx.ajax('GET', '/healthz', {target: '#banner'}).catch(() => {})")
    for is_offline in (True, False):
        page.context.set_offline(is_offline)
        page.wait_for_function("offline => navigator.onLine !== offline", arg=is_offline)
        expect(said).to_contain_text("It may have been done")
    page.unroute("**/*")
    page.get_by_role("button", name="Send test").click()
    expect(said).not_to_contain_text("It may have been done")
    page = window.open("/connectors")
    page.route("**/*", lambda route: route.abort())
    page.get_by_role("searchbox", name="Search connectors").fill("crm")
    expect(said).to_contain_text("The portal did not answer. Please try again.")
