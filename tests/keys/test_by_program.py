"""A program does with keys what people do on pages."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.cast import BASE_URL, VIC, Api, Pages
from tests.databases import Database


def document(answer: Any, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.json or {})


@pytest.fixture
def rotated(ada: Api) -> dict[str, Any]:
    """Return a key in rotation, with the id of its successor."""
    old = ada.create("api-keys", name="Export", scopes=["webhooks:read"])
    new = document(ada.post(f"/api-keys/{old['id']}/rotations", {"overlap": "24h"}), 201)
    return {"old": old["id"], "new": new["id"], "path": f"/api-keys/{old['id']}/rotation"}


def test_a_rotation_is_watched_extended_and_finished(ada: Api, rotated: dict[str, Any]) -> None:
    seen = document(ada.get(rotated["path"]))
    assert (seen["old_key_id"], seen["new_key_id"]) == (rotated["old"], rotated["new"])
    assert (seen["state"], seen["finished_at"]) == ("created", None)
    longer = document(ada.post(f"{rotated['path']}/extensions"))
    assert longer["ends_at"] > seen["ends_at"]
    done = document(ada.post(f"{rotated['path']}/completions"))
    assert done["state"] == "done"
    assert document(ada.get(f"/api-keys/{rotated['old']}"))["status"] == "revoked"


def test_the_old_key_stays_when_its_successor_has_ended(ada: Api, rotated: dict[str, Any]) -> None:
    taken_back = f"{rotated['path']}/cancellations"
    assert ada.post(taken_back).status_code == 409
    ada.post(f"/api-keys/{rotated['new']}/revoke", {})
    assert document(ada.post(taken_back))["state"] == "kept"
    assert document(ada.get(f"/api-keys/{rotated['old']}"))["expires_at"] is None


def test_a_key_that_was_never_rotated_has_no_rotation(ada: Api) -> None:
    made = ada.create("api-keys")
    assert ada.get(f"/api-keys/{made['id']}/rotation").status_code == 404
    assert ada.post(f"/api-keys/{made['id']}/rotation/extensions").status_code == 409


def test_a_planned_revocation_is_taken_back(ada: Api) -> None:
    path = f"/api-keys/{ada.create('api-keys')['id']}"
    ada.post(f"{path}/revoke", {"at": "2099-01-01T00:00:00Z"})
    assert document(ada.post(f"{path}/revocation-cancellations"))["revoke_at"] is None
    assert ada.post(f"{path}/revocation-cancellations").status_code == 409


def test_a_key_is_delivered_by_a_link_that_shows_it_once(app: Flask, ada: Api) -> None:
    made = ada.create("api-keys", name="For Bob", delivery="link")
    assert "key" not in made
    assert "key_hash" not in made
    page, _, code = made["link"].partition("#")
    assert page == f"{BASE_URL}/keys/link"
    headers = {"Sec-Fetch-Site": "same-origin"}
    visitor = app.test_client()
    form = visitor.get("/keys/link").text
    token = form.partition('name="csrf_token" value="')[2].partition('"')[0]
    sent = {"secret": code, "csrf_token": token}
    first, second = (visitor.post("/keys/link", data=sent, headers=headers) for _ in range(2))
    assert "sk-acme-" in first.text
    assert second.status_code == 410


def test_a_key_goes_to_the_secret_store_and_nobody_sees_it(ada: Api) -> None:
    old = ada.create("api-keys")
    made = document(
        ada.post(f"/api-keys/{old['id']}/rotations", {"overlap": "1h", "delivery": "store"}), 201
    )
    assert "key" not in made
    assert made["vault_path"].endswith(f"/keys/{made['id'].replace('_', '-')}/key")
    history = document(ada.get(f"/api-keys/{made['id']}/history"))["items"]
    assert "key.stored" in [entry["action"] for entry in history]


def test_the_answer_to_leaks_is_changed_case_by_case(ada: Api, api: Callable[[str], Api]) -> None:
    assert document(ada.get("/api-keys/leak-policy"))["default"] == "block"
    ada.patch("/api-keys/leak-policy", {"github": "revoke", "user": "notify"})
    changed = document(ada.patch("/api-keys/leak-policy", {"user": None}))
    assert (changed["github"], changed["user"], changed["default"]) == ("revoke", None, "block")
    wrong = ada.patch("/api-keys/leak-policy", {"github": "laugh"})
    assert wrong.status_code == 422
    assert api(VIC).patch("/api-keys/leak-policy", {}).status_code == 403


def test_an_application_decides_nothing_for_the_whole_tenant(app: Flask, ada: Api) -> None:
    application = ada.create("applications", display_name="CRM")
    scopes = ["keys:read", "keys:write", "events:read", "webhooks:write"]
    key = ada.create("api-keys", application_id=application["id"], scopes=scopes)["key"]
    program = Api(app.test_client(), key)
    refused = program.patch("/api-keys/leak-policy", {"default": "notify"})
    assert (refused.status_code, "whole tenant" in refused.text) == (403, True)
    assert program.call("PUT", "/event-settings", json={"retention_days": 1}).status_code == 403
    assert document(ada.get("/api-keys/leak-policy"))["default"] == "block"
    assert document(ada.get("/event-settings"))["retention_days"] != 1


def test_a_leak_is_listed_and_settled(ada: Api) -> None:
    made = ada.create("api-keys", name="Export")
    url = "https://paste.example/1"
    ada.post("/api-keys/leaks", {"fingerprint": made["key_fingerprint"], "url": url})
    [leak] = document(ada.get("/api-keys/leaks"))["items"]
    assert (leak["key_id"], leak["key_name"], leak["url"]) == (made["id"], "Export", url)
    assert leak["settled_at"] is None
    assert document(ada.post(f"/api-keys/{made['id']}/leak-settlements")) == {"leaks": 1}
    [leak] = document(ada.get("/api-keys/leaks"))["items"]
    assert leak["settled_at"] is not None


def test_a_scanner_gets_its_rule(ada: Api) -> None:
    assert "sk-acme-" in document(ada.get("/api-keys/leak-rule"))["gitleaks_toml"]


def test_keys_are_listed_by_weakness_and_repaired_together(ada: Api) -> None:
    weak = [ada.create("api-keys", name=name)["id"] for name in ("One", "Two")]
    ada.create("api-keys", expires_at="2099-01-01T00:00:00Z")
    path = "/api-keys/posture/never_expires/keys"
    first = document(ada.get(f"{path}?limit=1&sort=created_at"))
    rest = document(ada.get(f"{path}?limit=1&sort=created_at&cursor={first['next_cursor']}"))
    assert [first["items"][0]["id"], rest["items"][0]["id"]] == weak
    asked = {"weakness": "never_expires", "remedy": "expire"}
    planned = document(ada.post("/api-keys/repairs", asked))
    assert (planned["count"], planned["dry_run"]) == (2, True)
    done = document(ada.post("/api-keys/repairs", {**asked, "dry_run": False}))
    assert (done["count"], done["dry_run"]) == (2, False)
    assert document(ada.get(path))["items"] == []
    assert ada.get("/api-keys/posture/bad_hair/keys").status_code == 404


def test_a_child_key_is_made_on_a_page(page: Pages, ada: Api, database: Database) -> None:
    parent = ada.create("api-keys", name="Export", scopes=["webhooks:read", "events:read"])
    path = f"/keys/{parent['id']}/child"
    assert path in page.get(f"/keys/{parent['id']}").text
    form = {"name": "Import", "scopes": "events:read", "lifetime_seconds": "900"}
    shown = page.post(path, form)
    assert "sk-acme-" in shown.text
    child = database.sql("SELECT scopes FROM api_key WHERE parent_key_id = %s", parent["id"])
    assert child == ["events:read"]
    refused = page.post(path, {**form, "scopes": "keys:write"})
    assert refused.status_code == 422


def test_a_child_has_no_children_of_its_own(page: Pages, ada: Api) -> None:
    parent = ada.create("api-keys")
    child = document(ada.post(f"/api-keys/{parent['id']}/children", {}), 201)
    path = f"/keys/{child['id']}/child"
    assert path not in page.get(f"/keys/{child['id']}").text
    answer = page.post(path, {"name": "Import", "lifetime_seconds": "900"})
    assert answer.status_code == 409
    assert "no children of its own" in answer.text
