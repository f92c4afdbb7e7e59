"""Search, notices, deliveries and health of the whole tenant, by REST."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask

from tests.cast import ADA, GUS, Api, Pages
from tests.databases import Database


def items(caller: Api, path: str) -> list[dict[str, Any]]:
    answer = caller.get(path)
    assert answer.status_code == 200, answer.text
    return list((answer.json or {})["items"])


def test_records_of_every_kind_are_found_by_a_word_and_by_id(
    ada: Api, api: Callable[[str], Api]
) -> None:
    webhook = ada.create("webhooks", name="Orders of Contoso")
    key = ada.create("api-keys", name="Contoso export")
    found = items(ada, "/search?q=contoso")
    assert {(one["resource"], one["id"]) for one in found} == {
        ("webhooks", webhook["id"]), ("api-keys", key["id"]),
    }  # fmt: skip
    [named] = items(ada, f"/search?q={key['id']}")
    assert named == {
        "resource": "api-keys", "id": key["id"], "label": "Contoso export", "status": "active",
    }  # fmt: skip
    assert items(api(GUS), "/search?q=contoso") == []
    assert items(api(GUS), f"/search?q={key['id']}") == []
    assert items(ada, "/search") == []
    assert ada.get("/search?x=1").status_code == 400


def test_a_key_finds_what_it_may_read(app: Flask, ada: Api) -> None:
    ada.create("webhooks", name="Contoso orders")
    ada.create("api-keys", name="Contoso export")
    key = ada.create("api-keys", scopes=["webhooks:read"])["key"]
    found = items(Api(app.test_client(), key), "/search?q=contoso")
    assert [one["resource"] for one in found] == ["webhooks"]


def test_notices_are_those_of_the_page(
    ada: Api, browse: Callable[..., Pages], database: Database
) -> None:
    made = ada.create("webhooks", name="Orders", url="https://hooks.example.com/a")
    ada.post(f"/webhooks/{made['id']}/pause")
    database.sql("UPDATE webhook SET pause_reason = 'failures' WHERE id = %s", made["id"])
    [notice] = items(ada, "/notices")
    assert (notice["title"], notice["lasts"]) == ("Orders", True)
    assert browse(ADA).get(notice["url"]).status_code == 200
    assert notice["text"] in browse(ADA).get("/notices").text


def test_notices_tell_an_application_nothing_of_keys_of_others(ada: Api) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=20)).isoformat()
    crm, shop = (ada.create("applications", display_name=name)["id"] for name in ("CRM", "Shop"))
    for owner, name in ((crm, "CRM"), (shop, "Shop"), (None, "Nobody")):
        ada.create("api-keys", name=f"{name} ends", application_id=owner, expires_at=soon)
        found = ada.create("api-keys", name=f"{name} leaked", application_id=owner)
        report = ada.post("/api-keys/leaks", {"fingerprint": found["key_hash"]})
        assert report.status_code == 200, report.text
    scopes = ["keys:read", "keys:write"]
    made = ada.create("api-keys", application_id=crm, scopes=scopes)
    titles = {one["title"] for one in items(Api(ada.client, made["key"]), "/notices")}
    assert titles == {"CRM ends", "CRM leaked"}
    assert len(items(ada, "/notices")) == 6


def test_deliveries_of_all_webhooks_are_in_one_list(ada: Api, api: Callable[[str], Api]) -> None:
    hooks = [
        ada.create("webhooks", name=name, url="https://hooks.example.com/a", event_types=["rfp.*"])
        for name in ("One", "Two")
    ]
    ada.post(f"/webhooks/{hooks[1]['id']}/pause")
    ada.post("/events", {"type": "rfp.created"})
    found = items(ada, "/deliveries")
    assert {one["webhook_id"]: one["state"] for one in found} == {
        hooks[0]["id"]: "pending", hooks[1]["id"]: "held",
    }  # fmt: skip
    assert [one["id"] for one in found] == sorted((one["id"] for one in found), reverse=True)
    assert len(items(ada, "/deliveries?state=held")) == 1
    assert len(items(ada, f"/deliveries?webhook_id={hooks[0]['id']}")) == 1
    assert items(api(GUS), "/deliveries") == []


def test_the_health_of_a_webhook_is_what_its_page_shows(ada: Api) -> None:
    made = ada.create("webhooks", url="https://hooks.example.com/a", event_types=["rfp.*"])
    ada.post("/events", {"type": "rfp.created"})
    health = ada.get(f"/webhooks/{made['id']}/health").json or {}
    assert (health["webhook_id"], health["is_active"], health["held"]) == (made["id"], True, 1)
    assert health["last_day"] == {
        "hour": None, "attempts": 0, "delivered": 0, "failed": 0, "p50_ms": None, "p95_ms": None,
    }  # fmt: skip
    ada.post(f"/webhooks/{made['id']}/pause")
    paused = ada.get(f"/webhooks/{made['id']}/health").json or {}
    assert (paused["is_active"], paused["pause_reason"]) == (False, "by_hand")


def test_the_inbox_is_opened_used_and_healed(ada: Api) -> None:
    assert ada.get("/inbox").status_code == 404
    opened = ada.post("/inbox").json or {}
    assert opened["is_complete"] is True
    assert ada.get("/inbox").json == ada.post("/inbox").json == opened
    sent = {"event_type": "rfp.created", "failure": "503", "times": 5}
    ada.post(f"/webhooks/{opened['sender_id']}/lab-deliveries", sent)
    assert ada.delete("/inbox/failures").status_code == 204


def test_an_event_type_is_restored_on_its_page(ada: Api, browse: Callable[..., Pages]) -> None:
    made = ada.create("event-types", name="rfp.created")
    path = f"/event-types/{made['id']}"
    ada.delete(path)
    page = browse(ADA)
    assert f"{path}/restore" in page.get(path).text
    assert page.post(f"{path}/restore").status_code == 303
    assert (ada.get(path).json or {})["is_deleted"] is False
    assert f"{path}/restore" not in page.get(path).text
