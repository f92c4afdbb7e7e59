"""A connector stops working after an edit: its page names the edit, and one button undoes it."""

from typing import Any

import pytest

from tests.cast import ADA, ED
from tests.connections.conftest import PASSWORD, USER, Service, service
from tests.delivery.test_engine import until
from tests.journeys.conftest import Enter, Stage, ways

__all__ = ["service"]


@pytest.mark.proof
@pytest.mark.timeout(300)
@ways("mouse", "keyboard", "no script", first="mouse")
def test_a_connector_that_an_edit_broke_gets_its_credentials_back(
    enter: Enter, stage: Stage, worker: None, service: Service
) -> None:
    ada = enter("Ada Almeida")
    ada.follow("Connectors")
    ada.follow("Add connector")
    ada.follow("Generic HTTP / REST")
    ada.write("Name", "Ticket system")
    ada.write("Base URL", service.address)
    ada.tick("User name and password")
    ada.fill(ada.page.locator("#credentials-basic-0"), USER)
    ada.fill(ada.page.locator("#credentials-basic-1"), PASSWORD)
    ada.press("Add connector")
    ada.waits_for("Works: its check passed")

    rest = stage.rest(ADA)
    made = rest.get("/connectors").json["items"][0]
    path = f"/connectors/{made['id']}"
    edit: dict[str, Any] = {"credentials": {"password": "mistyped"}}
    assert stage.rest(ED).patch(path, edit).status_code == 200
    until(lambda: rest.get(path).json["sync_status"] == "action_required", 60)

    ada.follow("Overview")
    ada.waits_for("Ticket system")
    ada.follow("Connectors")
    ada.follow("Ticket system")
    ada.waits_for("Ed Okafor")
    ada.press("Back to version 1")
    ada.press("Go back", ada.page.get_by_role("alertdialog").filter(has_text="version 1").first)
    ada.waits_for("Works: its check passed")
    assert PASSWORD not in ada.page.content()
