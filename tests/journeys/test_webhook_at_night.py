"""A receiver breaks at night: its webhook is paused, and in the morning nothing is lost."""

import re
from typing import Any

import pytest

from tests.cast import ADA
from tests.databases import Database
from tests.delivery.test_engine import deliveries, publish, rfp, until
from tests.journeys.conftest import Enter, Stage, ways
from tests.webhooks.conftest import Receiver
from tests.webhooks.kit import rows

HOUR_AGO = "UPDATE endpoint SET failing_since = failing_since - interval '1 hour'"


@pytest.mark.proof
@pytest.mark.timeout(300)
@ways("mouse", "keyboard", "no script", first="mouse")
def test_a_webhook_that_was_paused_at_night_is_mended_resumed_and_replayed(
    enter: Enter, stage: Stage, worker: None, receiver: Receiver, database: Database
) -> None:
    rest = stage.rest(ADA)
    url = receiver.hook("crm", "?status=500")
    webhook = rest.create("webhooks", name="CRM events", url=url, event_types=["rfp.*"])

    def now() -> dict[str, Any]:
        return dict(rest.get(f"/webhooks/{webhook['id']}").json or {})

    publish(rest, *(rfp(number) for number in range(9)))
    until(lambda: now()["consecutive_failures"] == 9, 60)
    rows(database, HOUR_AGO)
    publish(rest, rfp(9))
    until(lambda: now()["pause_reason"] == "failing", 60)
    publish(rest, rfp(10), rfp(11))
    until(lambda: {one["state"] for one in deliveries(rest, webhook)} == {"held"}, 60)

    ada = enter("Ada Almeida")
    ada.sees("CRM events")
    ada.follow("Webhooks")
    ada.follow("CRM events")
    ada.sees(re.compile("paused", re.IGNORECASE))
    ada.follow("Edit")
    ada.write("Target URL", receiver.hook("crm"))
    ada.press("Save")
    ada.follow("Health")
    ada.sees("12 deliveries")
    ada.follow("Resume…")
    ada.press("Resume webhook")
    until(lambda: {one["state"] for one in deliveries(rest, webhook)} == {"delivered"}, 90)

    ada.follow("Replays")
    ada.choose("Which events", "All: everything that matches today")
    ada.press("See how many")
    ada.sees("12 events")
    ada.press("Replay 12 events")
    ada.waits_for("12 of 12 have ended")
    received = receiver.mail("crm")
    assert len({one["headers"]["webhook-id"] for one in received}) == 12
