"""A tenant's use of its quotas, on the page for admins and by REST."""

import pytest

from portal.quotas.housekeeping import HOUSEKEEPING
from portal.records.quotas.limits import QUOTAS, RECORDS, STORED
from tests.cast import ADA, ED
from tests.keeping import keep_house


def by_name(api) -> dict[str, dict]:
    answer = api.get("/quotas")
    assert answer.status_code == 200, answer.text
    return {one["name"]: one for one in answer.json["items"]}


def test_every_quota_is_told_with_its_limit(ada, gus, set_quota):
    set_quota("--webhooks", "10")
    ada.create("webhooks")
    found = by_name(ada)
    assert list(found) == [quota.name for quota in QUOTAS]
    assert found["webhooks"] == {
        "name": "webhooks", "used": 1, "limit": 10, "state": "room", "counted_at": None
    }  # fmt: skip
    assert found["connectors"]["state"] == "unknown"
    assert by_name(gus)["webhooks"]["limit"] != 10


@pytest.mark.parametrize(("limit", "state"), [(6, "room"), (5, "near"), (4, "reached")])
def test_a_quota_is_near_from_four_fifths_on(ada, set_quota, limit, state):
    set_quota("--connectors", str(limit))
    for _ in range(4):
        ada.create("connectors")
    assert by_name(ada)["connectors"]["state"] == state


def test_a_rate_is_reached_while_somebody_was_refused_lately(ada, browse, set_quota, database):
    set_quota("--events-per-second", "5")  # far more than the average of a minute in which it runs
    batch = [{"type": "rfp.created", "data": {}}] * 5
    assert 429 in [ada.post("/events", json=batch).status_code for _ in range(10)]
    assert by_name(ada)["events_per_second"]["state"] == "reached"
    assert "refused some lately" in browse(ADA).get("/quotas").text
    database.sql("UPDATE quota_rate SET refused_at = refused_at - interval '6 minutes'")
    assert by_name(ada)["events_per_second"]["state"] == "room"


def test_a_rate_is_the_average_of_the_last_full_minute(ada, app, database):
    ada.get("/connectors")
    busy = "UPDATE quota_rate SET minute = %s, lent_before = 630, lent = 1230"
    database.sql(busy, database.minute())
    # 21 if a minute has ended since.
    assert by_name(ada)["requests_per_second"]["used"] in (11, 21)


def test_the_page_and_the_document_say_what_stored_bytes_are(browse, ada):
    assert browse(ADA).get("/quotas").text.count(STORED.counts) == 1
    document = ada.get("/openapi.json").json
    assert STORED.counts in document["paths"]["/quotas"]["get"]["description"]


def test_the_page_says_in_one_sentence_how_it_is(browse, ada, set_quota, app, database):
    page = browse(ADA).get("/quotas")
    assert page.status_code == 200
    kinds = ", ".join(quota.plural for quota in (*RECORDS, STORED))
    assert f"Not counted yet: {kinds}." in page.text
    keep_house(app, database, HOUSEKEEPING)
    assert "There is room in every quota." in browse(ADA).get("/quotas").text
    ada.create("connectors")
    set_quota("--connectors", "1")
    page = browse(ADA).get("/quotas")
    set_quota("--webhooks", "5")
    for _ in range(4):
        ada.create("webhooks")
    page = browse(ADA).get("/quotas")
    assert "At the limit: connectors. Near the limit: webhooks." in page.text
    assert "Delete what you no longer need" in page.text


def test_the_page_is_for_admins_and_stays_reachable_for_them(browse, set_quota):
    assert browse(ED).get("/quotas").status_code == 403
    ada = browse(ADA)
    ada.get("/quotas")
    set_quota("--requests-per-second", "1")
    assert 429 in [ada.get("/connectors").status_code for _ in range(20)]
    assert ada.get("/quotas").status_code == 200
