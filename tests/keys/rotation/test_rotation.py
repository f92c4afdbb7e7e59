"""Rotations that are repeated, that end, and that two change at the same time."""

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.database.session import transaction
from portal.keys.rotation import rotation
from tests.cast import ADA, Api, Pages
from tests.databases import Database
from tests.keys.limits.waiting import until
from tests.statements import statements

MAY_WRITE = ["keys:read", "keys:write"]


@pytest.fixture
def writer(app: Flask, ada: Api) -> Api:
    """Return a program that writes keys, and may not reopen what was stopped."""
    return Api(app.test_client(), ada.create("api-keys", scopes=MAY_WRITE)["key"])


def rotated(caller: Api, issued: dict[str, Any], overlap: str = "24h") -> dict[str, Any]:
    answer = caller.post(f"/api-keys/{issued['id']}/rotations", {"overlap": overlap})
    assert answer.status_code == 201, answer.text
    return dict(answer.json or {})


def read(caller: Api, issued: dict[str, Any]) -> dict[str, Any]:
    return dict(caller.get(f"/api-keys/{issued['id']}").json or {})


def test_a_repeated_rotation_gives_the_whole_lifetime_and_the_old_key_no_more_time(
    ada: Api, writer: Api
):
    old = ada.create("api-keys")
    first = rotated(writer, old, "1h")
    ends = read(ada, old)["expires_at"]
    assert writer.post(f"/api-keys/{first['id']}/revoke").status_code == 200
    second = rotated(writer, old, "7d")
    assert second["expires_at"] is None
    assert read(ada, old)["expires_at"] == ends
    writer.post(f"/api-keys/{second['id']}/revoke")
    assert ada.post(f"/api-keys/{old['id']}/rotation/cancellations").status_code == 200
    assert read(ada, old)["expires_at"] is None


# ---------------------------------------------------------------- a key rotates itself


@pytest.mark.parametrize("overlap", rotation.OVERLAPS)
def test_a_key_replaces_itself(app: Flask, ada: Api, overlap: str):
    old = ada.create("api-keys", scopes=MAY_WRITE)
    itself = Api(app.test_client(), old["key"])
    address, body = f"/api-keys/{old['id']}/rotations", {"overlap": overlap}
    foretold = itself.post(address, body, headers={"Prefer": "validate-only"})
    assert foretold.status_code == 201, foretold.text
    successor = rotated(itself, old, overlap)
    assert ada.post("/api-keys/verify", {"key": successor["key"]}).json["valid"]
    assert (read(ada, old)["status"] == "revoked") is (overlap == "now")


def test_a_child_replaces_its_parent_at_once(app: Flask, ada: Api):
    parent = ada.create("api-keys", scopes=MAY_WRITE)
    child = ada.post(f"/api-keys/{parent['id']}/children", {}).json
    successor = rotated(Api(app.test_client(), child["key"]), parent, "now")
    assert ada.post("/api-keys/verify", {"key": successor["key"]}).json["valid"]
    assert read(ada, parent)["status"] == "revoked"


def test_a_key_has_a_limited_number_of_children_that_work(
    ada: Api, monkeypatch: pytest.MonkeyPatch
):
    """They are edited with their parent, and who stops the parent waits for that."""
    monkeypatch.setattr(rotation, "MOST_CHILDREN", 2)
    path = f"/api-keys/{ada.create('api-keys')['id']}/children"
    first, second = (ada.post(path, {}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    refused = ada.post(path, {})
    assert refused.status_code == 409
    assert "This key has 2 child keys that work." in refused.json["detail"]
    ada.post(f"/api-keys/{first.json['id']}/revoke", {})
    assert ada.post(path, {}).status_code == 201


# ---------------------------------------------------------------- a rotation that is over


def test_a_rotation_whose_old_key_was_revoked_is_over(ada: Api):
    old = ada.create("api-keys")
    rotated(ada, old)
    ada.post(f"/api-keys/{old['id']}/revoke")
    before = read(ada, old)
    for verb in ("extensions", "completions", "cancellations"):
        answer = ada.post(f"/api-keys/{old['id']}/rotation/{verb}")
        assert (answer.status_code, "has ended" in answer.json["detail"]) == (409, True), verb
    assert read(ada, old) == before


def test_of_two_rotations_of_a_key_the_newest_is_changed(ada: Api):
    first = ada.create("api-keys")
    second = rotated(ada, first)
    ada.post(f"/api-keys/{first['id']}/revoke")
    rotated(ada, second)
    answer = ada.post(f"/api-keys/{second['id']}/rotation/completions")
    assert (answer.status_code, answer.json["old_key_id"]) == (200, second["id"])
    assert read(ada, second)["status"] == "revoked"


def test_a_rotation_does_not_end_while_the_old_key_is_introspected(
    app: Flask, ada: Api, page: Pages, database: Database
):
    old = ada.create("api-keys", scopes=["keys:read", "keys:write"])
    rotated(ada, old, "until_quiet")
    database.sql("UPDATE key_rotation SET started_at = now() - interval '25 hours'")
    answer = ada.client.post(
        "/oauth/introspect",
        data={"token": old["key"]},
        headers={"Authorization": f"Bearer {ada.token}"},
    )
    assert answer.json["active"] is True
    app.extensions["keys"].flush()
    with app.app_context(), transaction(old["tenant_id"]):
        assert rotation.finish_due(old["tenant_id"]) == 0
    assert "Never used" not in read(ada, old)["health"]["reason"]
    for path in ("rotation", "rotation/finish"):
        shown = page.get(f"/keys/{old['id']}/{path}").text
        assert "1 call without an address" in shown
        assert "Nobody, in the last" not in shown
    of_key = page.get(f"/keys/{old['id']}").text
    assert "2 granted" not in of_key  # an introspection does not say which of them is used
    assert "oauth:introspect" in of_key


# ---------------------------------------------------------------- others at the same time


@pytest.mark.parametrize("verb", ["extensions", "completions", "cancellations"])
def test_who_waits_for_the_key_holds_no_rotation(
    ada: Api, api: Callable[[str], Api], database: Database, verb: str
):
    """So it cannot wait for a change that needs the rotation: a rotation of the same key."""
    old = ada.create("api-keys")
    new = rotated(ada, old)
    ada.post(f"/api-keys/{new['id']}/revoke")
    statuses: list[int] = []
    path = f"/api-keys/{old['id']}/rotation/{verb}"
    call = threading.Thread(target=lambda: statuses.append(api(ADA).post(path).status_code))
    with psycopg.connect(libpq_url(database.superuser_url)) as another:
        another.execute("SELECT FROM api_key WHERE id = %s FOR UPDATE", (old["id"],))
        call.start()
        until(lambda: database.waiting() > 0)
        locked = "SELECT FROM key_rotation WHERE old_key_id = %s FOR UPDATE NOWAIT"
        another.execute(locked, (old["id"],))
    call.join(30)
    assert statuses == [200]


def test_the_worker_leaves_a_rotation_alone_that_is_being_changed(
    app: Flask, ada: Api, database: Database
):
    old = ada.create("api-keys")
    rotated(ada, old)
    database.sql("UPDATE key_rotation SET finish_at = now()")

    def ended() -> int:
        with app.app_context(), transaction(old["tenant_id"]):
            return rotation.finish_due(old["tenant_id"])

    with psycopg.connect(libpq_url(database.superuser_url)) as another:
        another.execute("SELECT FROM api_key WHERE id = %s FOR UPDATE", (old["id"],))
        assert ended() == 0
    assert read(ada, old)["status"] == "active"
    assert ended() == 1
    assert read(ada, old)["status"] == "revoked"


def test_a_turn_of_the_worker_ends_some_rotations_and_the_next_turn_others(
    app: Flask, ada: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rotation, "AT_ONCE", 2)
    keys = [ada.create("api-keys") for _ in range(4)]
    for old in keys:
        rotated(ada, old)
    due = keys[1:]
    whose = [old["id"] for old in due]
    database.sql("UPDATE key_rotation SET finish_at = now() WHERE old_key_id = ANY(%s)", whose)
    for ended in (2, 1, 0):
        with app.app_context(), transaction(keys[0]["tenant_id"]), statements() as sent:
            assert rotation.finish_due(keys[0]["tenant_id"]) == ended
        reads = [sql for sql, _ in sent if sql.startswith("SELECT key_rotation.")]
        assert len(reads) == 1
    assert [read(ada, old)["status"] for old in keys] == ["active"] + ["revoked"] * 3
