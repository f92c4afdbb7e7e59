"""Rotations that are repeated, that end, and that two change at the same time."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.cast import Api

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
