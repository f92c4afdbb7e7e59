"""Five hundred keys never expire: all of them get an end, by one job that is previewed first."""

import re

import pytest

from tests.cast import ADA
from tests.journeys.conftest import Enter, Stage, ways

MANY = 500


@pytest.mark.proof
@pytest.mark.timeout(400)
@ways("mouse", "keyboard", "no script", first="mouse")
def test_five_hundred_keys_that_never_expire_get_an_end(
    enter: Enter, stage: Stage, worker: None
) -> None:
    rest = stage.rest(ADA)
    keys = [{"name": f"Import {number}"} for number in range(MANY)]
    assert rest.post("/api-keys/batch", {"items": keys}).status_code in (200, 207)
    ends = rest.create("api-keys", name="It ends already", expires_at="2031-01-01T00:00:00Z")

    ada = enter("Ada Almeida")
    ada.follow("API keys")
    ada.follow("Never expire")
    ada.tick("All")
    ada.press("Edit")
    ada.fill(ada.page.locator('main input[type="datetime-local"]').first, "2030-06-01T00:00")
    ada.press("Preview")
    ada.sees("500 API keys will be changed")
    ada.press("Edit 500")
    ada.waits_for(re.compile("500 API keys are changed"))
    still = rest.get("/api-keys", query_string={"limit": 200, "sort": "-created_at"}).json["items"]
    when = {one["expires_at"] for one in still if one["id"] != ends["id"]}
    assert when == {"2030-06-01T00:00:00Z"}
    assert rest.get(f"/api-keys/{ends['id']}").json["expires_at"] == "2031-01-01T00:00:00Z"
