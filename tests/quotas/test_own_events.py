"""The portal's own events: what those of one call may cost, and that no single act is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.delivery.queue import matching
from tests.cast import Api
from tests.databases import Database
from tests.delivery.queue.test_matching import KEPT, URL, subscribe

SetQuota = Callable[..., object]
TOO_MUCH = (
    "Webhooks want the events about these records, and together that is more than one request may"
    " owe them: deliveries, or work to match filters. Create fewer at once."
)


def batch(ada: Api, many: int, *, atomic: bool = True) -> Any:
    items = [{"display_name": f"App {n}"} for n in range(many)]
    return ada.post("/applications/batch", {"items": items, "atomic": atomic})


@pytest.fixture
def two_listen(ada: Api) -> str:
    """Create two webhooks for events about applications and keys; return the id of one."""
    body = {"url": URL, "event_types": ["application.*", "api_key.*"]}
    ada.create("webhooks", **body)
    return str(ada.create("webhooks", **body)["id"])


@pytest.fixture
def full(two_listen: str, set_quota: SetQuota, app: Flask, database: Database) -> None:
    """Let Acme's stored bytes be at the limit."""
    database.sql("INSERT INTO quota_stored (tenant_id, bytes) SELECT id, 5 FROM tenant")
    set_quota("--stored-bytes", "1")
    app.extensions["portal.room"].forget()


def test_the_events_of_a_batch_owe_a_bounded_number_of_deliveries(
    ada: Api, database: Database
) -> None:
    subscribe(ada, 201, event_types=["application.*"])
    refused = batch(ada, 500)
    assert (refused.status_code, refused.json["detail"]) == (422, TOO_MUCH), refused.text
    assert database.sql(KEPT) == (0, 0)
    assert ada.get("/applications").json["items"] == []
    assert batch(ada, 50).status_code == 200
    assert database.sql(KEPT) == (50, 50 * 201)


def test_records_that_are_created_each_on_its_own_have_one_bound(
    ada: Api, two_listen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "MOST_OWED", 7)
    results = batch(ada, 5, atomic=False).json["results"]
    assert [one["status"] for one in results] == [201, 201, 201, 422, 422]
    assert results[3]["problem"]["detail"] == results[4]["problem"]["detail"] == TOO_MUCH
    assert batch(ada, 3).status_code == 200, "the next call has a bound of its own"
    keys = {"items": [{"name": f"Key {n}"} for n in range(5)]}
    refused = ada.post("/api-keys/batch", keys)
    assert (refused.status_code, refused.json["detail"]) == (422, TOO_MUCH), refused.text


@pytest.mark.parametrize("bound", ["MOST_OWED", "MOST_STEPS"])
def test_a_single_act_is_never_refused_and_its_event_can_be_sent_later(
    ada: Api, two_listen: str, database: Database, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    key = ada.create("api-keys")
    before = database.sql(KEPT)
    monkeypatch.setattr(matching, bound, 1)
    assert ada.post(f"/api-keys/{key['id']}/revoke").status_code == 200
    assert database.sql(KEPT) == (before[0] + 1, before[1])
    monkeypatch.undo()
    period = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "what": "missing"}
    assert ada.post(f"/webhooks/{two_listen}/replays", period).status_code == 201
    assert database.sql(KEPT) == (before[0] + 1, before[1] + 1)


def test_the_changes_of_one_act_have_one_bound_together(
    ada: Api, two_listen: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ada.create("api-keys")
    before = database.sql(KEPT)
    monkeypatch.setattr(matching, "MOST_OWED", 3)
    rotated = ada.post(f"/api-keys/{key['id']}/rotations", {"overlap": "now"})
    assert rotated.status_code == 201, rotated.text
    events, deliveries = database.sql(KEPT)
    assert events - before[0] > 2
    assert deliveries - before[1] == 2, "of the first event alone"


def test_own_events_count_among_the_events_of_a_second(
    ada: Api, two_listen: str, set_quota: SetQuota
) -> None:
    set_quota("--events-per-second", "1")
    assert batch(ada, 9).status_code == 200
    refused = batch(ada, 2)
    assert (refused.status_code, refused.json["quota"]) == (429, "events_per_second")
    assert ada.post("/events", {"type": "rfp.created"}).status_code == 429
    assert ada.post("/applications", {}).status_code == 201, "a single act is not refused"


def test_a_tenant_that_is_full_owes_no_deliveries_of_own_events(
    ada: Api, full: None, database: Database
) -> None:
    assert ada.post("/events", {"type": "rfp.created"}).status_code == 409
    before = database.sql(KEPT)
    assert batch(ada, 3).status_code == 200
    key = ada.create("api-keys")
    assert ada.post(f"/api-keys/{key['id']}/revoke").status_code == 200
    assert database.sql(KEPT) == (before[0] + 5, before[1])
