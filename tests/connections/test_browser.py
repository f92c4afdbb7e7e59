"""Connections in a real browser: a check that is watched, a draft that is checked, axe."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.cast import Api
from tests.connections.conftest import PASSWORD, USER, RunChecks, Service
from tests.connectors.test_browser import address, window
from tests.looks import faults
from tests.thorough import IS_PROOF, LOOKS
from tests.web.conftest import Reader

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

__all__ = ["address", "window"]


@pytest.fixture
def run_checks(run_checks: RunChecks) -> RunChecks:
    """Return `run_checks()`, which runs beside the event loop of the browser."""

    def run() -> None:
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(run_checks).result(timeout=60)

    return run


Window = Callable[..., "BrowserContext"]
Make = Callable[..., dict[str, Any]]


@pytest.mark.proof
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_pages_of_a_connector_that_fails_are_accessible_and_fit(
    window: Window,
    address: str,
    ada: Api,
    connector: Make,
    run_checks: RunChecks,
    scheme: str,
    width: int,
) -> None:
    application = ada.create("applications", display_name="RFP Desk")["id"]
    path = f"/connectors/{connector(application_id=application)['id']}"
    run_checks()
    ada.patch(path, {"credentials": {"password": "mistyped"}})
    run_checks()
    looks = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    reader = Reader(window(**looks).new_page(), address)
    more = ("/connectors", f"{path}/edit") if IS_PROOF else ()  # those look as for any other
    for place in (path, f"{path}/timeline", *more):
        page = reader.open(place)
        assert (place, faults(page)) == (place, {})


def test_properties_stand_beside_or_below_and_what_failed_is_hatched(
    window: Window, address: str, ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    path = f"/connectors/{connector()['id']}"
    ada.patch(path, {"credentials": {"password": "mistyped"}})
    run_checks()
    for width, is_beside in ((1280, True), (390, False)):
        looks = {"viewport": {"width": width, "height": 900}}
        page = Reader(window(**looks).new_page(), address).open(path)
        state = page.locator("#connection").bounding_box()
        properties = page.get_by_role("complementary", name="Properties").bounding_box()
        assert state
        assert properties
        assert (properties["x"] > state["x"] + state["width"]) == is_beside
        for failed in (".steps rect[data-state=failed]", "svg.bars rect[data-tone=bad]"):
            fill = page.locator(failed).first.evaluate("bar => getComputedStyle(bar).fill")
            assert "#hatching" in fill


def test_a_check_is_watched_until_it_ends(
    window: Window, address: str, connector: Make, run_checks: RunChecks
) -> None:
    path = f"/connectors/{connector()['id']}"
    run_checks()
    page = Reader(window().new_page(), address).open(path)
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("A check waits for a worker.")).to_be_visible()
    expect(page.get_by_role("button", name="Check again")).to_have_count(0)
    run_checks()
    expect(page.get_by_role("button", name="Check again")).to_be_visible()
    expect(page.locator(".truth")).to_contain_text("Works: its check passed")


def test_without_a_script_a_check_is_asked_for_and_read_by_loading_again(
    window: Window, address: str, connector: Make, run_checks: RunChecks
) -> None:
    path = f"/connectors/{connector()['id']}"
    run_checks()
    page = Reader(window(java_script_enabled=False).new_page(), address).open(path)
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("A check waits for a worker.")).to_be_visible()
    run_checks()
    page.reload()
    expect(page.get_by_role("button", name="Check again")).to_be_visible()


def test_a_refused_connector_goes_back_to_the_version_that_worked(
    window: Window, address: str, ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    path = f"/connectors/{connector()['id']}"
    run_checks()
    ada.patch(path, {"credentials": {"password": "mistyped"}})
    run_checks()
    page = Reader(window().new_page(), address).open(path)
    page.get_by_role("button", name="Back to version 1").first.click()
    dialog = page.get_by_role("alertdialog").filter(has_text="Go back to version 1")
    expect(dialog.first).to_be_visible()
    dialog.first.get_by_role("button", name="Go back").click()
    expect(page.get_by_text("Version 1 of the credentials is put back")).to_be_visible()
    run_checks()
    page.reload()
    expect(page.locator(".truth")).to_contain_text("Works: its check passed")


def test_a_draft_is_checked_beside_its_form_which_keeps_what_was_typed(
    window: Window, address: str, service: Service
) -> None:
    page = Reader(window().new_page(), address).open("/connectors/new?provider=http")
    page.locator("#config-baseUrl").fill(service.address)
    page.get_by_label("User name and password").check()
    page.locator("#credentials-basic-0").fill(USER)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#draft-check")).to_contain_text("fill in: Password")
    page.locator("#credentials-basic-1").fill(PASSWORD)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#draft-check")).to_contain_text("The check passed")
    expect(page.locator("#credentials-basic-1")).to_have_value(PASSWORD)
    assert faults(page) == {}
    page.locator("#name").fill("Ours")
    page.get_by_role("button", name="Add connector").click()
    expect(page.locator(".truth")).to_contain_text("Waits for its check")


def test_who_feels_it_is_asked_before_it_is_disabled(
    window: Window, address: str, ada: Api, connector: Make
) -> None:
    application = ada.create("applications", display_name="RFP Desk")["id"]
    path = f"/connectors/{connector(application_id=application)['id']}"
    page = Reader(window().new_page(), address).open(path)
    page.get_by_role("button", name="Disable…").click()
    dialog = page.get_by_role("alertdialog").filter(has_text="Disable")
    expect(dialog.first).to_contain_text("RFP Desk")
    dialog.first.get_by_role("button", name="Disable").click()
    expect(page.locator(".truth")).to_contain_text("Disabled: it is neither used nor checked")
