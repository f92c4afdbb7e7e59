"""Two people edit the same record at the same time: neither loses anything unseen."""

import pytest

from tests.cast import ADA
from tests.journeys.conftest import Enter, Stage, ways


@pytest.mark.proof
@pytest.mark.timeout(300)
@ways("mouse", "keyboard", "no script", first="no script")
def test_the_second_to_save_sees_what_the_first_one_changed(enter: Enter, stage: Stage) -> None:
    rest = stage.rest(ADA)
    webhook = rest.create(
        "webhooks", name="CRM events", url="https://crm.example/in", event_types=["rfp.*"]
    )
    path = f"/webhooks/{webhook['id']}"
    ada, ed = enter("Ada Almeida"), enter("Ed Okafor")
    for person in (ada, ed):
        person.follow("Webhooks")
        person.follow("CRM events")
        person.follow("Edit")
    ed.write("Name", "Deals to CRM")
    ed.write("Target URL", "https://crm.example/deals")
    ed.press("Save")
    ed.sees("https://crm.example/deals")

    ada.write("Name", "CRM 360")
    ada.press("Save")
    ada.sees("Ed Okafor saved this while you were editing")
    ada.sees("Deals to CRM")
    assert ada.field("Name").input_value() == "CRM 360"
    assert rest.get(path).json["name"] == "Deals to CRM", "nothing is saved unseen"
    ada.sees("https://crm.example/deals")
    ada.write("Target URL", "https://crm.example/deals")
    ada.press("Save")
    ada.sees("CRM 360")
    now = rest.get(path).json
    assert (now["name"], now["url"]) == ("CRM 360", "https://crm.example/deals")
