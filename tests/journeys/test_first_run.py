"""The first day: from an empty tenant to the first event that a receiver verified."""

import re

import pytest
from playwright.sync_api import expect

from tests.cast import ADA, Api
from tests.delivery.test_engine import until
from tests.journeys.conftest import Enter, Stage, ways
from tests.webhooks.conftest import Receiver

NAME = "CRM events"


@pytest.mark.proof
@pytest.mark.timeout(300)
@ways("mouse", "keyboard", "no script", first="no script")
def test_a_newcomer_sends_the_first_event(
    enter: Enter, stage: Stage, worker: None, receiver: Receiver
) -> None:
    ada = enter("Ada Almeida")
    steps = ada.page.get_by_role("region", name="First steps")
    expect(steps.get_by_role("link").first).to_be_visible()

    ada.activate(steps.locator('a[href="/applications/new"]'))
    ada.write("Name", "CRM 360")
    ada.press("Register application")
    ada.sees("CRM 360")

    ada.follow("Overview")
    ada.activate(steps.locator('a[href="/keys/new"]'))
    ada.write("Name", "Publisher")
    ada.grant("events:publish")
    ada.press("Issue key")
    key = ada.secret()
    ada.tick("I have stored this key")
    ada.follow("Done")

    ada.follow("Overview")
    ada.activate(steps.locator('a[href="/webhooks/new"]'))
    ada.write("Name", NAME)
    ada.write("Target URL", receiver.hook("crm"))
    ada.write("Events", "rfp.*")
    ada.press("Add webhook")
    receiver.learn("crm", ada.secret())
    ada.tick("I have stored this signing secret")
    ada.follow("To the webhook")

    ada.press("Send test")
    ada.sees("The receiver answered 200.")
    assert receiver.mail("crm")[0]["verified"] is True

    program = Api(stage.app.test_client(), key)
    event = {"type": "rfp.created", "data": {"number": 7}, "subject": "rfp_7"}
    assert program.post("/events", event).status_code == 202
    until(lambda: len(receiver.mail("crm")) == 2, 60)
    assert receiver.mail("crm")[-1]["verified"] is True

    ada.follow("Overview")
    ada.follow("Webhooks")
    ada.follow(NAME)
    ada.follow("Deliveries", ada.page.get_by_role("navigation", name="Webhook"))
    ada.waits_for(re.compile("rfp.created.*delivered", re.IGNORECASE | re.DOTALL))
    assert stage.rest(ADA).get("/webhooks").json["items"][0]["last_delivery_status"] == "delivered"
